//! Mirrors `src/actors/ping.rs`.

use super::*;

impl Node {
    /// A link, and its peer, on which no PONG ever came; only of peers that parse a stream, who answer all of them.
    pub fn link_without_answers(&self) -> Option<(LinkId, PeerId)> {
        self.links.iter().find_map(|(id, link)| {
            let (peer, _) = link.open.as_ref().filter(|_| link.is_stream())?;
            let keep_alive = link.keep_alive.as_ref()?;
            (keep_alive.rtt.count == 0).then(|| (*id, peer.clone()))
        })
    }

    /// Looks over all links.
    pub(super) fn ping_tick(&mut self, ctx: &mut Context) {
        let mut needs = Vec::new();
        for (id, link) in &mut self.links {
            let heard = self.heard.get(id).copied().unwrap_or(ctx.now);
            if let Some(keep_alive) = &mut link.keep_alive {
                needs.push((*id, keep_alive.check(ctx.now, heard)));
            }
        }
        for (id, need) in needs {
            let msg_id = Uuid::from_u128(ctx.rng.u128(..));
            let silent = CloseReason::Silent(self.limits.keep_alive.silence_max());
            match need {
                Need::Nothing => {}
                Need::Ping => {
                    self.session(ctx, id, |session, at, out| session.ping(at, msg_id, out))
                }
                Need::Close => self.close(ctx, id, silent),
            }
        }
        ctx.after(PING_TICK, Event::Node(self.who, Wake::Ping));
    }
}

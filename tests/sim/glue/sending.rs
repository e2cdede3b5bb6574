//! Mirrors `src/actors/router/sending.rs`, as far as texts go to known peers.

use super::*;

impl Node {
    /// `/msg`: to a known peer, waiting for it or not; the id if it was accepted.
    pub fn send(
        &mut self,
        ctx: &mut Context,
        peer: &PeerId,
        text: &str,
        wait: Option<Duration>,
    ) -> Option<Uuid> {
        self.table.get(peer)?;
        let linked = self.table.is_linked(peer);
        if !linked && wait.is_none() {
            return None;
        }
        let message = own_message(ctx, Destination::Peer(peer.clone()), text);
        let msg_id = message.msg_id;
        let line = encode::send(&msg_id.to_string(), self.id.as_str(), peer.as_str(), text).ok()?;
        let expires = wait.filter(|_| !linked).map(|wait| ctx.now + wait);
        let entry = entry(message, line.into(), expires, linked);
        self.queue_of(peer).push(entry).ok()?;
        ctx.note_text(&self.id, &msg_id.to_string(), text);
        ctx.note_send(self.who, peer, msg_id);
        self.owing.insert(peer.clone());
        match linked {
            true => self.wake_writer(ctx, peer),
            false => self.table.wanted(ctx.now, peer),
        }
        self.arm_router(ctx);
        Some(msg_id)
    }

    /// `/pub`: to the linked peers of a namespace, or to all.
    pub fn publish(&mut self, ctx: &mut Context, to: Destination, text: &str) {
        let peers = self.audience(&to);
        let msg_id = own_message(ctx, to.clone(), text).msg_id.to_string();
        let line = encode::publish(&msg_id, self.id.as_str(), &to.to_wire(), text);
        let Ok(line) = line.map(Bytes::from) else {
            return;
        };
        ctx.note_text(&self.id, &msg_id, text);
        for peer in peers {
            let queue = self.queue_of(&peer);
            // Who has no room is skipped.
            if queue.room(&[line.len()]) == 1 {
                let lines = line.clone();
                queue.publish(Publications { lines, count: 1 });
                self.wake_writer(ctx, &peer);
                self.owing.insert(peer);
            }
        }
        self.arm_router(ctx);
    }

    /// `/reconnect`
    pub fn reconnect(&mut self, ctx: &mut Context) {
        ctx.note_reason(Some(self.who), None);
        self.table.reconnect(ctx.now);
        self.feed(ctx, Input::DiscoverNow { quick: true });
        self.router_tick(ctx);
    }

    /// `/connect`
    pub fn join(&mut self, ctx: &mut Context, address: SocketAddr, lasting: bool) {
        ctx.note_news(self.who);
        self.joined.push((address, lasting));
        self.table.join(ctx.now, address, lasting);
        self.router_tick(ctx);
    }

    fn audience(&self, to: &Destination) -> Vec<PeerId> {
        let belongs = |peer: &PeerId| match to {
            Destination::Namespace(namespace) => peer.namespace() == namespace,
            _ => true,
        };
        let linked = self.table.peers().filter(|(_, it)| !it.links.is_empty());
        let peers = linked.map(|(id, _)| id).filter(|id| belongs(id));
        let mut peers: Vec<PeerId> = peers.cloned().collect();
        // The order of a hash map would be chance that no seed decides.
        peers.sort();
        peers
    }
}

fn own_message(ctx: &mut Context, to: Destination, text: &str) -> Arc<OwnMessage> {
    Arc::new(OwnMessage {
        msg_id: Uuid::from_u128(ctx.rng.u128(..)),
        number: 0,
        to,
        text: text.into(),
        reference: None,
    })
}

fn entry(
    message: Arc<OwnMessage>,
    line: Bytes,
    expires: Option<Instant>,
    announced: bool,
) -> Entry {
    Entry {
        message,
        line,
        expires,
        announced,
        lost: 0,
    }
}

//! Mirrors `src/actors/peer.rs` and `reader.rs`: one connection around its session.

use super::*;

impl Node {
    /// The connection is made.
    pub(super) fn run(&mut self, ctx: &mut Context, link: LinkId) {
        self.heard.insert(link, ctx.now);
        self.session(ctx, link, |session, at, out| session.start(at.now, out));
    }

    /// Bytes came. What they brought is handed up, then their ACKs leave, then the link ends if it has to.
    pub fn chunk_received(&mut self, ctx: &mut Context, link: LinkId, chunk: &[u8]) {
        self.heard.insert(link, ctx.now);
        let Some(it) = self.links.get_mut(&link) else {
            return;
        };
        let mut lines = std::mem::take(&mut it.lines);
        self.session(ctx, link, |session, at, out| {
            if lines
                .feed(chunk, |line| session.line(at, line, out))
                .is_err()
            {
                session.close(CloseReason::LineTooLong, out);
            }
        });
        if let Some(it) = self.links.get_mut(&link) {
            it.lines = lines;
        }
    }

    /// The stream ended.
    pub fn stream_ended(&mut self, ctx: &mut Context, link: LinkId, broken: Option<String>) {
        self.session(ctx, link, |session, at, out| {
            session.end_of_stream(at.now, broken, out);
        });
    }

    /// Whether the reader of this link takes more.
    pub fn has_room_to_read(&self, link: LinkId) -> bool {
        let paced = |it: &Link| !it.is_stream() && it.replies.len() >= PACED_REPLIES_MAX;
        !self.links.get(&link).is_some_and(paced)
    }

    pub(super) fn session(
        &mut self,
        ctx: &mut Context,
        link: LinkId,
        act: impl FnOnce(&mut Session, Moment<'_>, &mut Outputs),
    ) {
        let Some(it) = self.links.get_mut(&link) else {
            return;
        };
        let mut outputs = Outputs::default();
        let at = Moment {
            now: ctx.now,
            timestamp: "2026-01-01T00:00:00Z",
        };
        act(&mut it.session, at, &mut outputs);
        self.apply(ctx, link, outputs);
    }

    fn apply(&mut self, ctx: &mut Context, link: LinkId, mut outputs: Outputs) {
        let opened = outputs.opened.take();
        let opened = opened.and_then(|it| self.open_or_turn_away(ctx, link, it, &mut outputs));
        let finish = self.answer(ctx, link, &mut outputs);
        let closed = outputs.closed.take();
        if let Some(opened) = opened {
            self.post(ctx, Letter::Opened(opened));
        }
        self.hand_up(ctx, link, &mut outputs);
        match closed {
            Some(reason) => self.end(ctx, link, reason),
            None => self.acknowledge(ctx, link, outputs.acks, finish),
        }
    }

    fn open_or_turn_away(
        &mut self,
        ctx: &mut Context,
        link: LinkId,
        (peer, features): (PeerId, Features),
        outputs: &mut Outputs,
    ) -> Option<LinkOpened> {
        let Err(reason) = self.admit(ctx, link, &peer) else {
            return self.open(ctx, link, peer, features);
        };
        outputs.prompt.clear();
        let msg_id = Uuid::from_u128(ctx.rng.u128(..));
        let it = self.links.get_mut(&link)?;
        match it.direction {
            Direction::Outbound => it.session.leave(ctx.now, reason, msg_id, outputs),
            Direction::Inbound => it.session.close(reason, outputs),
        }
        None
    }

    fn open(
        &mut self,
        ctx: &mut Context,
        id: LinkId,
        peer: PeerId,
        features: Features,
    ) -> Option<LinkOpened> {
        let kind = LinkKind {
            stream: features.stream,
            acks: features.ack,
        };
        self.queue_of(&peer);
        let link = self.links.get_mut(&id)?;
        let quiet = link.direction == Direction::Inbound && !kind.stream;
        link.quiet_until = quiet.then(|| ctx.now + QUIET_AFTER_HELLO_OK);
        link.open = Some((peer.clone(), kind));
        link.keep_alive = Some(KeepAlive::new(self.limits.keep_alive, ctx.now));
        link.opened = ctx.now;
        ctx.note_opened(self.who, &peer, link.direction);
        link.opened(id)
    }

    /// Queues what is to be written now; true if the writing is to end behind the ACKs.
    fn answer(&mut self, ctx: &mut Context, link: LinkId, outputs: &mut Outputs) -> bool {
        let prompt = std::mem::take(&mut outputs.prompt);
        let fits = self.reply(ctx, link, prompt);
        let behind_acks = outputs.finish_writing && !outputs.acks.is_empty();
        if let Some(it) = self.links.get_mut(&link) {
            if !fits {
                it.session.close(CloseReason::Overloaded, outputs);
            }
            it.hold |= outputs.said_bye;
            it.finish |= outputs.finish_writing && !behind_acks;
        }
        behind_acks
    }

    /// Tells the ping actor and the router what a chunk brought, once the link is open.
    fn hand_up(&mut self, ctx: &mut Context, link: LinkId, outputs: &mut Outputs) {
        let Some(it) = self.links.get_mut(&link) else {
            return;
        };
        let Some((peer, _)) = it.open.clone() else {
            return;
        };
        if let Some(keep_alive) = &mut it.keep_alive {
            outputs.rtts.iter().for_each(|rtt| keep_alive.rtt.add(*rtt));
        }
        if !outputs.acked.is_empty() {
            let acked = std::mem::take(&mut outputs.acked);
            self.post(ctx, Letter::Acks(peer.clone(), acked, ctx.now));
        }
        if !outputs.texts.is_empty() {
            self.post(ctx, Letter::Texts(peer, std::mem::take(&mut outputs.texts)));
        }
    }

    /// The texts are handed up: their ACKs may leave.
    fn acknowledge(&mut self, ctx: &mut Context, link: LinkId, acks: Vec<u8>, finish: bool) {
        let fits = self.reply(ctx, link, acks);
        let Some(it) = self.links.get_mut(&link) else {
            return;
        };
        it.finish |= finish;
        if let Some(at) = it.session.deadline() {
            ctx.at(at, Event::Node(self.who, Wake::Deadline(link)));
        }
        if !fits {
            return self.close(ctx, link, CloseReason::Overloaded);
        }
        self.write_on(ctx, link);
    }

    /// Ends a link without a word.
    pub(super) fn close(&mut self, ctx: &mut Context, link: LinkId, reason: CloseReason) {
        self.session(ctx, link, |session, _, out| session.close(reason, out));
    }

    /// The one door out.
    pub(super) fn end(&mut self, ctx: &mut Context, id: LinkId, reason: CloseReason) {
        let Some(link) = self.links.remove(&id) else {
            return;
        };
        ctx.close(link.conn.0, link.conn.1);
        let (peer, was_open) = link.open.unzip();
        self.admission.ended(id, peer.as_ref());
        let ended = LinkEnded {
            link: id,
            peer,
            target: link.target,
            was_open,
            reason,
        };
        if ended.was_open.is_some() || ended.target.is_some() {
            self.post(ctx, Letter::Ended(ended));
        }
    }
}

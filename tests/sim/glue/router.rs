//! Mirrors `src/actors/router/`: what reports lead to.

use super::*;

impl Node {
    /// Puts a letter into the router's queue.
    pub(super) fn post(&mut self, ctx: &mut Context, letter: Letter) {
        if self.inbox.is_empty() {
            let wait = ctx.millis(0..=3);
            ctx.after(wait, Event::Node(self.who, Wake::Inbox));
        }
        self.inbox.push_back(letter);
    }

    /// The router handles what waits for it.
    pub(super) fn empty_inbox(&mut self, ctx: &mut Context) {
        while let Some(letter) = self.inbox.pop_front() {
            match letter {
                Letter::Texts(peer, texts) => self.texts_received(ctx, &peer, &texts),
                Letter::Acks(peer, msg_ids, at) => self.acks_received(ctx, &peer, &msg_ids, at),
                Letter::Opened(opened) => {
                    self.link_opened(ctx, opened);
                    self.router_tick(ctx);
                }
                Letter::Ended(ended) => {
                    self.link_or_dial_ended(ctx, ended);
                    self.router_tick(ctx);
                }
                Letter::Records(records) => {
                    ctx.note_news(self.who);
                    self.table.discovered(ctx.now, &records);
                    self.records = Some((ctx.now, records));
                    self.router_tick(ctx);
                }
            }
        }
        self.arm_router(ctx);
    }

    /// The router panicked: the next incarnation rebuilds its tables by asking.
    pub fn replace_router(&mut self, ctx: &mut Context) {
        ctx.log(|| format!("{:?}: another router", self.who));
        ctx.note_replaced(self.who);
        self.table = PeerTable::new(self.id.clone(), self.limits.table);
        self.known.clear();
        self.tick = None;
        for (address, lasting) in self.joined.clone() {
            self.table.join(ctx.now, address, lasting);
        }
        self.ask_links(ctx);
        if let Some((at, records)) = self.records.clone() {
            self.table.discovered(at, &records);
        }
        for queue in self.queues.values_mut() {
            let writes = queue
                .writer()
                .is_some_and(|it| self.known.contains_key(&it));
            if !writes {
                queue.set_writer(None);
            }
        }
        self.owing = self.queues.keys().cloned().collect();
        self.router_tick(ctx);
    }

    /// The open links and the dials under way announce themselves.
    fn ask_links(&mut self, ctx: &mut Context) {
        let open: Vec<LinkOpened> = self
            .links
            .iter()
            .filter_map(|(id, link)| link.opened(*id))
            .collect();
        for opened in open {
            self.link_opened(ctx, opened);
        }
        let dialling = self.links.values().filter(|link| link.open.is_none());
        for target in dialling.filter_map(|link| link.target.as_ref()) {
            self.table.dialling(ctx.now, target);
        }
    }

    fn link_opened(&mut self, ctx: &mut Context, opened: LinkOpened) {
        if self.known.contains_key(&opened.link) {
            return;
        }
        let (id, peer) = (opened.link, opened.peer.clone());
        let link = peer_table::Link {
            id,
            direction: opened.direction,
            address: opened.address,
            opened: opened.opened,
        };
        let (now, target) = (ctx.now, opened.target.clone());
        self.known.insert(id, opened);
        let heard = heard_in(&self.heard);
        let outputs = self
            .table
            .link_opened(now, &peer, link, target.as_ref(), heard);
        self.apply_table(ctx, outputs);
        self.queue_of(&peer).announce();
    }

    fn link_or_dial_ended(&mut self, ctx: &mut Context, ended: LinkEnded) {
        self.heard.remove(&ended.link);
        let known = self.known.remove(&ended.link);
        let lived = known.as_ref().map(|it| ctx.now - it.opened);
        let kind = known.map(|it| it.kind).or(ended.was_open);
        match (kind, ended.peer.clone()) {
            (Some(kind), Some(peer)) => self.link_ended(ctx, &peer, kind, lived, &ended),
            _ => self.dial_ended(ctx, &ended),
        }
    }

    fn link_ended(
        &mut self,
        ctx: &mut Context,
        peer: &PeerId,
        kind: LinkKind,
        lived: Option<Duration>,
        ended: &LinkEnded,
    ) {
        if let Some(queue) = self.queues.get_mut(peer) {
            let outcomes = queue.link_lost(ended.link, kind);
            self.tell_outcomes(ctx, peer, outcomes);
            self.owing.insert(peer.clone());
        }
        let (now, random, reason) = (ctx.now, ctx.rng.f64(), &ended.reason);
        let heard = heard_in(&self.heard);
        let outputs = self
            .table
            .link_ended(now, peer, ended.link, reason, random, heard);
        // A router that was replaced meanwhile does not know the link, and takes no notice of its end.
        if let Some(lived) = lived {
            let last = !self.table.is_linked(peer);
            ctx.note_ended(self.who, peer, reason, lived, last);
        }
        self.apply_table(ctx, outputs);
        self.wake_writer(ctx, peer);
    }

    fn dial_ended(&mut self, ctx: &mut Context, ended: &LinkEnded) {
        if let Some(target) = &ended.target {
            let random = ctx.rng.f64();
            let outputs = self
                .table
                .dial_ended(ctx.now, target, &ended.reason, random);
            self.apply_table(ctx, outputs);
        }
    }

    fn texts_received(&mut self, ctx: &mut Context, peer: &PeerId, texts: &Texts) {
        for text in texts.iter() {
            let (most, age) = (self.limits.seen_max, self.limits.seen_age);
            let filter = self.seen.entry(peer.clone());
            let filter = filter.or_insert_with(|| Duplicates::new(most, age));
            if filter.is_new(ctx.now, text.msg_id, text.payload) {
                ctx.note_shown(self.who, peer, text.msg_id, text.payload);
            } else {
                ctx.oracle.counts.duplicates += 1;
            }
        }
    }

    fn acks_received(&mut self, ctx: &mut Context, peer: &PeerId, ids: &[String], at: Instant) {
        for msg_id in ids.iter().filter_map(|id| Uuid::try_parse(id).ok()) {
            let queue = self.queues.get_mut(peer);
            let outcome = queue.and_then(|queue| queue.acknowledged(at, msg_id));
            self.tell_outcomes(ctx, peer, outcome.into_iter().collect());
        }
    }

    /// Time passes: dials, expiries.
    pub(super) fn router_tick(&mut self, ctx: &mut Context) {
        let heard = heard_in(&self.heard);
        let outputs = self.table.tick(ctx.now, heard);
        self.apply_table(ctx, outputs);
        for peer in std::mem::take(&mut self.owing) {
            let Some(queue) = self.queues.get_mut(&peer) else {
                continue;
            };
            let outcomes = queue.expire(ctx.now);
            if !queue.is_settled() {
                self.owing.insert(peer.clone());
            }
            self.tell_outcomes(ctx, &peer, outcomes);
        }
        let now = ctx.now;
        self.seen.retain(|_, filter| !filter.is_empty(now));
        self.arm_router(ctx);
    }

    /// The one place where the table's wishes become effects.
    fn apply_table(&mut self, ctx: &mut Context, outputs: Vec<peer_table::Output>) {
        use peer_table::Output;
        let is_forgotten = |output: &Output| matches!(output, Output::Forgotten(_));
        let forgets = outputs.iter().any(is_forgotten);
        for output in outputs {
            match output {
                Output::Dial(target) => self.dial(ctx, target),
                Output::Writer(peer, link) => {
                    self.queue_of(&peer).set_writer(link);
                    self.wake_writer(ctx, &peer);
                }
                Output::Unreachable(peer, status, reason) => {
                    ctx.log(|| format!("{:?}: {peer} is {}: {reason}", self.who, status.name()));
                    self.fail_waiting(ctx, &peer, "the peer does not answer");
                }
                Output::Forgotten(peer) => self.fail_waiting(ctx, &peer, "the peer is gone"),
                Output::AddressUnreachable {
                    address, given_up, ..
                } => {
                    self.joined.retain(|(it, _)| !given_up || *it != address);
                }
                Output::Conflict { .. } => {}
            }
        }
        if forgets {
            self.forget_unknown();
        }
    }

    /// `Kept::forget_unknown`
    fn forget_unknown(&mut self) {
        let opening: BTreeSet<PeerId> = self.open_links().map(|(_, peer)| peer.clone()).collect();
        let table = &self.table;
        self.queues
            .retain(|peer, _| table.get(peer).is_some() || opening.contains(peer));
        self.seen.retain(|peer, _| self.queues.contains_key(peer));
    }

    fn fail_waiting(&mut self, ctx: &mut Context, peer: &PeerId, reason: &'static str) {
        if let Some(queue) = self.queues.get_mut(peer) {
            let outcomes = queue.fail_waiting(reason);
            self.tell_outcomes(ctx, peer, outcomes);
        }
    }

    fn tell_outcomes(&self, ctx: &mut Context, peer: &PeerId, outcomes: Vec<Outcome>) {
        for outcome in outcomes {
            ctx.note_outcome(self.who, peer, &outcome);
        }
    }

    /// The queue of one peer, made if there is none.
    pub(super) fn queue_of(&mut self, peer: &PeerId) -> &mut PeerQueue {
        let limits = self.limits.queue;
        let queue = self.queues.entry(peer.clone());
        queue.or_insert_with(|| PeerQueue::new(limits))
    }

    /// Tells the link that writes that there is something for it.
    pub(super) fn wake_writer(&mut self, ctx: &mut Context, peer: &PeerId) {
        let writer = self.queues.get(peer).and_then(PeerQueue::writer);
        if let Some(link) = writer {
            self.write_on(ctx, link);
        }
    }

    /// Keeps one timer.
    pub(super) fn arm_router(&mut self, ctx: &mut Context) {
        let tick = match !self.owing.is_empty() || self.table.is_busy() {
            true => TICK_BUSY,
            false => TICK_IDLE,
        };
        if self.tick.is_none_or(|(armed, _)| armed > tick) {
            let at = ctx.now + tick;
            self.tick = Some((tick, at));
            ctx.at(at, Event::Node(self.who, Wake::Tick(at)));
        }
    }
}

impl Link {
    /// What an open link tells about itself.
    pub(super) fn opened(&self, link: LinkId) -> Option<LinkOpened> {
        let (peer, kind) = self.open.clone()?;
        Some(LinkOpened {
            link,
            peer,
            direction: self.direction,
            address: self.address,
            target: self.target.clone(),
            kind,
            opened: self.opened,
        })
    }
}

fn heard_in(heard: &BTreeMap<LinkId, Instant>) -> impl Fn(LinkId) -> Option<Instant> {
    |link| heard.get(&link).copied()
}

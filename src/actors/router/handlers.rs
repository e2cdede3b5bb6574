//! The router's handlers: read the time, decide below, apply, settle.

use std::{sync::Arc, time::Instant};

use actix::{Context, Handler, MessageResult};
use uuid::Uuid;

use super::{
    AcksReceived, DialAddress, LOST_MAX, LinkRow, ListLinks, ListPeers, ListRecent, PeerRow,
    Reconnect, RecordsDiscovered, ResolvePeer, RouterActor, STRANGERS_TOGETHER, SendError,
    SendTexts, TextsReceived,
};
use crate::{
    actors::{
        clock,
        events::{NodeEvent, ReceivedTexts},
        links::{LinkEnded, LinkOpened},
        recent::RecentFact,
        rendezvous::LinkEndedHere,
    },
    proto::{
        close::{CloseReason, Redial},
        link::Direction,
        outgoing::LinkKind,
    },
    wire::identity::PeerId,
};

impl Handler<LinkOpened> for RouterActor {
    type Result = ();

    fn handle(&mut self, opened: LinkOpened, ctx: &mut Context<Self>) {
        let now = clock::now();
        let direction = opened.direction;
        self.link_opened(now, opened);
        match direction {
            Direction::Outbound => {
                self.tick(now);
                self.settle(ctx);
            }
            // Who dialled us frees no place to dial another.
            Direction::Inbound => {
                self.retry_waiting(now);
                self.settle_undialled(ctx);
            }
        }
    }
}

impl Handler<LinkEnded> for RouterActor {
    type Result = ();

    fn handle(&mut self, ended: LinkEnded, ctx: &mut Context<Self>) {
        let now = clock::now();
        let open = self.open.remove(&ended.link);
        if self.open.is_empty() {
            self.first_link = None;
        }
        let kind = open.map(|open| open.kind).or(ended.was_open);
        match (kind, &ended.peer) {
            (Some(kind), Some(peer)) => self.link_ended(now, peer.clone(), kind, &ended),
            _ => self.dial_ended(now, &ended),
        }
        // Who is not dialled again leaves nothing to do now; many of them are looked over together.
        self.strangers_left += 1;
        if ended.direction == Direction::Inbound
            && !self.is_located(ended.peer.as_ref())
            && self.strangers_left < STRANGERS_TOGETHER
        {
            return self.settle_undialled(ctx);
        }
        self.tick(now);
        self.settle(ctx);
    }
}

impl RouterActor {
    /// Whether it is known where to dial this peer.
    fn is_located(&self, peer: Option<&PeerId>) -> bool {
        let known = peer.and_then(|peer| self.table.get(peer));
        known.is_some_and(|peer| peer.address.is_some())
    }

    /// A link ended that was open. If that was while the router was replaced, the table does not know it, and takes
    /// no notice.
    fn link_ended(&mut self, now: Instant, peer: PeerId, kind: LinkKind, ended: &LinkEnded) {
        let queue = self.kept.known_queue_of(&peer);
        if let Some(queue) = &queue {
            let outcomes = queue.lock().link_lost(ended.link, kind);
            self.tell_outcomes(outcomes);
            self.owing.insert(peer.clone());
        }
        let heard = super::heard_in(&self.open, now);
        let (reason, random) = (&ended.reason, fastrand::f64());
        let outputs = self
            .table
            .link_ended(now, &peer, ended.link, reason, random, heard);
        let is_lost = matches!(ended.reason.redial(), Redial::AtOnce | Redial::Backoff);
        if is_lost && !self.table.is_linked(&peer) && self.lost.len() < LOST_MAX {
            self.lost.insert(peer.clone());
        }
        self.show_ended(peer, ended);
        self.apply(outputs);
        if let Some(queue) = queue {
            // What the lost link gave back may leave on another one.
            self.wake(&queue);
        }
        if ended.address.ip().is_loopback()
            && let Err(error) = self.rendezvous.try_put(LinkEndedHere)
        {
            tracing::debug!(%error, "The rendezvous actor will notice by its own timer");
        }
    }

    fn show_ended(&mut self, peer: PeerId, ended: &LinkEnded) {
        if self.kept.inner.lock().shown.remove(&ended.link) {
            self.emit(NodeEvent::PeerDisconnected {
                still_linked: self.table.is_linked(&peer),
                peer,
                direction: ended.direction,
                address: ended.address,
                reason: ended.reason.to_string(),
            });
        }
    }

    fn dial_ended(&mut self, now: Instant, ended: &LinkEnded) {
        if ended.reason == CloseReason::NameInUse {
            return self.emit(NodeEvent::Trouble {
                code: "name_in_use",
                message: format!("{} connected under our own name", ended.address),
                hint: "it was told so; if that is also you, give one of the nodes another --name"
                    .into(),
            });
        }
        if let Some(target) = &ended.target {
            let random = fastrand::f64();
            let outputs = self.table.dial_ended(now, target, &ended.reason, random);
            self.apply(outputs);
        }
    }
}

impl Handler<TextsReceived> for RouterActor {
    type Result = ();

    fn handle(&mut self, TextsReceived(received): TextsReceived, ctx: &mut Context<Self>) {
        if let Some(received) = self.without_duplicates(received) {
            let count = u64::try_from(received.texts.len()).unwrap_or(0);
            self.metrics.texts_received.add(count);
            self.remember(RecentFact::Received(Arc::clone(&received)));
            self.emit(NodeEvent::TextsReceived(received));
        }
        self.settle_undialled(ctx);
    }
}

impl RouterActor {
    /// What is new of it; none if nothing is.
    fn without_duplicates(&self, received: Arc<ReceivedTexts>) -> Option<Arc<ReceivedTexts>> {
        let all = received.texts.len();
        let now = clock::now();
        let is_new: Vec<bool> = {
            let mut kept = self.kept.inner.lock();
            let seen = kept.seen_of(&self.kept, &received.from);
            let texts = received.texts.iter();
            texts
                .map(|it| seen.is_new(now, it.msg_id, it.payload))
                .collect()
        };
        let new = is_new.iter().filter(|it| **it).count();
        if new == all {
            return Some(received);
        }
        let duplicates = u64::try_from(all - new).unwrap_or(0);
        self.metrics.texts_duplicate.add(duplicates);
        let texts = received.texts.iter().zip(is_new);
        let texts = texts.filter_map(|(text, is_new)| is_new.then_some(text));
        let rest = ReceivedTexts {
            texts: texts.collect(),
            ..ReceivedTexts::clone(&received)
        };
        (new > 0).then(|| Arc::new(rest))
    }
}

impl Handler<AcksReceived> for RouterActor {
    type Result = ();

    fn handle(&mut self, acks: AcksReceived, ctx: &mut Context<Self>) {
        if let Some(queue) = self.kept.known_queue_of(&acks.peer) {
            for msg_id in acks.msg_ids.iter() {
                let known = Uuid::try_parse(msg_id).ok();
                let outcome = known.and_then(|id| queue.lock().acknowledged(acks.at, id));
                match outcome {
                    Some(outcome) => self.tell_outcome(outcome),
                    None => self.metrics.lines_ignored.increment(),
                }
            }
        }
        self.settle_undialled(ctx);
    }
}

impl Handler<RecordsDiscovered> for RouterActor {
    type Result = ();

    fn handle(&mut self, discovered: RecordsDiscovered, ctx: &mut Context<Self>) {
        let now = clock::now();
        let refused = self.table.records_refused;
        self.table.discovered(now, &discovered.records);
        let refused = self.table.records_refused - refused;
        self.metrics.records_refused.add(refused);
        self.kept.inner.lock().records = Some((now, discovered.records));
        self.tick(now);
        self.settle(ctx);
    }
}

impl Handler<SendTexts> for RouterActor {
    type Result = MessageResult<SendTexts>;

    fn handle(&mut self, request: SendTexts, ctx: &mut Context<Self>) -> Self::Result {
        let answers = self.send_all(clock::now(), &request);
        self.settle(ctx);
        MessageResult(answers)
    }
}

impl Handler<ResolvePeer> for RouterActor {
    type Result = Result<PeerId, SendError>;

    fn handle(&mut self, ResolvePeer(name): ResolvePeer, _: &mut Context<Self>) -> Self::Result {
        self.resolve(&name)
    }
}

impl Handler<DialAddress> for RouterActor {
    type Result = ();

    fn handle(&mut self, request: DialAddress, ctx: &mut Context<Self>) {
        let DialAddress { address, lasting } = request;
        let now = clock::now();
        if self.table.join(now, address, lasting) {
            self.kept.inner.lock().join(address, lasting);
            self.tick(now);
        } else {
            self.too_many_addresses(address);
        }
        self.settle(ctx);
    }
}

impl Handler<Reconnect> for RouterActor {
    type Result = usize;

    fn handle(&mut self, _: Reconnect, ctx: &mut Context<Self>) -> usize {
        let now = clock::now();
        self.table.reconnect(now);
        let unlinked = self.table.peers().filter(|(_, peer)| !peer.is_reached());
        let count = unlinked.filter(|(_, peer)| peer.address.is_some()).count();
        self.tick(now);
        self.settle(ctx);
        count
    }
}

impl Handler<ListPeers> for RouterActor {
    type Result = MessageResult<ListPeers>;

    fn handle(&mut self, _: ListPeers, _: &mut Context<Self>) -> Self::Result {
        let row = |(id, peer): (&PeerId, &crate::proto::peer_table::Peer)| PeerRow {
            peer: id.clone(),
            status: peer.status(),
            address: peer
                .address
                .map(|(address, _)| address)
                .or_else(|| peer.links.last().map(|link| link.address)),
            links: peer.links.len(),
            queued: self
                .kept
                .known_queue_of(id)
                .map_or(0, |queue| queue.lock().lines()),
        };
        let mut rows: Vec<_> = self.table.peers().map(row).collect();
        rows.sort_by(|a, b| a.peer.cmp(&b.peer));
        MessageResult(rows)
    }
}

impl Handler<ListLinks> for RouterActor {
    type Result = MessageResult<ListLinks>;

    fn handle(&mut self, _: ListLinks, _: &mut Context<Self>) -> Self::Result {
        let now = clock::now();
        let row = |opened: &LinkOpened| LinkRow {
            link: opened.link,
            peer: opened.peer.clone(),
            direction: opened.direction,
            address: opened.address,
            age: now.saturating_duration_since(opened.opened),
            idle: now.saturating_duration_since(opened.out.heard(now)),
            stream: opened.kind.stream,
            writer: self
                .kept
                .known_queue_of(&opened.peer)
                .is_some_and(|queue| queue.lock().writer() == Some(opened.link)),
        };
        let mut rows: Vec<_> = self.open.values().map(row).collect();
        rows.sort_by_key(|row| row.link);
        MessageResult(rows)
    }
}

impl Handler<ListRecent> for RouterActor {
    type Result = MessageResult<ListRecent>;

    fn handle(&mut self, request: ListRecent, _: &mut Context<Self>) -> Self::Result {
        let kept = self.kept.inner.lock();
        MessageResult(kept.recent.last(request.count, request.with.as_ref()))
    }
}

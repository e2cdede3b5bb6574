//! RouterActor: the peer table, routing and dialling. It turns what links report into events, and what front ends ask
//! for into lines on the queues of peers.

mod handlers;
mod sending;

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, AsyncContext, Context, Message, SpawnHandle, WrapFuture};
use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use super::{
    clock,
    door::{Door, DoorError},
    events::NodeEvent,
    kept::Kept,
    links::{LinkOpened, Links},
    recent::{RecentEntry, RecentFact},
    rendezvous::LinkEndedHere,
};
use crate::{
    metrics::Metrics,
    proto::{
        link::{Direction, LinkId},
        outgoing::{Outcome, OwnMessage},
        peer_table::{Output, PeerTable, Status, TableLimits},
        session::Text,
    },
    wire::{destination::Destination, identity::PeerId, rendezvous::Record},
};

/// An answer to DISCOVER: every peer that is registered now, without our own record.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct RecordsDiscovered {
    /// The records, at most [`RECORDS_MAX`](crate::wire::rendezvous::RECORDS_MAX).
    pub records: Arc<[Record]>,
}

/// Texts that came over a link, duplicates included; their ACKs leave once this is in the router's queue.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct TextsReceived {
    /// The peer of the link.
    pub peer: PeerId,
    /// Its address.
    pub address: SocketAddr,
    /// The texts of one chunk, in order.
    pub texts: Arc<[Text]>,
}

/// Message ids that a peer acknowledged.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct AcksReceived {
    /// Who.
    pub peer: PeerId,
    /// The ids, as they came.
    pub msg_ids: Arc<[String]>,
    /// When they came.
    pub at: Instant,
}

/// A peer as a user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerName {
    /// `name@namespace`.
    Full(PeerId),
    /// `name`, if only one known peer has it.
    Short(String),
}

/// To whom a user sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipients {
    /// `*`: every linked peer.
    Everyone,
    /// `#namespace`: the linked peers of it.
    Namespace(String),
    /// One peer.
    Peer(PeerName),
}

/// A message before it is known to whom exactly it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its id on the wire; asking again with the same id sends nothing twice.
    pub msg_id: Uuid,
    /// Its number in this run of the node.
    pub number: u64,
    /// The text.
    pub text: Arc<str>,
    /// The `ref` of the command object that caused it.
    pub reference: Option<Arc<str>>,
}

/// Sends a text.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<Published, SendError>")]
pub struct SendText {
    /// What.
    pub draft: Draft,
    /// To whom.
    pub to: Recipients,
    /// How long it may wait for a peer that is not linked yet; none: not at all.
    pub wait: Option<Duration>,
    /// Whether peers whose queue is full are left out, instead of refusing the whole.
    pub skip_full: bool,
}

/// How a text was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Published {
    /// How many peers it goes to; 0 while it waits.
    pub peers: usize,
    /// Who was left out because its queue was full.
    pub skipped: Vec<PeerId>,
    /// It waits for a peer that is not linked yet.
    pub waiting: bool,
}

/// Why a text was not accepted; nothing of it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SendError {
    /// No peer is linked that it could go to.
    #[error("nobody is connected")]
    Nobody,
    /// The peer is known, but not linked.
    #[error("{peer} is not connected ({})", status.name())]
    NotLinked {
        /// Who.
        peer: PeerId,
        /// What it is to us.
        status: Status,
    },
    /// No known peer has that name.
    #[error("no peer {} is known", crate::wire::printable::Printable::id(.0))]
    Unknown(String),
    /// Several known peers have that name.
    #[error("several peers have that name: {}", list(.0))]
    Ambiguous(Vec<PeerId>),
    /// The text does not fit into a line of the protocol.
    #[error("the message is {0} bytes too long")]
    TooLong(usize),
    /// The queues of these peers are full; wait for room and ask again, or leave them out.
    #[error("the queue is full of messages for {}", list(.0))]
    Full(Vec<PeerId>),
    /// The recipient is this node.
    #[error("that is this node itself")]
    Ourselves,
    /// Too many messages wait for peers that are not known yet.
    #[error("too many messages wait for peers")]
    WaitingFull,
}

fn list(peers: &[PeerId]) -> String {
    let shown: Vec<String> = peers.iter().take(5).map(ToString::to_string).collect();
    let more = peers.len().saturating_sub(shown.len());
    match more {
        0 => shown.join(", "),
        _ => format!("{} and {more} more", shown.join(", ")),
    }
}

/// An accepted text for which there is no peer yet.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// What.
    pub draft: Draft,
    /// To whom.
    pub to: Recipients,
    /// It fails at this time.
    pub until: Instant,
}

/// The most texts that wait for peers that are not known yet.
const WAITING_MAX: usize = 1024;

/// Finds out whom a user means.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<PeerId, SendError>")]
pub struct ResolvePeer(
    /// As typed.
    pub PeerName,
);

/// Dials a bare address: `/connect`, `--join`.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct DialAddress {
    /// Where.
    pub address: SocketAddr,
    /// Whether it is tried for ever.
    pub lasting: bool,
}

/// Dials every known peer that is not linked: `/reconnect`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "usize")]
pub struct Reconnect;

/// Asks for the known peers.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Vec<PeerRow>")]
pub struct ListPeers;

/// One row of `/peers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerRow {
    /// Who.
    pub peer: PeerId,
    /// What it is to us.
    pub status: Status,
    /// Where it is dialled, or where its newest link comes from.
    pub address: Option<SocketAddr>,
    /// Its links.
    pub links: usize,
    /// Our own messages that wait or are not acknowledged.
    pub queued: usize,
}

/// Asks for the open links.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Vec<LinkRow>")]
pub struct ListLinks;

/// One row of `/conn`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRow {
    /// Its number.
    pub link: LinkId,
    /// Who.
    pub peer: PeerId,
    /// Who dialled.
    pub direction: Direction,
    /// The address of the other end.
    pub address: SocketAddr,
    /// How long it has been open.
    pub age: Duration,
    /// How long nothing was heard.
    pub idle: Duration,
    /// Whether both ends parse a byte stream.
    pub stream: bool,
    /// Whether our messages leave here.
    pub writer: bool,
}

/// Asks for the last messages and acknowledgements: `/history`.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Vec<RecentEntry>")]
pub struct ListRecent {
    /// How many.
    pub count: usize,
    /// With whom; none: all.
    pub with: Option<Destination>,
}

/// Asks how many of our messages have not reached their last state.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "usize")]
pub struct CountUnsettled;

/// How often time passes while something is under way, and otherwise.
const TICK_BUSY: Duration = Duration::from_millis(100);
const TICK_IDLE: Duration = Duration::from_secs(1);

/// A text for everyone goes out this long after the first link, or as soon as no dial is under way: the others that
/// were discovered together should get it too.
const GATHER: Duration = Duration::from_secs(1);

/// The router.
pub struct RouterActor {
    own: PeerId,
    links: Links,
    kept: Arc<Kept>,
    metrics: Arc<Metrics>,
    events: Door<NodeEvent>,
    rendezvous: Door<LinkEndedHere>,
    table: PeerTable,
    open: HashMap<LinkId, LinkOpened>,
    /// Peers to whom something is owed.
    owing: HashSet<PeerId>,
    first_link: Option<Instant>,
    timer: Option<(Duration, SpawnHandle)>,
    flushing: bool,
}

/// What a router is made of.
#[derive(Clone)]
pub struct RouterParts {
    /// Who we are.
    pub own: PeerId,
    /// The supervisor of links.
    pub links: Links,
    /// What outlives the router.
    pub kept: Arc<Kept>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Where events go.
    pub events: Door<NodeEvent>,
    /// Told when a link to a peer of this machine ended: the host of the rendezvous may have gone with it.
    pub rendezvous: Door<LinkEndedHere>,
    /// The bounds of the peer table.
    pub limits: TableLimits,
}

impl RouterActor {
    /// A router that knows nothing yet; it asks for what is there when it starts.
    pub fn new(parts: RouterParts) -> Self {
        Self {
            table: PeerTable::new(parts.own.clone(), parts.limits),
            own: parts.own,
            links: parts.links,
            kept: parts.kept,
            metrics: parts.metrics,
            events: parts.events,
            rendezvous: parts.rendezvous,
            open: HashMap::new(),
            owing: HashSet::new(),
            first_link: None,
            timer: None,
            flushing: false,
        }
    }

    /// Rebuilds the tables from what outlived a former incarnation.
    fn rebuild(&mut self) {
        let now = clock::now();
        let (open, dialling) = self.links.announce();
        let mut linked = HashSet::new();
        for opened in open {
            linked.extend(opened.target.as_ref().map(|target| target.address));
            self.link_opened(now, opened);
        }
        for target in &dialling {
            self.table.dialling(now, target);
        }
        let kept = self.kept.inner.lock();
        for (address, lasting) in &kept.joined {
            let known =
                linked.contains(address) || dialling.iter().any(|it| it.address == *address);
            if !known {
                self.table.join(now, *address, *lasting);
            }
        }
        if let Some((_, records)) = &kept.records {
            self.table.discovered(now, records);
        }
        drop(kept);
        self.owing = self
            .kept
            .queues()
            .into_iter()
            .map(|(peer, _)| peer)
            .collect();
    }

    /// Adds an open link; false if it was known already.
    fn link_opened(&mut self, now: Instant, opened: LinkOpened) -> bool {
        if self.open.contains_key(&opened.link) {
            return false;
        }
        self.first_link.get_or_insert(now);
        let peer = opened.peer.clone();
        let link = crate::proto::peer_table::Link {
            id: opened.link,
            direction: opened.direction,
            address: opened.address,
            opened: opened.opened,
        };
        let target = opened.target.clone();
        self.open.insert(opened.link, opened);
        let heard = heard_in(&self.open, now);
        let outputs = self
            .table
            .link_opened(now, &peer, link, target.as_ref(), heard);
        self.apply(outputs);
        true
    }

    /// Time passes: dials, expiries, texts that wait for peers.
    fn tick(&mut self, now: Instant) {
        let heard = heard_in(&self.open, now);
        let outputs = self.table.tick(now, heard);
        self.apply(outputs);
        self.expire(now);
        self.retry_waiting(now);
        let mut kept = self.kept.inner.lock();
        kept.seen.retain(|_, filter| !filter.is_empty(now));
    }

    fn expire(&mut self, now: Instant) {
        let owing = std::mem::take(&mut self.owing);
        for peer in owing {
            let Some(queue) = self.kept.known_queue_of(&peer) else {
                continue;
            };
            let (outcomes, settled) = {
                let mut queue = queue.lock();
                (queue.expire(now), queue.is_settled())
            };
            self.tell_outcomes(outcomes);
            if !settled {
                self.owing.insert(peer);
            }
        }
    }

    /// The one place where the table's wishes become effects.
    fn apply(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Dial(target) => self.links.dial(target),
                Output::Writer(peer, link) => self.set_writer(&peer, link),
                Output::Unreachable(peer, status, reason) => {
                    self.unreachable(peer, status, reason);
                }
                Output::AddressUnreachable {
                    address,
                    reason,
                    given_up,
                } => self.address_unreachable(address, &reason, given_up),
                Output::Conflict {
                    peer,
                    known,
                    claimed,
                } => self.conflict(peer, known, claimed),
                Output::Forgotten(peer) => self.forgotten(&peer),
            }
        }
    }

    fn set_writer(&mut self, peer: &PeerId, link: Option<LinkId>) {
        self.kept.queue_of(peer).lock().set_writer(link);
        if let Some(opened) = link.and_then(|link| self.open.get(&link)) {
            opened.out.wake();
        }
    }

    fn unreachable(&mut self, peer: PeerId, status: Status, reason: String) {
        tracing::info!(%reason, "{peer} is {}", status.name());
        self.fail_waiting(&peer, "the peer does not answer");
        self.emit(NodeEvent::PeerUnreachable {
            peer,
            status: status.name(),
            reason,
        });
    }

    fn address_unreachable(&mut self, address: SocketAddr, reason: &str, given_up: bool) {
        let hint = match given_up {
            true => "it is not tried again: check the address, then /connect it again",
            false => "it is tried again for a while; check the address and whether the node runs",
        };
        if given_up {
            let mut kept = self.kept.inner.lock();
            kept.joined.retain(|(joined, _)| *joined != address);
        }
        self.emit(NodeEvent::Trouble {
            code: "address_unreachable",
            message: format!("{address}: {reason}"),
            hint: hint.into(),
        });
    }

    fn conflict(&mut self, peer: PeerId, known: SocketAddr, claimed: SocketAddr) {
        tracing::warn!(%known, %claimed, "Another address claims to be {peer}");
        self.metrics.peer_conflicts.increment();
        self.emit(NodeEvent::PeerConflict {
            peer,
            known,
            claimed,
        });
    }

    fn forgotten(&mut self, peer: &PeerId) {
        self.fail_waiting(peer, "the peer is gone");
        self.owing.remove(peer);
        self.kept.forget(peer);
    }

    fn fail_waiting(&mut self, peer: &PeerId, reason: &'static str) {
        if let Some(queue) = self.kept.known_queue_of(peer) {
            let outcomes = queue.lock().fail_waiting(reason);
            self.tell_outcomes(outcomes);
        }
    }

    fn tell_outcomes(&mut self, outcomes: Vec<Outcome>) {
        for outcome in outcomes {
            self.tell_outcome(outcome);
        }
    }

    fn tell_outcome(&mut self, outcome: Outcome) {
        let metrics = Arc::clone(&self.metrics);
        match outcome {
            Outcome::Delivered(message, rtt) => {
                metrics.texts_delivered.increment();
                self.remember(RecentFact::Delivered(Arc::clone(&message), rtt));
                self.emit(NodeEvent::TextDelivered { message, rtt });
            }
            Outcome::AckTimedOut(message) => {
                metrics.ack_timeouts.increment();
                let after = self.kept.ack_timeout();
                tracing::warn!(msg_id = %message.msg_id, "{} has not acknowledged", message.to);
                self.emit(NodeEvent::AckTimedOut { message, after });
            }
            Outcome::Unconfirmed(message, reason) => {
                metrics.texts_unconfirmed.increment();
                let reason = reason.into();
                self.emit(NodeEvent::TextUnconfirmed { message, reason });
            }
            // A publication that missed one of its peers did not fail; it is counted.
            Outcome::Failed(message, reason) => {
                metrics.texts_failed.increment();
                if is_direct(&message) {
                    let reason = reason.into();
                    self.emit(NodeEvent::TextFailed { message, reason });
                }
            }
        }
    }

    fn remember(&mut self, fact: RecentFact) {
        self.kept.inner.lock().recent.add(Timestamp::now(), fact);
    }

    /// Queues an event; [`RouterActor::settle`] hands it on.
    fn emit(&mut self, event: NodeEvent) {
        self.kept.inner.lock().backlog.push_back(event);
    }

    /// The end of every handler: events go to the front end, and time is made to pass. While the front end has no
    /// room the router is deaf, so that links and commands feel it.
    fn settle(&mut self, ctx: &mut Context<Self>) {
        self.arm(ctx);
        if self.flushing {
            return;
        }
        loop {
            let Some(event) = self.kept.inner.lock().backlog.pop_front() else {
                return;
            };
            if self.events.try_put(event.clone()) == Err(DoorError::Full) {
                self.kept.inner.lock().backlog.push_front(event);
                return self.flush_slowly(ctx);
            }
        }
    }

    fn flush_slowly(&mut self, ctx: &mut Context<Self>) {
        self.flushing = true;
        let (kept, events) = (Arc::clone(&self.kept), self.events.clone());
        let flush = async move {
            loop {
                let Some(event) = kept.inner.lock().backlog.front().cloned() else {
                    return;
                };
                events.tell(event).await;
                kept.inner.lock().backlog.pop_front();
            }
        };
        let flush = actix::ActorFutureExt::map(flush.into_actor(self), |(), actor, _| {
            actor.flushing = false;
        });
        ctx.wait(flush);
    }

    fn arm(&mut self, ctx: &mut Context<Self>) {
        let waiting = !self.kept.inner.lock().waiting.is_empty();
        let tick = match waiting || !self.owing.is_empty() || self.table.is_busy() {
            true => TICK_BUSY,
            false => TICK_IDLE,
        };
        match self.timer {
            Some((armed, _)) if armed <= tick => return,
            Some((_, timer)) => drop(ctx.cancel_future(timer)),
            None => {}
        }
        let timer = ctx.run_later(tick, |actor, ctx| {
            actor.timer = None;
            actor.tick(clock::now());
            actor.settle(ctx);
        });
        self.timer = Some((tick, timer));
    }
}

impl Actor for RouterActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.rebuild();
        self.settle(ctx);
    }
}

crate::panics_on_request!(RouterActor);

fn heard_in(
    open: &HashMap<LinkId, LinkOpened>,
    now: Instant,
) -> impl Fn(LinkId) -> Option<Instant> {
    move |link| open.get(&link).map(|opened| opened.out.heard(now))
}

fn is_direct(message: &OwnMessage) -> bool {
    matches!(message.to, Destination::Peer(_))
}

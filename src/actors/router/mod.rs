//! RouterActor: the peer table, routing and dialling. It turns what links report into events, and what front ends ask
//! for into lines on the queues of peers.

mod handlers;
mod messages;
mod publishing;
mod sending;
mod telling;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, AsyncContext, Context, SpawnHandle};

pub use messages::{
    AcksReceived, DialAddress, Draft, LinkRow, ListLinks, ListPeers, ListRecent, PeerName, PeerRow,
    Published, Recipients, Reconnect, RecordsDiscovered, ResolvePeer, SendError, SendText,
    SendTexts, TextsReceived,
};
pub use sending::Waiting;

use super::{
    clock,
    door::Door,
    events::{Events, NodeEvent},
    kept::Kept,
    links::{LinkOpened, Links},
    rendezvous::LinkEndedHere,
};
use crate::{
    metrics::Metrics,
    proto::{
        link::LinkId,
        peer_table::{Link, Output, PeerTable, TableLimits},
    },
    wire::identity::PeerId,
};

/// How often time passes while something is under way, and otherwise.
const TICK_BUSY: Duration = Duration::from_millis(100);
const TICK_IDLE: Duration = Duration::from_secs(1);

/// After so many links ended of peers that are not dialled again, all peers are looked over, at once: it bounds how many
/// of those are known beyond what the table allows.
const STRANGERS_TOGETHER: usize = 64;

/// A text for everyone goes out this long after the first link, or as soon as no dial is under way: the others that
/// were discovered together should get it too.
const GATHER: Duration = Duration::from_secs(1);

/// Lost peers that are remembered, to count those that come back; those beyond are not counted.
const LOST_MAX: usize = 1024;

/// The router.
pub struct RouterActor {
    own: PeerId,
    links: Links,
    kept: Arc<Kept>,
    metrics: Arc<Metrics>,
    events: Events,
    rendezvous: Door<LinkEndedHere>,
    table: PeerTable,
    open: HashMap<LinkId, LinkOpened>,
    /// Peers to whom something is owed.
    owing: HashSet<PeerId>,
    first_link: Option<Instant>,
    /// Links that ended since all peers were looked over.
    strangers_left: usize,
    /// Peers that were lost and are not linked since, for the count of reconnects.
    lost: HashSet<PeerId>,
    timer: Option<(Duration, SpawnHandle)>,
    flushing: bool,
    discovers: bool,
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
    pub events: Events,
    /// Told when a link to a peer of this machine ended: the host of the rendezvous may have gone with it.
    pub rendezvous: Door<LinkEndedHere>,
    /// The bounds of the peer table.
    pub limits: TableLimits,
    /// Whether a rendezvous will tell who is there.
    pub discovers: bool,
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
            strangers_left: 0,
            lost: HashSet::new(),
            timer: None,
            flushing: false,
            discovers: parts.discovers,
        }
    }

    /// Rebuilds the tables from what outlived a former incarnation. Nothing is dialled before all is known.
    fn rebuild(&mut self, now: Instant) {
        let (open, dialling) = self.links.announce();
        let (joined, records) = {
            let kept = self.kept.inner.lock();
            (kept.joined.clone(), kept.records.clone())
        };
        for (address, lasting) in joined {
            self.table.join(now, address, lasting);
        }
        for opened in open {
            self.link_opened(now, opened);
        }
        for target in &dialling {
            self.table.dialling(now, target);
        }
        if let Some((at, records)) = records {
            self.table.discovered(at, &records);
        }
        for (peer, queue) in self.kept.queues() {
            let mut queue = queue.lock();
            if !queue.writer().is_some_and(|it| self.open.contains_key(&it)) {
                queue.set_writer(None);
            }
            self.owing.insert(peer);
        }
    }

    /// Adds an open link and tells of it; whatever of that a former incarnation did is not done again.
    fn link_opened(&mut self, now: Instant, opened: LinkOpened) {
        if self.open.contains_key(&opened.link) {
            return;
        }
        self.first_link.get_or_insert(now);
        self.show_opened(&opened);
        if self.lost.remove(&opened.peer) {
            self.metrics.reconnects.increment();
        }
        let (peer, target) = (opened.peer.clone(), opened.target.clone());
        let link = Link {
            id: opened.link,
            direction: opened.direction,
            address: opened.address,
            opened: opened.opened,
        };
        self.open.insert(opened.link, opened);
        let heard = heard_in(&self.open, now);
        let outputs = self
            .table
            .link_opened(now, &peer, link, target.as_ref(), heard);
        self.apply(outputs);
        let announced = self.kept.queue_of(&peer).lock().announce();
        for message in announced {
            self.announce(message, 1);
        }
    }

    fn show_opened(&mut self, opened: &LinkOpened) {
        if self.kept.inner.lock().shown.insert(opened.link) {
            self.emit(NodeEvent::PeerConnected {
                peer: opened.peer.clone(),
                direction: opened.direction,
                address: opened.address,
                first: !self.table.is_linked(&opened.peer),
            });
        }
    }

    /// Time passes: dials, expiries, texts that wait for peers.
    fn tick(&mut self, now: Instant) {
        self.strangers_left = 0;
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
        let is_forgotten = |output: &Output| matches!(output, Output::Forgotten(_));
        let forgets = outputs.iter().any(is_forgotten);
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
                Output::Forgotten(peer) => self.fail_waiting(&peer, "the peer is gone"),
            }
        }
        if forgets {
            let table = &self.table;
            self.kept.forget_unknown(|peer| table.get(peer).is_some());
        }
    }

    fn set_writer(&mut self, peer: &PeerId, link: Option<LinkId>) {
        self.kept.queue_of(peer).lock().set_writer(link);
        if let Some(opened) = link.and_then(|link| self.open.get(&link)) {
            opened.out.wake();
        }
    }

    fn fail_waiting(&mut self, peer: &PeerId, reason: &'static str) {
        if let Some(queue) = self.kept.known_queue_of(peer) {
            let outcomes = queue.lock().fail_waiting(reason);
            self.tell_outcomes(outcomes);
        }
    }

    fn arm(&mut self, ctx: &mut Context<Self>, dials: bool) {
        let waiting = !self.kept.inner.lock().waiting.is_empty();
        let tick = match waiting || !self.owing.is_empty() || dials {
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
        let now = clock::now();
        self.rebuild(now);
        self.tick(now);
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

#[cfg(test)]
mod tests;

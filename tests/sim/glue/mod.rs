//! One papo node: the pure machines of `proto`, put together.
//!
//! **This folder mirrors `src/actors`**, file by file and function by function: when a decision there changes, it has to
//! change here. Mailboxes are one queue (`inbox`), emptied a little later than it is filled; everything else happens at
//! once. Everything that a machine of `proto` decides is only handed on.

mod link_out;
mod links;
mod peer;
mod ping;
mod rendezvous;
mod router;
mod sending;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use papo::{
    proto::{
        admission::{Admission, Verdict},
        close::CloseReason,
        duplicates::Duplicates,
        keep_alive::{KeepAlive, Need},
        link::{Direction, LinkId},
        outgoing::{Entry, LinkKind, Outcome, OwnMessage, PeerQueue, Publications},
        peer_table::{self, PeerTable, Target},
        registration::{self, Input, Registration},
        session::{Moment, Outputs, Session},
        sleep::SleepWatch,
        texts::Texts,
    },
    wire::{
        codec::LineBuffer,
        destination::Destination,
        encode,
        identity::PeerId,
        message::{Features, Line},
        rendezvous::Record,
    },
};
use uuid::Uuid;

use crate::{
    context::{Context, Event, Wake, Who},
    network::{ConnId, Side},
    scenario::Limits,
};

/// `link_out.rs`
const QUIET_AFTER_HELLO_OK: Duration = Duration::from_millis(300);
const PACED_REPLIES_MAX: usize = 64;
const BATCH_BYTES_MAX: usize = 64 * 1024;
const WRITE_STALL_MAX: Duration = Duration::from_secs(30);

/// `router/mod.rs`
const TICK_BUSY: Duration = Duration::from_millis(100);
const TICK_IDLE: Duration = Duration::from_secs(1);

/// `ping.rs`
const PING_TICK: Duration = Duration::from_millis(500);

/// `rendezvous/mod.rs`
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// What waits for the router.
#[derive(Debug)]
enum Letter {
    Opened(LinkOpened),
    Ended(LinkEnded),
    Texts(PeerId, Texts),
    Acks(PeerId, Vec<String>, Instant),
    Records(Arc<[Record]>),
}

#[derive(Debug, Clone)]
struct LinkOpened {
    link: LinkId,
    peer: PeerId,
    direction: Direction,
    address: SocketAddr,
    target: Option<Target>,
    kind: LinkKind,
    opened: Instant,
}

#[derive(Debug)]
struct LinkEnded {
    link: LinkId,
    peer: Option<PeerId>,
    target: Option<Target>,
    was_open: Option<LinkKind>,
    reason: CloseReason,
}

#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    done: usize,
    messages: Vec<Uuid>,
    has_own: bool,
}

enum Next {
    Write(Batch),
    At(Instant),
    Wait,
    Finish,
}

/// PeerActor and LinkOut.
#[derive(Debug)]
pub struct Link {
    /// Its connection, and our side of it.
    pub conn: (ConnId, Side),
    /// Who is at the other end, once it is open.
    pub open: Option<(PeerId, LinkKind)>,
    opened: Instant,
    direction: Direction,
    address: SocketAddr,
    target: Option<Target>,
    connected: bool,
    session: Session,
    lines: LineBuffer,
    keep_alive: Option<KeepAlive>,
    replies: VecDeque<Vec<u8>>,
    reply_bytes: usize,
    quiet_until: Option<Instant>,
    hold: bool,
    finish: bool,
    finished: bool,
    last_write: Option<Instant>,
    writing: Option<(Batch, Instant)>,
}

/// One run of a node.
pub struct Node {
    /// Which.
    pub who: Who,
    /// Its identity.
    pub id: PeerId,
    /// Where it listens.
    pub address: SocketAddr,
    /// The peers it knows.
    pub table: PeerTable,
    /// Its own messages, by peer.
    pub queues: BTreeMap<PeerId, PeerQueue>,
    /// Its connections.
    pub links: BTreeMap<LinkId, Link>,
    /// Its registration.
    pub registration: Registration,
    /// The address the rendezvous has of it, as far as the node remembers it over a restart.
    pub leftover: Option<SocketAddr>,
    limits: Limits,
    seen: BTreeMap<PeerId, Duplicates>,
    admission: Admission,
    heard: BTreeMap<LinkId, Instant>,
    known: BTreeMap<LinkId, LinkOpened>,
    joined: Vec<(SocketAddr, bool)>,
    records: Option<(Instant, Arc<[Record]>)>,
    owing: BTreeSet<PeerId>,
    inbox: VecDeque<Letter>,
    tick: Option<(Duration, Instant)>,
    registration_wake: Option<Instant>,
    sleep: SleepWatch,
    last_link: u64,
    closing: bool,
    /// Its name turned out to be taken, or its registration is taken back.
    pub ended: bool,
}

impl Node {
    /// A node that starts now.
    pub fn start(
        ctx: &mut Context,
        who: Who,
        id: PeerId,
        address: SocketAddr,
        limits: Limits,
        wall: SystemTime,
        leftover: Option<SocketAddr>,
    ) -> Self {
        let now = ctx.now;
        let facts = registration::Facts::at_start(Some(limits.endpoint()), false, leftover);
        let config = limits.registration(id.clone(), address.port());
        let mut node = Self {
            who,
            table: PeerTable::new(id.clone(), limits.table),
            queues: BTreeMap::new(),
            links: BTreeMap::new(),
            registration: Registration::new(now, config, facts),
            leftover,
            seen: BTreeMap::new(),
            admission: Admission::new(limits.admission),
            heard: BTreeMap::new(),
            known: BTreeMap::new(),
            joined: Vec::new(),
            records: None,
            owing: BTreeSet::new(),
            inbox: VecDeque::new(),
            tick: None,
            registration_wake: None,
            sleep: SleepWatch::new(now, wall),
            last_link: 0,
            closing: false,
            ended: false,
            id,
            address,
            limits,
        };
        node.feed(ctx, Input::Started);
        node.router_tick(ctx);
        ctx.after(PING_TICK, Event::Node(who, Wake::Ping));
        ctx.after(LOOK_INTERVAL, Event::Node(who, Wake::Look));
        node
    }

    /// A timer.
    pub fn wake(&mut self, ctx: &mut Context, wake: Wake, wall: SystemTime) {
        match wake {
            Wake::Inbox => self.empty_inbox(ctx),
            Wake::Tick(at) if self.tick.is_some_and(|(_, armed)| armed == at) => {
                self.tick = None;
                self.router_tick(ctx);
            }
            Wake::Ping => self.ping_tick(ctx),
            Wake::Deadline(link) => {
                self.session(ctx, link, |session, at, out| session.tick(at.now, out))
            }
            Wake::NoAnswer(link) => {
                if self.links.get(&link).is_some_and(|it| !it.connected) {
                    self.end(ctx, link, CloseReason::Unreachable("no answer".into()));
                }
            }
            Wake::Write(link) => self.write_on(ctx, link),
            Wake::Registration(at) if self.registration_wake == Some(at) => {
                self.registration_wake = None;
                self.feed(ctx, Input::Tick);
            }
            Wake::Look => {
                if self.sleep.slept(ctx.now, wall) {
                    self.feed(ctx, Input::NetworkChanged);
                }
                ctx.after(LOOK_INTERVAL, Event::Node(self.who, Wake::Look));
            }
            Wake::Tick(_) | Wake::Registration(_) => {}
        }
    }

    /// The bounds of tables and queues. There are so many `others`, and nobody knows more.
    pub fn check_bounds(&self, ctx: &mut Context, others: usize) {
        let mut queues = self.queues.iter();
        if let Some((peer, queue)) = queues.find(|(_, it)| it.lines() > self.limits.queue.lines_max)
        {
            ctx.fail(|| format!("{:?} has {} lines for {peer}", self.who, queue.lines()));
        }
        let (peers, queues) = (self.table.peers().count(), self.queues.len());
        if peers > others || queues > others {
            ctx.fail(|| format!("{:?} knows {peers} peers and owes {queues}", self.who));
        }
        self.check_links(ctx);
    }

    /// Links that have said BYE are neither open nor dials any more.
    fn check_links(&self, ctx: &mut Context) {
        let count = |direction, open| {
            let links = self.links.values().filter(|link| !link.hold);
            let same = links.filter(|link| link.direction == direction);
            same.filter(|link| link.open.is_some() == open).count()
        };
        let inbound = count(Direction::Inbound, true);
        let outbound = count(Direction::Outbound, true);
        let dials = count(Direction::Outbound, false);
        let (admission, table) = (&self.limits.admission, &self.limits.table);
        if inbound > admission.inbound_max
            || outbound + dials > table.outbound_max
            || dials > table.dials_max
        {
            let who = self.who;
            ctx.fail(|| format!("{who:?} has {inbound} + {outbound} links, {dials} dials"));
        }
    }

    /// Texts that were acknowledged, but not shown yet: lost if the process is killed now.
    pub fn unshown(&self) -> impl Iterator<Item = &str> {
        let texts = self.inbox.iter().filter_map(|letter| match letter {
            Letter::Texts(_, texts) => Some(texts),
            _ => None,
        });
        texts.flat_map(|texts| texts.iter().map(|text| text.msg_id))
    }
}

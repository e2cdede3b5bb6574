//! What everything in the simulation shares: the virtual clock, the queue of events, the one source of randomness,
//! the network's connections, the oracle and the trace. Knows nothing of nodes.

use std::{
    cell::RefCell,
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, VecDeque},
    rc::Rc,
    time::{Duration, Instant},
};

use fastrand::Rng;
use papo::proto::{link::LinkId, registration::Exchange};

use crate::{
    network::{ConnId, Network, Side},
    oracle::Oracle,
    world::Fault,
};

/// One run of a program: the machine it runs on, and which start of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Who {
    /// Index of the machine.
    pub host: usize,
    /// Counted up at each start.
    pub generation: u32,
}

/// Why a node is woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake {
    /// Letters wait for the router.
    Inbox,
    /// The router's timer, armed for this time.
    Tick(Instant),
    /// The ping actor's timer.
    Ping,
    /// The deadline of a session.
    Deadline(LinkId),
    /// A dial that got no connection in time.
    NoAnswer(LinkId),
    /// The writer of a link waits no longer.
    Write(LinkId),
    /// The registration's timer, armed for this time.
    Registration(Instant),
    /// Both clocks are compared.
    Look,
}

/// What happens at a time.
#[derive(Debug)]
pub enum Event {
    /// A connection request reaches a machine.
    Syn(ConnId),
    /// Its answer reaches the dialler: whether there is a connection.
    SynAnswer(ConnId, bool),
    /// The next segment towards this side of a connection is due.
    Arrive(ConnId, Side),
    /// There is room again for what this side writes.
    Writable(ConnId, Side),
    /// A node's timer.
    Node(Who, Wake),
    /// A plain client's timer.
    Plain(Who, PlainWake),
    /// A request reaches the rendezvous.
    Request {
        /// Who asks.
        from: Who,
        /// The request's number.
        id: u64,
        /// The line.
        line: Vec<u8>,
    },
    /// What came of it reaches who asked.
    Answer {
        /// Who asked.
        to: Who,
        /// The request's number.
        id: u64,
        /// How it ended.
        exchange: Exchange,
    },
    /// The own name was looked for.
    Probed {
        /// Who asked.
        to: Who,
        /// The probe's number.
        id: u64,
        /// Where.
        addresses: Vec<std::net::SocketAddr>,
    },
    /// Somebody says something.
    Traffic,
    /// The scenario does damage.
    Damage,
    /// A damage is undone, or one of its consequences comes.
    Fault(Fault),
}

/// Why a plain client is woken.
#[derive(Debug, Clone)]
pub enum PlainWake {
    /// Its regular work: register, discover, dial, ping.
    Work,
    /// It writes these bytes now, on its link of this number.
    Say(LinkId, Vec<u8>),
}

struct Scheduled(Instant, u64, Event);

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

/// The last lines of what happened, kept outside of the world so that they survive a panic in it.
#[derive(Clone, Default)]
pub struct Trace(Option<Rc<RefCell<VecDeque<String>>>>);

const TRACE_LINES_MAX: usize = 4000;

impl Trace {
    /// A trace that is kept.
    pub fn kept() -> Self {
        Self(Some(Rc::default()))
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> Vec<String> {
        let lines = self.0.as_ref().map(|lines| lines.borrow().clone());
        lines.unwrap_or_default().into()
    }
}

/// Everything that is shared.
pub struct Context {
    /// The virtual time.
    pub now: Instant,
    /// When it began.
    pub start: Instant,
    /// All chance there is.
    pub rng: Rng,
    /// The connections.
    pub net: Network,
    /// What must hold.
    pub oracle: Oracle,
    /// Pairs of machines between which nothing passes, the smaller first.
    pub cut: BTreeSet<(usize, usize)>,
    queue: BinaryHeap<Reverse<Scheduled>>,
    scheduled: u64,
    trace: Trace,
}

impl Context {
    /// The beginning of time.
    pub fn new(seed: u64, net: Network, oracle: Oracle, trace: Trace) -> Self {
        let start = Instant::now();
        Self {
            now: start,
            start,
            rng: Rng::with_seed(seed),
            net,
            oracle,
            cut: BTreeSet::new(),
            queue: BinaryHeap::new(),
            scheduled: 0,
            trace,
        }
    }

    /// Makes something happen at a time.
    pub fn at(&mut self, at: Instant, event: Event) {
        self.scheduled += 1;
        let scheduled = Scheduled(at.max(self.now), self.scheduled, event);
        self.queue.push(Reverse(scheduled));
    }

    /// Makes something happen after a while.
    pub fn after(&mut self, wait: Duration, event: Event) {
        self.at(self.now + wait, event);
    }

    /// The next thing that happens, not after `limit`; the clock goes there.
    pub fn next(&mut self, limit: Instant) -> Option<Event> {
        let due = self.queue.peek().is_some_and(|Reverse(it)| it.0 <= limit);
        if !due {
            self.now = limit;
            return None;
        }
        let Reverse(Scheduled(at, _, event)) = self.queue.pop()?;
        self.now = at;
        Some(event)
    }

    /// A duration in milliseconds from this range.
    pub fn millis(&mut self, range: std::ops::RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.rng.u64(range))
    }

    /// True once in so many times.
    pub fn one_in(&mut self, count: u64) -> bool {
        count > 0 && self.rng.u64(0..count) == 0
    }

    /// Whether nothing passes between two machines.
    pub fn is_cut(&self, a: usize, b: usize) -> bool {
        self.cut.contains(&(a.min(b), a.max(b)))
    }

    /// Writes a line of the trace, if one is kept.
    pub fn log(&self, line: impl FnOnce() -> String) {
        if let Some(lines) = &self.trace.0 {
            let mut lines = lines.borrow_mut();
            if lines.len() == TRACE_LINES_MAX {
                lines.pop_front();
            }
            let at = self.now.duration_since(self.start).as_secs_f64();
            lines.push_back(format!("{at:9.3}  {}", line()));
        }
    }

    /// Notes that something happened that must not.
    pub fn fail(&mut self, what: impl FnOnce() -> String) {
        if self.oracle.violation.is_none() {
            let what = what();
            self.log(|| format!("VIOLATION: {what}"));
            self.oracle.violation = Some(what);
        }
    }
}

//! What the client is told and what it wants done. Results carry the id of the output that caused them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use super::Endpoint;
use crate::wire::{
    identity::PeerId,
    rendezvous::{Answer, Record, Request},
};

/// What happened on the way to a rendezvous and back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Something answered.
    Answered(Answer),
    /// The connection was closed, or reset, without a word.
    ClosedSilently,
    /// No whole answer in the time given.
    TimedOut,
    /// Nobody listens there.
    Refused,
    /// The name is unknown, or there is no way there; in words.
    Unreachable(String),
}

/// One finished request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The address it went to, once known.
    pub server: Option<SocketAddr>,
    /// How it ended.
    pub outcome: Outcome,
}

/// What the machine is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A new incarnation begins; also the first.
    Started,
    /// The wake-up, or any other moment.
    Tick,
    /// The rendezvous is there now: register anew.
    Moved(Endpoint),
    /// The embedded rendezvous is being looked for: ask nothing until `Moved`.
    Suspended,
    /// The user wants records now; with `quick`, also at the quick times after it.
    DiscoverNow {
        /// Whether the quick times start anew.
        quick: bool,
    },
    /// A link to a peer of this machine ended: the host of the embedded rendezvous may be gone.
    LinkEndedHere,
    /// Another network, or awake after a sleep: the address may have changed, the registration may have ended.
    NetworkChanged,
    /// The request of this id ended.
    Answered {
        /// As in [`Output::Send`].
        id: u64,
        /// What came of it.
        exchange: Exchange,
    },
    /// The probe of this id ended.
    Probed {
        /// As in [`Output::ProbeOwnName`].
        id: u64,
        /// Where somebody answered under our name.
        taken: Option<SocketAddr>,
    },
    /// The node ends: take the registration back.
    Leave,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Make this request and bring back its end as [`Input::Answered`].
    Send {
        /// Names the request.
        id: u64,
        /// The rendezvous, `host:port`.
        to: Arc<str>,
        /// The resolved address to use; `None`: resolve.
        server: Option<SocketAddr>,
        /// What to ask.
        request: Request,
        /// The time it may take.
        limit: Duration,
    },
    /// Dial these and see whether somebody answers under our own name; bring back [`Input::Probed`].
    ProbeOwnName {
        /// Names the probe.
        id: u64,
        /// At most [`RIVALS_MAX`](super::RIVALS_MAX).
        addresses: Vec<SocketAddr>,
    },
    /// For the router: the records of others.
    Discovered(Arc<[Record]>),
    /// These ids have several records; told when it begins.
    Repeated(Vec<PeerId>),
    /// Records of the last answer that were left out, as odd or too many.
    LeftOut(usize),
    /// We are registered: for the first time, under another address, or again after an outage.
    Registered {
        /// As the rendezvous saw us, if it said so.
        seen: Option<SocketAddr>,
    },
    /// Keep this for the next start: until UNREGISTER succeeds the record is out there.
    Remember {
        /// As in `Registered`.
        seen: Option<SocketAddr>,
        /// The granted time to live.
        ttl: Duration,
    },
    /// A request failed.
    Unreachable {
        /// In words.
        reason: String,
        /// Whether this outage begins with it: the user is told once.
        first: bool,
        /// Whether nobody listens there.
        refused: bool,
    },
    /// We are blocked for so long; told once until an answer comes.
    Blocked(Duration),
    /// The rendezvous refuses us, and will again; told once until it does not.
    Refused {
        /// Its words.
        message: String,
        /// What the user can do.
        hint: &'static str,
    },
    /// A live node answers under our own id; the machine has ended.
    NameTaken(SocketAddr),
    /// The answer to `Leave`; the machine has ended.
    Left {
        /// Whether no record of ours is left behind.
        clean: bool,
    },
}

//! What a client is made with, what outlives it, and what it tells about itself.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use super::budget::Budget;
use crate::{proto::backoff::Backoff, wire::identity::PeerId};

/// Who registers, and how often.
#[derive(Debug, Clone)]
pub struct Config {
    /// Our identity.
    pub own: PeerId,
    /// The port on which peers reach us.
    pub port: u16,
    /// The time to live asked for.
    pub ttl: Duration,
    /// The time between two DISCOVERs behind the quick ones.
    pub discovery_interval: Duration,
    /// The time one request may take.
    pub timeout: Duration,
    /// The waits after failures.
    pub backoff: Backoff,
}

/// Where the rendezvous is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `host:port`, as the settings name it.
    pub address: Arc<str>,
    /// Whether this process hosts it.
    pub hosted: bool,
    /// Whether it is the embedded one of this machine, hosted by whichever node.
    pub embedded: bool,
}

/// The registration as the rendezvous confirmed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Registered {
    /// Our address as it saw us, with the registered port.
    pub seen: Option<SocketAddr>,
    /// The rendezvous's own address: UNREGISTER goes to the same one.
    pub server: Option<SocketAddr>,
    /// Since when we are registered without a gap.
    pub since: Instant,
    /// The last REGISTER.
    pub at: Instant,
    /// The next one.
    pub renew_at: Instant,
}

/// What outlives an incarnation of the actor: facts only, so that a state which led to a panic does not come back.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The rendezvous, if there is one.
    pub endpoint: Option<Endpoint>,
    /// Whether nobody else answers under our name.
    pub name_checked: bool,
    /// Our last registration of an earlier run, as the rendezvous saw it: such a record is no rival.
    pub leftover: Option<SocketAddr>,
    /// The registration, if there is one.
    pub registered: Option<Registered>,
    /// Whether a REGISTER went out that no UNREGISTER took back, answered or not.
    pub maybe_registered: bool,
    /// Whether the machine has ended.
    pub ended: bool,
    /// What the user was told: registered, and as whom the rendezvous sees us.
    pub(super) announced: Option<Option<SocketAddr>>,
    pub(super) server: Option<SocketAddr>,
    pub(super) budget: Budget,
    /// The rendezvous that the budget counts for.
    pub(super) budget_of: Option<Arc<str>>,
    pub(super) blocked_until: Option<Instant>,
}

impl Facts {
    /// Before the first incarnation.
    pub fn at_start(
        endpoint: Option<Endpoint>,
        name_checked: bool,
        leftover: Option<SocketAddr>,
    ) -> Self {
        Self {
            budget_of: endpoint.as_ref().map(|at| Arc::clone(&at.address)),
            endpoint,
            name_checked,
            leftover,
            ..Self::default()
        }
    }
}

/// What `/status` shows about it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Where it is.
    pub endpoint: Option<Endpoint>,
    /// Registered for so long.
    pub registered_for: Option<Duration>,
    /// Our address as it saw us.
    pub seen: Option<SocketAddr>,
    /// The age of the last records.
    pub records_age: Option<Duration>,
    /// How many records of others those were.
    pub records: usize,
    /// The time to the next request.
    pub next_request_in: Option<Duration>,
    /// Blocked for so long yet.
    pub blocked_for: Option<Duration>,
    /// The last failure since the last success, in words; a stranger's words may be in it.
    pub last_error: Option<String>,
}

//! What is asked next, and when: the one place where requests begin.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{Endpoint, Exchange, Facts, Input, Outcome, Output, Registration, reaction::Kind};
use crate::wire::rendezvous::Request;

/// The time UNREGISTER may take: the node is ending.
pub const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);

/// A REGISTER under way when the node ends is waited for, or the record would come after UNREGISTER.
const LAST_REGISTER_WAIT: Duration = Duration::from_secs(1);

/// Two seconds for the answers, as long again for a polite goodbye.
const PROBE_DEADLINE: Duration = Duration::from_secs(4);

/// Beyond the request's own limit a result is not coming any more: its effect was lost.
const LOST_AFTER: Duration = Duration::from_secs(1);

/// Where the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// DISCOVER comes before the first REGISTER, to see whether our name is in use.
    Unchecked,
    /// Records of our own id are being dialled.
    Probing { id: u64, until: Instant },
    /// Registered, or about to be.
    Active,
    /// The node ends; UNREGISTER is the last request.
    Leaving,
    /// Nothing more is asked.
    Ended,
}

impl Phase {
    pub(super) fn of(facts: &Facts) -> Self {
        match (facts.ended, facts.name_checked) {
            (true, _) => Self::Ended,
            (false, true) => Self::Active,
            (false, false) => Self::Unchecked,
        }
    }
}

/// The request under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InFlight {
    pub(super) id: u64,
    pub(super) kind: Kind,
    until: Instant,
}

impl Registration {
    /// When to come back with [`Input::Tick`]. `None` only while there is no rendezvous to ask, or at the end.
    pub fn next_wake(&self, now: Instant) -> Option<Instant> {
        match (self.in_flight, self.phase) {
            (Some(flight), _) => Some(flight.until),
            (None, Phase::Probing { until, .. }) => Some(until),
            (None, _) => self.planned(now).map(|(at, _)| at),
        }
    }

    pub(super) fn is_leaving(&self) -> bool {
        matches!(self.phase, Phase::Leaving | Phase::Ended)
    }

    /// Gives up on what did not come back in time.
    pub(super) fn expire(&mut self, now: Instant, random: f64, outputs: &mut Vec<Output>) {
        if let Phase::Probing { id, until } = self.phase
            && until <= now
        {
            self.take(now, Input::Probed { id, taken: None }, random, outputs);
        }
        if let Some(flight) = self.in_flight.filter(|flight| flight.until <= now) {
            let exchange = Exchange {
                server: None,
                outcome: Outcome::TimedOut,
            };
            self.answered(now, flight.id, exchange, random, outputs);
        }
    }

    /// Makes the next request if it is due.
    pub(super) fn proceed(&mut self, now: Instant, outputs: &mut Vec<Output>) {
        let Some(endpoint) = self.facts.endpoint.clone() else {
            return;
        };
        if self.in_flight.is_some() {
            return;
        }
        if let Some((at, kind)) = self.planned(now)
            && at <= now
        {
            outputs.push(self.send(now, kind, &endpoint));
        }
    }

    /// The next request and its time, which may have come.
    pub(super) fn planned(&self, now: Instant) -> Option<(Instant, Kind)> {
        self.facts.endpoint.as_ref()?;
        let free = self.earliest(now);
        match self.phase {
            Phase::Unchecked => Some((free, Kind::Discover)),
            Phase::Active => Some(self.planned_when_active(free)),
            Phase::Leaving => Some((now, Kind::Unregister)),
            Phase::Probing { .. } | Phase::Ended => None,
        }
    }

    fn planned_when_active(&self, free: Instant) -> (Instant, Kind) {
        let Some(registered) = &self.facts.registered else {
            return (free, Kind::Register);
        };
        let renewal = registered.renew_at.max(free);
        let discovery = self.schedule.due().max(free);
        if renewal <= discovery {
            (renewal, Kind::Register)
        } else {
            (discovery, Kind::Discover)
        }
    }

    /// The earliest moment that backoff, block and budget allow.
    fn earliest(&self, now: Instant) -> Instant {
        let waits = [self.retry_at, self.facts.blocked_until];
        let free = self.facts.budget.next_free(now);
        waits.into_iter().flatten().fold(free, Instant::max)
    }

    fn send(&mut self, now: Instant, kind: Kind, endpoint: &Endpoint) -> Output {
        self.last_id += 1;
        self.facts.budget.spend(now);
        match kind {
            Kind::Register => self.facts.maybe_registered = true,
            Kind::Discover => self.schedule.asked(now),
            Kind::Unregister => {}
        }
        let limit = match kind {
            Kind::Unregister => LEAVE_TIMEOUT,
            Kind::Register | Kind::Discover => self.config.timeout,
        };
        self.in_flight = Some(InFlight {
            id: self.last_id,
            kind,
            until: now + limit + LOST_AFTER,
        });
        Output::Send {
            id: self.last_id,
            to: endpoint.address.clone(),
            server: self.server_for(kind),
            request: self.request(kind),
            limit,
        }
    }

    fn request(&self, kind: Kind) -> Request {
        let own = &self.config.own;
        let (namespace, name) = (own.namespace().to_owned(), own.name().to_owned());
        let port = self.config.port;
        match kind {
            Kind::Register => Request::Register {
                namespace,
                name,
                port,
                ttl: self.config.ttl.as_secs().max(1),
            },
            Kind::Discover => Request::Discover { namespace: None },
            Kind::Unregister => Request::Unregister {
                namespace,
                name,
                port,
            },
        }
    }

    /// Records are kept by the address seen, so UNREGISTER goes where REGISTER went.
    fn server_for(&self, kind: Kind) -> Option<SocketAddr> {
        let registered = self.facts.registered.and_then(|known| known.server);
        match kind {
            Kind::Unregister => registered.or(self.facts.server),
            Kind::Register | Kind::Discover => self.facts.server,
        }
    }

    pub(super) fn probe(&mut self, now: Instant, addresses: Vec<SocketAddr>) -> Output {
        self.last_id += 1;
        let id = self.last_id;
        self.phase = Phase::Probing {
            id,
            until: now + PROBE_DEADLINE,
        };
        Output::ProbeOwnName { id, addresses }
    }

    pub(super) fn leave(&mut self, now: Instant, outputs: &mut Vec<Output>) {
        if self.phase == Phase::Leaving {
            return;
        }
        match &mut self.in_flight {
            Some(flight) if flight.kind == Kind::Register => {
                flight.until = flight.until.min(now + LAST_REGISTER_WAIT);
            }
            other => *other = None,
        }
        let blocked = self.facts.blocked_until.is_some_and(|until| until > now);
        let reachable = self.facts.endpoint.is_some() && !blocked;
        if self.facts.maybe_registered && reachable {
            self.phase = Phase::Leaving;
        } else {
            self.left(!self.facts.maybe_registered, outputs);
        }
    }

    pub(super) fn left(&mut self, clean: bool, outputs: &mut Vec<Output>) {
        self.phase = Phase::Ended;
        self.in_flight = None;
        if clean {
            self.facts.maybe_registered = false;
            self.facts.registered = None;
        }
        outputs.push(Output::Left { clean });
    }
}

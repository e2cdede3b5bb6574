//! A client at one rendezvous: checks its name, registers, renews, asks for records, obeys blocks, leaves.
//!
//! Pure: requests, probes and timers are outputs, their results inputs that carry the id of what caused them; a result
//! that comes late is recognised by its id and ignored. At most one request is under way. Knows nothing of sockets, nor
//! of how an embedded rendezvous is found ([`hosting`](super::hosting) does).

pub mod budget;
mod facts;
mod messages;
mod on_answer;
mod plan;
pub mod reaction;
pub mod records;
pub mod schedule;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use self::{
    budget::Budget,
    plan::{InFlight, Phase},
    schedule::Schedule,
};
pub use self::{
    facts::{Config, Endpoint, Facts, Registered, Report},
    messages::{Exchange, Input, Outcome, Output},
};
use crate::wire::{identity::PeerId, rendezvous::Record};

/// On an embedded rendezvous records are asked for at least this often, so that a takeover is noticed in time.
pub const EMBEDDED_INTERVAL: Duration = Duration::from_secs(5);

/// The most addresses of our own id that are probed before the first REGISTER.
pub const RIVALS_MAX: usize = 4;

/// The machine.
#[derive(Debug)]
pub struct Registration {
    config: Config,
    facts: Facts,
    phase: Phase,
    in_flight: Option<InFlight>,
    last_id: u64,
    schedule: Schedule,
    attempt: u32,
    /// No request before, after a failure.
    retry_at: Option<Instant>,
    told: Told,
    last_error: Option<String>,
    records: Option<(Instant, Arc<[Record]>)>,
    repeated: Vec<PeerId>,
}

/// What the user was told since the last good answer.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    unreachable: bool,
    blocked: bool,
    refused: bool,
}

impl Registration {
    /// Goes on from `facts`; nothing happens before [`Input::Started`].
    pub fn new(now: Instant, config: Config, facts: Facts) -> Self {
        let mut registration = Self {
            schedule: Schedule::new(now, config.discovery_interval),
            phase: Phase::of(&facts),
            config,
            facts,
            in_flight: None,
            last_id: 0,
            attempt: 0,
            retry_at: None,
            told: Told::default(),
            last_error: None,
            records: None,
            repeated: Vec::new(),
        };
        registration.set_interval();
        registration
    }

    /// Takes one input at `now`; `random` in 0.0 to 1.0 chooses the jitter of a wait.
    pub fn handle(&mut self, now: Instant, input: Input, random: f64) -> Vec<Output> {
        let mut outputs = Vec::new();
        if self.phase != Phase::Ended {
            self.take(now, input, random, &mut outputs);
            self.expire(now, random, &mut outputs);
            self.proceed(now, &mut outputs);
            self.facts.ended = self.phase == Phase::Ended;
        } else if input == Input::Leave {
            self.left(!self.facts.maybe_registered, &mut outputs);
        }
        outputs
    }

    /// What the next incarnation goes on from.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The last records and their age.
    pub fn known(&self, now: Instant) -> Option<(Duration, Arc<[Record]>)> {
        let (at, records) = self.records.as_ref()?;
        Some((now.saturating_duration_since(*at), Arc::clone(records)))
    }

    /// Whether a request is under way.
    pub fn is_asking(&self) -> bool {
        self.in_flight.is_some()
    }

    /// For `/status`.
    pub fn report(&self, now: Instant) -> Report {
        let registered = self.facts.registered.as_ref();
        let until = |at: Instant| at.saturating_duration_since(now);
        let known = self.known(now);
        Report {
            endpoint: self.facts.endpoint.clone(),
            registered_for: registered.map(|known| now.saturating_duration_since(known.since)),
            seen: registered.and_then(|known| known.seen),
            records: known.as_ref().map_or(0, |(_, records)| records.len()),
            records_age: known.map(|(age, _)| age),
            next_request_in: self.planned(now).map(|(at, _)| until(at)),
            blocked_for: self.facts.blocked_until.filter(|at| *at > now).map(until),
            last_error: self.last_error.clone(),
        }
    }

    fn take(&mut self, now: Instant, input: Input, random: f64, outputs: &mut Vec<Output>) {
        match input {
            Input::Started => self.schedule.restart(now),
            Input::Tick => {}
            Input::Moved(endpoint) => self.moved(now, endpoint),
            Input::Suspended => self.suspend(),
            Input::DiscoverNow { quick } => self.discover_now(now, quick),
            Input::LinkEndedHere => self.link_ended_here(now),
            Input::NetworkChanged => self.network_changed(now),
            Input::Answered { id, exchange } => self.answered(now, id, exchange, random, outputs),
            Input::Probed { id, taken } => self.probed(id, taken, outputs),
            Input::Leave => self.leave(now, outputs),
        }
    }

    fn moved(&mut self, now: Instant, endpoint: Endpoint) {
        if self.is_leaving() {
            return;
        }
        let before = std::mem::take(&mut self.facts);
        let same = before.budget_of.as_ref() == Some(&endpoint.address);
        self.facts = Facts {
            budget_of: Some(Arc::clone(&endpoint.address)),
            endpoint: Some(endpoint),
            name_checked: before.name_checked,
            leftover: before.leftover,
            budget: if same {
                before.budget
            } else {
                Budget::default()
            },
            ..Facts::default()
        };
        self.in_flight = None;
        self.phase = Phase::of(&self.facts);
        self.attempt = 0;
        self.retry_at = None;
        self.told = Told::default();
        self.set_interval();
        self.schedule.restart(now);
    }

    fn suspend(&mut self) {
        if self.is_leaving() {
            return;
        }
        self.facts.endpoint = None;
        self.facts.registered = None;
        self.in_flight = None;
        self.phase = Phase::of(&self.facts);
    }

    fn discover_now(&mut self, now: Instant, quick: bool) {
        self.retry_at = None;
        if quick {
            self.schedule.restart(now);
        } else {
            self.schedule.ask_now(now);
        }
    }

    fn link_ended_here(&mut self, now: Instant) {
        if self.facts.endpoint.as_ref().is_some_and(|at| at.embedded) {
            self.schedule.ask_soon(now);
        }
    }

    fn network_changed(&mut self, now: Instant) {
        self.retry_at = None;
        self.attempt = 0;
        self.facts.server = None;
        self.renew_at(now);
        self.schedule.restart(now);
    }

    fn set_interval(&mut self) {
        let embedded = self.facts.endpoint.as_ref().is_some_and(|at| at.embedded);
        let most = if embedded {
            EMBEDDED_INTERVAL
        } else {
            Duration::MAX
        };
        self.schedule
            .set_interval(self.config.discovery_interval.min(most));
    }

    fn renew_at(&mut self, at: Instant) {
        if let Some(registered) = &mut self.facts.registered {
            registered.renew_at = registered.renew_at.min(at);
        }
    }
}

#[cfg(test)]
mod props;
#[cfg(test)]
mod tests;

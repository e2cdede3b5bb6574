//! What the end of a request or a probe leads to.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Exchange, Outcome, Output, RIVALS_MAX, Registered, Registration, Told,
    plan::{InFlight, Phase},
    reaction::{Kind, Reaction, reaction},
    records::Viewpoint,
};
use crate::wire::rendezvous::{Answer, Failure, Listing, Success};

/// The longest ttl a server may grant; more is its mistake.
const TTL_MAX: Duration = Duration::from_secs(86_400);

/// Not even a ttl of a second makes us renew more often.
const RENEWAL_MIN: Duration = Duration::from_secs(5);

/// The wait when a server that will not have us may have been changed.
const REFUSED_RETRY: Duration = Duration::from_secs(600);

/// A close without a word after a burst is the beginning of a block of this length.
const SILENT_BLOCK: Duration = Duration::from_secs(60);

/// So many requests of ours in a minute make a burst; of nodes that share an address, any number.
const BURST: usize = 8;

/// The longest block that is obeyed to the end: what a server says beyond it is its mistake.
const BLOCK_MAX: Duration = Duration::from_secs(86_400);

/// `peer_not_registered` so soon after REGISTER means that registering does not help: wait before the next.
const JUST_REGISTERED: Duration = Duration::from_secs(30);

impl Registration {
    pub(super) fn answered(
        &mut self,
        now: Instant,
        id: u64,
        Exchange { server, outcome }: Exchange,
        random: f64,
        outputs: &mut Vec<Output>,
    ) {
        let Some(flight) = self.in_flight.take_if(|flight| flight.id == id) else {
            return;
        };
        let answered = matches!(outcome, Outcome::Answered(Answer::Ok(_) | Answer::Error(_)));
        if flight.kind == Kind::Unregister {
            return self.left(answered, outputs);
        }
        if let Some(server) = server {
            let loopback = server.ip().to_canonical().is_loopback();
            self.facts.budget.answered_from(loopback);
            self.facts.server = Some(server);
        }
        if self.is_leaving() {
            return;
        }
        match outcome {
            Outcome::Answered(Answer::Ok(success)) => self.succeeded(now, flight, success, outputs),
            Outcome::Answered(Answer::Error(failure)) => {
                self.refused(now, flight, failure, random, outputs);
            }
            Outcome::Answered(Answer::Blocked { seconds }) => {
                self.blocked(now, Duration::from_secs(seconds), outputs);
            }
            Outcome::ClosedSilently if self.looks_like_a_block(now) => {
                self.blocked(now, SILENT_BLOCK, outputs);
            }
            other => self.failed(now, &other, random, outputs),
        }
    }

    pub(super) fn probed(
        &mut self,
        probe: u64,
        taken: Option<SocketAddr>,
        outputs: &mut Vec<Output>,
    ) {
        if !matches!(self.phase, Phase::Probing { id, .. } if id == probe) {
            return;
        }
        match taken {
            Some(address) => {
                self.phase = Phase::Ended;
                outputs.push(Output::NameTaken(address));
            }
            None => self.name_is_ours(),
        }
    }

    fn name_is_ours(&mut self) {
        self.facts.name_checked = true;
        self.phase = Phase::Active;
    }

    fn succeeded(
        &mut self,
        now: Instant,
        flight: InFlight,
        success: Success,
        outputs: &mut Vec<Output>,
    ) {
        self.facts.blocked_until = None;
        match flight.kind {
            Kind::Register => self.registered(now, &success, outputs),
            Kind::Discover if self.phase == Phase::Unchecked => {
                self.check_name(now, success.peers, outputs);
            }
            Kind::Discover => self.discovered(now, success.peers, outputs),
            Kind::Unregister => {}
        }
    }

    fn registered(&mut self, now: Instant, success: &Success, outputs: &mut Vec<Output>) {
        let ttl = success.ttl.map_or(self.config.ttl, Duration::from_secs);
        let ttl = ttl.min(TTL_MAX);
        let seen = success
            .ip
            .map(|ip| SocketAddr::new(ip, success.port.unwrap_or(self.config.port)));
        let before = self.facts.registered;
        self.facts.registered = Some(Registered {
            seen,
            server: self.facts.server,
            since: before.map_or(now, |known| known.since),
            at: now,
            renew_at: now + (ttl / 2).max(RENEWAL_MIN),
        });
        if before.is_none() {
            self.schedule.restart(now);
        }
        outputs.push(Output::Remember { seen, ttl });
        if self.facts.announced.replace(seen) != Some(seen) || self.told_of_trouble() {
            outputs.push(Output::Registered { seen });
        }
        self.told = Told::default();
    }

    fn check_name(&mut self, now: Instant, peers: Listing, outputs: &mut Vec<Output>) {
        let mut rivals = self.viewpoint().rivals(&peers.records, self.facts.leftover);
        rivals.truncate(RIVALS_MAX);
        self.good_answer();
        self.outage_ended(outputs);
        if rivals.is_empty() {
            self.name_is_ours();
        } else {
            let probe = self.probe(now, rivals);
            outputs.push(probe);
        }
    }

    fn discovered(&mut self, now: Instant, peers: Listing, outputs: &mut Vec<Output>) {
        let complete = peers.skipped == 0 && peers.beyond_limit == 0;
        let left_out = peers.skipped + peers.beyond_limit;
        let arranged = self.viewpoint().arrange(peers.records);
        self.facts.budget.shared_by(arranged.sharers);
        self.good_answer();
        if complete && !arranged.own_listed {
            // Whoever was told of trouble is told of its end by the answer to that.
            self.register_again(now);
        } else {
            self.outage_ended(outputs);
        }
        if arranged.repeated != self.repeated && !arranged.repeated.is_empty() {
            outputs.push(Output::Repeated(arranged.repeated.clone()));
        }
        self.repeated = arranged.repeated;
        if left_out > 0 {
            outputs.push(Output::LeftOut(left_out));
        }
        let records: Arc<[_]> = arranged.records.into();
        self.records = Some((now, Arc::clone(&records)));
        outputs.push(Output::Discovered(records));
    }

    /// The rendezvous answers as it should: failures are forgotten.
    fn good_answer(&mut self) {
        self.attempt = 0;
        self.retry_at = None;
        self.last_error = None;
    }

    /// Our record is there: an outage that was told has ended.
    fn outage_ended(&mut self, outputs: &mut Vec<Output>) {
        if let Some(registered) = self.facts.registered
            && self.told_of_trouble()
        {
            let seen = registered.seen;
            outputs.push(Output::Registered { seen });
        }
        self.told = Told::default();
    }

    fn told_of_trouble(&self) -> bool {
        self.told.unreachable || self.told.blocked || self.told.refused
    }

    /// The server has lost our record: REGISTER, but not over and over.
    fn register_again(&mut self, now: Instant) {
        if let Some(registered) = self.facts.registered {
            self.renew_at(now.max(registered.at + RENEWAL_MIN));
        }
    }

    fn refused(
        &mut self,
        now: Instant,
        flight: InFlight,
        failure: Failure,
        random: f64,
        outputs: &mut Vec<Output>,
    ) {
        match reaction(flight.kind, &failure.message) {
            Reaction::Gone => {}
            Reaction::RegisterAgain if flight.kind == Kind::Discover => {
                self.not_registered(now, random);
            }
            Reaction::RegisterAgain | Reaction::BackOff => {
                let reason = format!("it answered: {}", failure.message);
                self.back_off(now, reason, random);
                self.tell_unreachable(false, outputs);
            }
            Reaction::GiveUp(hint) => self.give_up(now, failure.message, hint, outputs),
        }
    }

    fn not_registered(&mut self, now: Instant, random: f64) {
        if self.phase == Phase::Unchecked {
            // Nobody of this address is registered, so nobody of this address has our name.
            return self.name_is_ours();
        }
        let just = |known: Registered| now.saturating_duration_since(known.at) < JUST_REGISTERED;
        if self.facts.registered.take().is_some_and(just) {
            let reason = "it does not keep our registration".to_owned();
            self.back_off(now, reason, random);
        }
    }

    fn give_up(
        &mut self,
        now: Instant,
        message: String,
        hint: &'static str,
        outputs: &mut Vec<Output>,
    ) {
        self.retry_at = Some(now + REFUSED_RETRY);
        self.last_error = Some(format!("it answered: {message}"));
        if !std::mem::replace(&mut self.told.refused, true) {
            outputs.push(Output::Refused { message, hint });
        }
    }

    fn looks_like_a_block(&self, now: Instant) -> bool {
        let budget = &self.facts.budget;
        budget.applies() && (budget.recent(now) >= BURST || budget.sharers() > 1)
    }

    fn blocked(&mut self, now: Instant, wait: Duration, outputs: &mut Vec<Output>) {
        let wait = wait.clamp(Duration::from_secs(1), BLOCK_MAX);
        self.facts.budget.blocked();
        self.facts.blocked_until = Some(now + wait);
        self.schedule.ask_now(now);
        self.last_error = Some("it has blocked this address for a while".to_owned());
        if !std::mem::replace(&mut self.told.blocked, true) {
            outputs.push(Output::Blocked(wait));
        }
    }

    fn failed(&mut self, now: Instant, outcome: &Outcome, random: f64, outputs: &mut Vec<Output>) {
        self.back_off(now, outcome.reason(), random);
        // Resolve again: the name may lead somewhere else by now.
        self.facts.server = None;
        self.tell_unreachable(*outcome == Outcome::Refused, outputs);
    }

    fn back_off(&mut self, now: Instant, reason: String, random: f64) {
        self.attempt = self.attempt.saturating_add(1);
        self.retry_at = Some(now + self.config.backoff.delay(self.attempt, random));
        self.schedule.ask_now(now);
        self.last_error = Some(reason);
    }

    fn tell_unreachable(&mut self, refused: bool, outputs: &mut Vec<Output>) {
        outputs.push(Output::Unreachable {
            reason: self.last_error.clone().unwrap_or_default(),
            first: !std::mem::replace(&mut self.told.unreachable, true),
            refused,
        });
    }

    fn viewpoint(&self) -> Viewpoint<'_> {
        Viewpoint {
            own: &self.config.own,
            seen: self.facts.registered.and_then(|known| known.seen),
            server: self.facts.server.map(|server| server.ip()),
        }
    }
}

impl Outcome {
    /// What went wrong, in words for the user. For good answers as well, where it is of no use.
    fn reason(&self) -> String {
        match self {
            Self::Answered(_) => "what answers there is no rendezvous server".to_owned(),
            Self::ClosedSilently => "it closed the connection without an answer".to_owned(),
            Self::TimedOut => "no answer in time".to_owned(),
            Self::Refused => "nobody listens there".to_owned(),
            Self::Unreachable(reason) => reason.clone(),
        }
    }
}

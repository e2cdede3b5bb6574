//! How the nodes of a machine find or become the embedded rendezvous (product text, "The rendezvous setting").
//!
//! Ports are asked in order, by every node in the same. A rendezvous is used, whoever made it; where nobody listens the
//! bind is the election; another program is left alone for ten minutes. Pure: asking and binding are outputs.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::registration::Outcome;
use crate::wire::rendezvous::Answer;

/// How many ports, one behind the other, the embedded rendezvous may have: the further ones are for when programs of
/// others have the first.
pub const EMBEDDED_PORTS_COUNT: u16 = 5;

/// The time in which a rendezvous of this machine answers; after it the port counts as another program's.
pub const ASK_TIMEOUT: Duration = Duration::from_secs(2);

/// How long another program's port is left alone.
pub const FOREIGN_WAIT: Duration = Duration::from_secs(600);

/// The wait before a loser of the election asks the winner.
const WINNER_STARTS: Duration = Duration::from_millis(100);

/// The wait between further attempts to bind a port at which nobody listens.
const BIND_INTERVAL: Duration = Duration::from_secs(2);

/// A port that cannot be bound and at which nobody listens, so often in a row, belongs to another program.
const LOST_ELECTIONS_MAX: u32 = 4;

/// A port that closes without a word is asked once more: a rendezvous begins a block that way, and ends that way.
const CLOSED_AGAIN_WAIT: Duration = Duration::from_millis(500);

/// Beyond its own limit the result of an ask or a bind is not coming any more.
const LOST_AFTER: Duration = Duration::from_secs(3);

/// What was found at a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A rendezvous, of whatever make.
    Rendezvous,
    /// Nobody listens.
    Refused,
    /// Closed without a word.
    Closed,
    /// Another answer, or silence.
    Foreign,
}

impl From<&Outcome> for Verdict {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Answered(Answer::NotARendezvous) => Self::Foreign,
            Outcome::Answered(_) => Self::Rendezvous,
            Outcome::Refused => Self::Refused,
            Outcome::ClosedSilently => Self::Closed,
            Outcome::TimedOut | Outcome::Unreachable(_) => Self::Foreign,
        }
    }
}

/// How a bind ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bound {
    /// This node hosts now.
    Ok,
    /// Somebody else has the port: the election is lost.
    InUse,
    /// The port cannot be had, in words.
    Other(String),
}

/// What the machine is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Begin, or go on after a new incarnation.
    Started,
    /// The wake-up, or any other moment.
    Tick,
    /// The answer to [`Output::Ask`].
    Asked {
        /// The port.
        port: u16,
        /// What was found.
        verdict: Verdict,
    },
    /// The answer to [`Output::Bind`].
    Bound {
        /// The port.
        port: u16,
        /// How it ended.
        result: Bound,
    },
    /// The rendezvous in use failed.
    Lost {
        /// Whether nobody listens there any more.
        refused: bool,
    },
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send a DISCOVER to this port of this machine, with [`ASK_TIMEOUT`].
    Ask(u16),
    /// Try to host at this port.
    Bind(u16),
    /// Stop hosting at this port.
    StopHosting(u16),
    /// The rendezvous is there.
    Settled {
        /// Its port.
        port: u16,
        /// Whether this node hosts it.
        hosted: bool,
    },
    /// The port belongs to another program; told once.
    Foreign(u16),
    /// The port can be neither asked nor bound; told once.
    Unusable {
        /// The port.
        port: u16,
        /// Why, in words.
        reason: String,
    },
    /// No port is left; told once, until one is found.
    NoPort,
}

/// A rendezvous in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Home {
    port: u16,
    hosted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Resting,
    Asking { port: u16, until: Instant },
    Binding { port: u16, until: Instant },
    Pausing { port: u16, until: Instant },
}

/// The machine.
#[derive(Debug, Clone)]
pub struct Hosting {
    ports: Vec<u16>,
    home: Option<Home>,
    step: Step,
    /// Ports of other programs, and until when they are left alone; at most one entry per port.
    foreign: BTreeMap<u16, Instant>,
    lost_elections: u32,
    closed_before: bool,
    told_no_port: bool,
}

impl Hosting {
    /// For these ports, in this order; nothing happens before [`Input::Started`].
    pub fn new(ports: Vec<u16>) -> Self {
        Self {
            ports,
            home: None,
            step: Step::Resting,
            foreign: BTreeMap::new(),
            lost_elections: 0,
            closed_before: false,
            told_no_port: false,
        }
    }

    /// Takes one input at `now`; `random` in 0.0 to 1.0 chooses the jitter of a wait.
    pub fn handle(&mut self, now: Instant, input: Input, random: f64) -> Vec<Output> {
        let mut outputs = Vec::new();
        match input {
            Input::Started => self.begin(now, &mut outputs),
            Input::Tick => {}
            Input::Asked { port, verdict } => self.asked(now, port, verdict, &mut outputs),
            Input::Bound { port, result } => self.bound(now, port, result, random, &mut outputs),
            Input::Lost { refused } => self.lost(now, refused, &mut outputs),
        }
        self.go_on(now, &mut outputs);
        outputs
    }

    /// When to come back with [`Input::Tick`]; `None` when at home at the first port.
    pub fn next_wake(&self) -> Option<Instant> {
        match self.step {
            Step::Asking { until, .. }
            | Step::Binding { until, .. }
            | Step::Pausing { until, .. } => Some(until),
            Step::Resting => {
                let better = self.better_ports();
                better
                    .filter_map(|port| self.foreign.get(&port).copied())
                    .min()
            }
        }
    }

    /// Whether a rendezvous is in use.
    pub fn is_settled(&self) -> bool {
        self.home.is_some()
    }

    /// What the next incarnation goes on from: where we are at home and whom we leave alone.
    pub fn resume(&self) -> Self {
        Self {
            step: Step::Resting,
            lost_elections: 0,
            closed_before: false,
            ..self.clone()
        }
    }

    /// Does what has become due.
    fn go_on(&mut self, now: Instant, outputs: &mut Vec<Output>) {
        match self.step {
            Step::Asking { port, until } | Step::Binding { port, until } if until <= now => {
                self.leave_alone(now, port, outputs, Output::Foreign(port));
            }
            Step::Pausing { port, until } if until <= now => self.ask(now, port, outputs),
            Step::Resting if self.next_wake().is_some_and(|at| at <= now) => {
                self.begin(now, outputs);
            }
            _ => {}
        }
    }

    /// Asks the first port that may be asked.
    fn begin(&mut self, now: Instant, outputs: &mut Vec<Output>) {
        self.lost_elections = 0;
        self.closed_before = false;
        let next = self.better_ports().find(|port| self.may_ask(now, *port));
        match next {
            Some(port) => self.ask(now, port, outputs),
            None => self.rest(outputs),
        }
    }

    fn rest(&mut self, outputs: &mut Vec<Output>) {
        self.step = Step::Resting;
        if self.home.is_none() && !std::mem::replace(&mut self.told_no_port, true) {
            outputs.push(Output::NoPort);
        }
    }

    /// The ports before the one in use: all while none is.
    fn better_ports(&self) -> impl Iterator<Item = u16> + '_ {
        let home = self.home.map(|home| home.port);
        self.ports
            .iter()
            .copied()
            .take_while(move |port| Some(*port) != home)
    }

    fn may_ask(&self, now: Instant, port: u16) -> bool {
        self.foreign.get(&port).is_none_or(|until| *until <= now)
    }

    fn ask(&mut self, now: Instant, port: u16, outputs: &mut Vec<Output>) {
        let until = now + ASK_TIMEOUT + LOST_AFTER;
        self.step = Step::Asking { port, until };
        outputs.push(Output::Ask(port));
    }

    fn bind(&mut self, now: Instant, port: u16, outputs: &mut Vec<Output>) {
        let until = now + LOST_AFTER;
        self.step = Step::Binding { port, until };
        outputs.push(Output::Bind(port));
    }

    fn asked(&mut self, now: Instant, port: u16, verdict: Verdict, outputs: &mut Vec<Output>) {
        if !matches!(self.step, Step::Asking { port: asked, .. } if asked == port) {
            return;
        }
        match verdict {
            Verdict::Rendezvous => self.settle(port, false, outputs),
            Verdict::Refused => self.bind(now, port, outputs),
            Verdict::Closed if !std::mem::replace(&mut self.closed_before, true) => {
                let until = now + CLOSED_AGAIN_WAIT;
                self.step = Step::Pausing { port, until };
            }
            Verdict::Closed | Verdict::Foreign => {
                self.leave_alone(now, port, outputs, Output::Foreign(port));
            }
        }
    }

    fn bound(
        &mut self,
        now: Instant,
        port: u16,
        result: Bound,
        random: f64,
        outputs: &mut Vec<Output>,
    ) {
        if !matches!(self.step, Step::Binding { port: bound, .. } if bound == port) {
            if result == Bound::Ok {
                outputs.push(Output::StopHosting(port));
            }
            return;
        }
        match result {
            Bound::Ok => self.settle(port, true, outputs),
            Bound::InUse => self.lose_election(now, port, random, outputs),
            Bound::Other(reason) => {
                self.leave_alone(now, port, outputs, Output::Unusable { port, reason });
            }
        }
    }

    fn lose_election(&mut self, now: Instant, port: u16, random: f64, outputs: &mut Vec<Output>) {
        self.lost_elections += 1;
        if self.lost_elections >= LOST_ELECTIONS_MAX {
            return self.leave_alone(now, port, outputs, Output::Foreign(port));
        }
        let wait = if self.lost_elections == 1 {
            WINNER_STARTS
        } else {
            BIND_INTERVAL
        };
        let until = now + wait.mul_f64(0.75 + random.clamp(0.0, 1.0) / 2.0);
        self.step = Step::Pausing { port, until };
    }

    fn settle(&mut self, port: u16, hosted: bool, outputs: &mut Vec<Output>) {
        self.stop_hosting(outputs);
        self.home = Some(Home { port, hosted });
        self.step = Step::Resting;
        self.foreign.remove(&port);
        self.told_no_port = false;
        outputs.push(Output::Settled { port, hosted });
    }

    fn stop_hosting(&mut self, outputs: &mut Vec<Output>) {
        if let Some(Home { port, hosted: true }) = self.home.take() {
            outputs.push(Output::StopHosting(port));
        }
    }

    /// Leaves a port alone for a while and goes on with the next; `tell` is said the first time.
    fn leave_alone(&mut self, now: Instant, port: u16, outputs: &mut Vec<Output>, tell: Output) {
        if self.foreign.insert(port, now + FOREIGN_WAIT).is_none() {
            outputs.push(tell);
        }
        self.begin(now, outputs);
    }

    fn lost(&mut self, now: Instant, refused: bool, outputs: &mut Vec<Output>) {
        let Some(home) = self.home else {
            return;
        };
        if home.hosted && !refused {
            // Our own server is slow or starts again; its socket is still ours.
            return;
        }
        self.stop_hosting(outputs);
        self.lost_elections = 0;
        self.closed_before = false;
        if refused {
            self.bind(now, home.port, outputs);
        } else {
            self.ask(now, home.port, outputs);
        }
    }
}

#[cfg(test)]
#[path = "hosting_tests.rs"]
mod tests;

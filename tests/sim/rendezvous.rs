//! The rendezvous server: the real directory and the real gate, on a wall clock that may jump, with outages.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use papo::{
    proto::{
        directory::{
            Directory, Limits, Refusal,
            gate::{Entry, Gate, GateLimits},
        },
        registration::Outcome,
    },
    wire::rendezvous::Answer,
};

/// How it is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It answers.
    Up,
    /// Nobody listens there.
    Refuses,
    /// It says nothing.
    Silent,
    /// It closes without a word.
    Closes,
    /// It answers something else.
    Nonsense,
}

const LIMITS: Limits = Limits {
    records_max: 10_000,
    records_per_address_max: 1_000,
};

const GATE: GateLimits = GateLimits {
    rate: 50,
    window: Duration::from_secs(60),
    connections_max: 256,
    per_address_max: 64,
    exempt_loopback: false,
};

/// The server.
pub struct Server {
    /// How it is doing.
    pub health: Health,
    directory: Directory,
    gate: Gate,
    /// Its wall clock at the beginning, and by how much it was set since.
    wall: Duration,
}

impl Server {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            health: Health::Up,
            directory: Directory::new(LIMITS),
            gate: Gate::new(GATE),
            wall: Duration::from_secs(1_790_000_000),
        }
    }

    /// Its wall clock is set forward, or back.
    pub fn set_clock(&mut self, by: Duration, forward: bool) {
        self.wall = if forward {
            self.wall + by
        } else {
            self.wall - by
        };
    }

    /// It starts again, with its records or without.
    pub fn restart(&mut self, up: Duration, with_records: bool) {
        let saved = self.directory.snapshot().to_saved();
        self.gate = Gate::new(GATE);
        self.directory = match with_records {
            true => Directory::restored(LIMITS, self.wall + up, saved),
            false => Directory::new(LIMITS),
        };
    }

    /// One request; none if nothing comes back. `up` is the time since the beginning.
    pub fn ask(
        &mut self,
        now: Instant,
        up: Duration,
        from: IpAddr,
        line: &[u8],
    ) -> Option<Outcome> {
        match self.health {
            Health::Up => Some(self.answer(now, up, from, line)),
            Health::Refuses => Some(Outcome::Refused),
            Health::Silent => None,
            Health::Closes => Some(Outcome::ClosedSilently),
            Health::Nonsense => Some(Outcome::Answered(Answer::parse(
                b"HTTP/1.1 400 Bad Request\r\n",
            ))),
        }
    }

    fn answer(&mut self, now: Instant, up: Duration, from: IpAddr, line: &[u8]) -> Outcome {
        let refused = |refusal: Refusal| Outcome::Answered(Answer::parse(&refusal.line()));
        match self.gate.opened(now, from) {
            Entry::CloseSilently => return Outcome::ClosedSilently,
            Entry::Busy => return refused(Refusal::Busy),
            Entry::TellBlocked(wait) => {
                self.gate.closed(from);
                let (from, limit) = (SocketAddr::new(from, 50_000), GATE.rate);
                return refused(Refusal::Blocked { from, limit, wait });
            }
            Entry::Serve => self.gate.closed(from),
        }
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let answer = self.directory.answer(self.wall + up, from, line);
        Outcome::Answered(Answer::parse(&answer.line))
    }
}

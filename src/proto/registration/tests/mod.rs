//! The client by tables: one server, and one clock that only the test moves.

mod moving;
mod registering;
mod trouble;

use std::net::SocketAddr;

use super::*;
use crate::{
    proto::backoff::Backoff,
    wire::rendezvous::{Answer, Failure, Listing, Request, Success},
};

const OUR_IP: &str = "10.0.0.1";

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(super) fn config() -> Config {
    Config {
        own: PeerId::parse("alice@CIC").unwrap(),
        port: 4000,
        ttl: seconds(7200),
        discovery_interval: seconds(60),
        timeout: seconds(5),
        backoff: Backoff {
            base: seconds(1),
            factor: 2.0,
            cap: seconds(60),
        },
    }
}

pub(super) fn endpoint(address: &str, embedded: bool) -> Endpoint {
    Endpoint {
        address: address.into(),
        hosted: false,
        embedded,
    }
}

pub(super) fn record(peer: &str, address: &str) -> Record {
    Record {
        peer: PeerId::parse(peer).unwrap(),
        address: address.parse().unwrap(),
        expires_in: 100,
    }
}

pub(super) fn registered(ttl: u64) -> Outcome {
    Outcome::Answered(Answer::Ok(Success {
        ttl: Some(ttl),
        ip: Some(OUR_IP.parse().unwrap()),
        port: Some(4000),
        ..Success::default()
    }))
}

pub(super) fn peers(records: Vec<Record>) -> Outcome {
    let peers = Listing {
        records,
        ..Listing::default()
    };
    Outcome::Answered(Answer::Ok(Success {
        peers,
        ..Success::default()
    }))
}

pub(super) fn error(message: &str) -> Outcome {
    Outcome::Answered(Answer::Error(Failure {
        message: message.into(),
        limit: None,
    }))
}

pub(super) fn blocked(seconds: u64) -> Outcome {
    Outcome::Answered(Answer::Blocked { seconds })
}

fn ourselves() -> Record {
    record("alice@CIC", "10.0.0.1:4000")
}

/// A client, the clock, and what it said that is not a request.
struct Rig {
    client: Registration,
    start: Instant,
    now: Instant,
    server: SocketAddr,
    asked: Option<(u64, Request)>,
    /// The resolved address the last request was to go to.
    sent_to: Option<SocketAddr>,
    said: Vec<Output>,
}

impl Rig {
    fn new(facts: Facts) -> Self {
        let start = Instant::now();
        let mut rig = Self {
            client: Registration::new(start, config(), facts),
            start,
            now: start,
            server: "10.0.0.9:8080".parse().unwrap(),
            asked: None,
            sent_to: None,
            said: Vec::new(),
        };
        rig.take(Input::Started);
        rig
    }

    /// At a rendezvous of another machine, before anything was asked.
    fn remote() -> Self {
        let mut rig = Self::new(Facts::default());
        rig.take(Input::Moved(endpoint("example.org:8080", false)));
        rig
    }

    /// Registered, with the first quick DISCOVER answered.
    fn settled() -> Self {
        let mut rig = Self::remote();
        rig.answer(error("peer_not_registered"));
        rig.answer(registered(7200));
        rig.answer(peers(vec![ourselves()]));
        rig.said.clear();
        rig
    }

    fn take(&mut self, input: Input) {
        for output in self.client.handle(self.now, input, 0.0) {
            match output {
                Output::Send {
                    id,
                    request,
                    server,
                    ..
                } => {
                    assert!(self.asked.is_none(), "two requests at a time");
                    self.asked = Some((id, request));
                    self.sent_to = server;
                }
                other => self.said.push(other),
            }
        }
    }

    fn kind(&self) -> Option<reaction::Kind> {
        self.asked
            .as_ref()
            .map(|(_, request)| reaction::Kind::of(request))
    }

    fn answer(&mut self, outcome: Outcome) {
        let (id, _) = self.asked.take().expect("a request is under way");
        let server = Some(self.server);
        let exchange = Exchange { server, outcome };
        self.take(Input::Answered { id, exchange });
    }

    /// Moves the clock to the next wake-up and tells how many seconds after the start that is.
    fn wake(&mut self) -> f64 {
        self.now = self.client.next_wake(self.now).expect("a wake-up");
        self.take(Input::Tick);
        self.now.duration_since(self.start).as_secs_f64()
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.take(Input::Tick);
    }

    fn said(&self, expected: &Output) -> usize {
        let same = |said: &&Output| *said == expected;
        self.said.iter().filter(same).count()
    }

    fn announced(&self) -> usize {
        let seen = Some("10.0.0.1:4000".parse().unwrap());
        self.said(&Output::Registered { seen })
    }

    fn unreachable_told(&self) -> usize {
        let told = |said: &&Output| matches!(said, Output::Unreachable { first: true, .. });
        self.said.iter().filter(told).count()
    }
}

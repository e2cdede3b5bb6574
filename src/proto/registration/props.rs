//! Whatever a rendezvous answers: never more than the budget, a block is obeyed, and there is always a next wake-up.

use std::{net::SocketAddr, ops::Range};

use proptest::prelude::*;

use super::{tests::*, *};
use crate::wire::rendezvous::Answer;

/// One step of a history: something happens, or time passes.
#[derive(Debug, Clone)]
enum Step {
    Answer(Outcome),
    StaleAnswer(u64),
    Probed(bool),
    Discover(bool),
    LinkEnded,
    NetworkChanged,
    Move(bool),
    Suspend,
    Wake,
    Wait(u64),
    Restart,
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    let with_sharers = |count: Range<u16>| {
        count.prop_map(|count| {
            let ours = |port: u16| record(&format!("p{port}@CIC"), &format!("10.0.0.1:{port}"));
            peers((5000..5000 + count).map(ours).collect())
        })
    };
    prop_oneof![
        4 => (0u64..200).prop_map(registered),
        4 => with_sharers(0..70),
        2 => Just(error("peer_not_registered")),
        1 => Just(error("bad_name")),
        1 => Just(error("?")),
        1 => (0u64..100).prop_map(blocked),
        1 => Just(Outcome::ClosedSilently),
        1 => Just(Outcome::TimedOut),
        1 => Just(Outcome::Refused),
        1 => Just(Outcome::Answered(Answer::NotARendezvous)),
        1 => Just(peers(vec![record("alice@CIC", "10.0.0.7:4000")])),
    ]
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => outcomes().prop_map(Step::Answer),
        1 => (0u64..20).prop_map(Step::StaleAnswer),
        3 => any::<bool>().prop_map(Step::Probed),
        6 => any::<bool>().prop_map(Step::Discover),
        3 => Just(Step::LinkEnded),
        2 => Just(Step::NetworkChanged),
        1 => any::<bool>().prop_map(Step::Move),
        1 => Just(Step::Suspend),
        12 => Just(Step::Wake),
        3 => (0u64..90_000).prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ]
}

/// A client with the record of what it did.
struct World {
    client: Registration,
    now: Instant,
    server: SocketAddr,
    asked: Option<u64>,
    probing: Option<u64>,
    sent: Vec<Instant>,
    blocked_until: Option<Instant>,
}

impl World {
    fn new(loopback: bool) -> Self {
        let now = Instant::now();
        let server = if loopback {
            "127.0.0.1:8080"
        } else {
            "10.0.0.9:8080"
        };
        let mut world = Self {
            client: Registration::new(now, config(), Facts::default()),
            now,
            server: server.parse().unwrap(),
            asked: None,
            probing: None,
            sent: Vec::new(),
            blocked_until: None,
        };
        world.take(Input::Moved(endpoint("example.org:8080", false)));
        world
    }

    fn take(&mut self, input: Input) {
        for output in self.client.handle(self.now, input, 0.5) {
            match output {
                Output::Send { id, .. } => {
                    let blocked = self.blocked_until.is_some_and(|until| until > self.now);
                    assert!(!blocked, "asked during a block");
                    self.asked = Some(id);
                    self.sent.push(self.now);
                }
                Output::ProbeOwnName { id, .. } => self.probing = Some(id),
                _ => {}
            }
        }
    }

    fn answer(&mut self, outcome: Outcome) {
        // What the client has given up on is not answered any more.
        let asked = self.asked.take().filter(|_| self.client.is_asking());
        let Some(id) = asked else {
            return;
        };
        if let Outcome::Answered(Answer::Blocked { seconds }) = outcome {
            self.blocked_until = Some(self.now + Duration::from_secs(seconds));
        }
        let server = Some(self.server);
        let exchange = Exchange { server, outcome };
        self.take(Input::Answered { id, exchange });
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Answer(outcome) => self.answer(outcome),
            Step::StaleAnswer(id) if Some(id) != self.asked => {
                let exchange = Exchange {
                    server: None,
                    outcome: blocked(99),
                };
                self.take(Input::Answered { id, exchange });
            }
            Step::StaleAnswer(_) => {}
            Step::Probed(taken) => {
                if let Some(id) = self.probing.take() {
                    let taken = taken.then_some(self.server);
                    self.take(Input::Probed { id, taken });
                }
            }
            Step::Discover(quick) => self.take(Input::DiscoverNow { quick }),
            Step::LinkEnded => self.take(Input::LinkEndedHere),
            Step::NetworkChanged => self.take(Input::NetworkChanged),
            Step::Move(same) => self.move_to(same),
            Step::Suspend => {
                self.take(Input::Suspended);
                self.move_to(true);
            }
            Step::Wake => self.wake(),
            Step::Wait(ms) => {
                self.now += Duration::from_millis(ms);
                self.take(Input::Tick);
            }
            Step::Restart => {
                let facts = self.client.facts().clone();
                self.client = Registration::new(self.now, config(), facts);
                self.take(Input::Started);
            }
        }
    }

    fn move_to(&mut self, same: bool) {
        if same {
            // Another server may host at the same place now; it knows of no block.
            self.blocked_until = None;
            self.take(Input::Moved(endpoint("example.org:8080", false)));
        }
    }

    fn wake(&mut self) {
        if let Some(at) = self.client.next_wake(self.now) {
            self.now = self.now.max(at);
            self.take(Input::Tick);
        }
    }

    fn most_in_a_minute(&self) -> usize {
        let within = |start: &Instant| {
            let end = *start + Duration::from_secs(60);
            let inside = |at: &&Instant| **at >= *start && **at < end;
            self.sent.iter().filter(inside).count()
        };
        self.sent.iter().map(within).max().unwrap_or(0)
    }
}

proptest! {
    #[test]
    fn no_sequence_of_answers_makes_a_storm(loopback: bool, history in prop::collection::vec(steps(), 0..300)) {
        let mut world = World::new(loopback);
        for step in history {
            world.step(step);
        }
        let most = if loopback { budget::LOOPBACK_REQUESTS_PER_MINUTE } else { budget::REQUESTS_PER_MINUTE };
        prop_assert!(world.most_in_a_minute() <= most, "{} requests", world.most_in_a_minute());
    }

    #[test]
    fn there_is_always_a_next_wake_up_and_it_lies_ahead(loopback: bool, history in prop::collection::vec(steps(), 0..150)) {
        let mut world = World::new(loopback);
        for step in history {
            world.step(step);
            if !world.client.facts().ended {
                let at = world.client.next_wake(world.now);
                prop_assert!(at.is_some_and(|at| at > world.now), "{at:?} after {:?}", world.now);
            }
        }
    }

    #[test]
    fn a_good_server_is_registered_at_in_the_end(loopback: bool, history in prop::collection::vec(steps(), 0..100)) {
        let mut world = World::new(loopback);
        for step in history {
            world.step(step);
        }
        for _ in 0..200 {
            if world.client.facts().registered.is_some() || world.client.facts().ended {
                return Ok(());
            }
            world.answer(registered(7200));
            if let Some(id) = world.probing.take() {
                world.take(Input::Probed { id, taken: None });
            }
            if world.asked.is_none() {
                world.wake();
            }
        }
        prop_assert!(false, "never registered");
    }

    #[test]
    fn leaving_ends_whatever_came_before(loopback: bool, history in prop::collection::vec(steps(), 0..100)) {
        let mut world = World::new(loopback);
        for step in history {
            world.step(step);
        }
        world.blocked_until = None;
        world.take(Input::Leave);
        for _ in 0..3 {
            world.wake();
        }
        prop_assert!(world.client.facts().ended);
    }
}

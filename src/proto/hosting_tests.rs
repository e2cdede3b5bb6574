//! Finding, hosting and taking over, by tables and with several nodes on one machine.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

const PORTS: [u16; 5] = [8080, 8081, 8082, 8083, 8084];

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// One node; what it does is written as `ask 8080`, `bind 8080` and so on.
struct Node {
    hosting: Hosting,
    start: Instant,
    now: Instant,
}

impl Node {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            hosting: Hosting::new(PORTS.to_vec()),
            start: now,
            now,
        }
    }

    fn take(&mut self, input: Input) -> String {
        let outputs = self.hosting.handle(self.now, input, 0.5);
        outputs.iter().map(shown).collect::<Vec<_>>().join(", ")
    }

    fn start(&mut self) -> String {
        self.take(Input::Started)
    }

    fn asked(&mut self, port: u16, verdict: Verdict) -> String {
        self.take(Input::Asked { port, verdict })
    }

    fn bound(&mut self, port: u16, result: Bound) -> String {
        self.take(Input::Bound { port, result })
    }

    /// What the next wake-up leads to, and when it comes in milliseconds after the start.
    fn wake(&mut self) -> (u128, String) {
        self.now = self.hosting.next_wake().expect("a wake-up");
        let done = self.take(Input::Tick);
        (self.now.duration_since(self.start).as_millis(), done)
    }

    fn at_home(port: u16, hosted: bool) -> Self {
        let mut node = Self::new();
        node.start();
        if hosted {
            node.asked(port, Verdict::Refused);
            node.bound(port, Bound::Ok);
        } else {
            node.asked(port, Verdict::Rendezvous);
        }
        assert!(node.hosting.is_settled());
        node
    }
}

fn shown(output: &Output) -> String {
    match output {
        Output::Ask(port) => format!("ask {port}"),
        Output::Bind(port) => format!("bind {port}"),
        Output::StopHosting(port) => format!("stop {port}"),
        Output::Settled { port, hosted: true } => format!("host {port}"),
        Output::Settled { port, .. } => format!("use {port}"),
        Output::Foreign(port) => format!("foreign {port}"),
        Output::Unusable { port, .. } => format!("unusable {port}"),
        Output::NoPort => "no port".into(),
    }
}

#[test]
fn a_rendezvous_that_answers_is_used() {
    let mut node = Node::new();
    assert_eq!(node.start(), "ask 8080");
    assert_eq!(node.asked(8080, Verdict::Rendezvous), "use 8080");
    assert_eq!(node.hosting.next_wake(), None);
}

#[test]
fn where_nobody_listens_the_bind_is_the_election() {
    let mut node = Node::new();
    node.start();
    assert_eq!(node.asked(8080, Verdict::Refused), "bind 8080");
    assert_eq!(node.bound(8080, Bound::Ok), "host 8080");
}

#[test]
fn the_loser_of_the_election_asks_the_winner() {
    let mut node = Node::new();
    node.start();
    node.asked(8080, Verdict::Refused);
    assert_eq!(node.bound(8080, Bound::InUse), "");
    assert_eq!(node.wake(), (100, "ask 8080".into()));
    assert_eq!(node.asked(8080, Verdict::Rendezvous), "use 8080");
}

#[test]
fn a_bound_port_at_which_nobody_ever_listens_is_another_programs() {
    let mut node = Node::new();
    node.start();
    let mut times = Vec::new();
    for _ in 0..3 {
        node.asked(8080, Verdict::Refused);
        assert_eq!(node.bound(8080, Bound::InUse), "");
        times.push(node.wake().0);
    }
    assert_eq!(times, [100, 2100, 4100]);
    node.asked(8080, Verdict::Refused);
    assert_eq!(node.bound(8080, Bound::InUse), "foreign 8080, ask 8081");
}

#[test]
fn another_program_is_named_and_the_next_port_is_tried() {
    let mut node = Node::new();
    node.start();
    assert_eq!(node.asked(8080, Verdict::Foreign), "foreign 8080, ask 8081");
    assert_eq!(node.asked(8081, Verdict::Refused), "bind 8081");
    assert_eq!(
        node.bound(8081, Bound::Other("denied".into())),
        "unusable 8081, ask 8082"
    );
    assert_eq!(node.asked(8082, Verdict::Rendezvous), "use 8082");
}

#[test]
fn silence_counts_as_another_program_also_when_the_ask_itself_is_lost() {
    let mut node = Node::new();
    node.start();
    assert_eq!(node.wake(), (5000, "foreign 8080, ask 8081".into()));
}

#[test]
fn a_silent_close_is_asked_once_more() {
    let mut node = Node::new();
    node.start();
    assert_eq!(node.asked(8080, Verdict::Closed), "");
    assert_eq!(node.wake(), (500, "ask 8080".into()));
    assert_eq!(node.asked(8080, Verdict::Closed), "foreign 8080, ask 8081");
}

#[test]
fn when_every_port_is_taken_it_is_said_once_and_tried_again_after_ten_minutes() {
    let mut node = Node::new();
    node.start();
    for port in 8080..8084 {
        node.asked(port, Verdict::Foreign);
    }
    assert_eq!(node.asked(8084, Verdict::Foreign), "foreign 8084, no port");
    assert_eq!(node.wake(), (600_000, "ask 8080".into()));
    for port in 8080..8084 {
        let next = format!("ask {}", port + 1);
        assert_eq!(node.asked(port, Verdict::Foreign), next, "told only once");
    }
    assert_eq!(node.asked(8084, Verdict::Foreign), "");
    assert!(node.hosting.next_wake().is_some());
}

#[test]
fn the_host_is_gone_and_the_bind_comes_at_once() {
    let mut node = Node::at_home(8080, false);
    assert_eq!(node.take(Input::Lost { refused: true }), "bind 8080");
    assert_eq!(node.bound(8080, Bound::Ok), "host 8080");
}

#[test]
fn a_host_that_hangs_is_asked_before_it_is_left_alone() {
    let mut node = Node::at_home(8080, false);
    assert_eq!(node.take(Input::Lost { refused: false }), "ask 8080");
    assert_eq!(node.asked(8080, Verdict::Foreign), "foreign 8080, ask 8081");
}

#[test]
fn our_own_slow_server_is_kept_and_a_dead_one_replaced() {
    let mut node = Node::at_home(8080, true);
    assert_eq!(node.take(Input::Lost { refused: false }), "");
    assert!(node.hosting.is_settled());
    assert_eq!(
        node.take(Input::Lost { refused: true }),
        "stop 8080, bind 8080"
    );
}

#[test]
fn a_better_port_is_looked_at_again_after_ten_minutes() {
    let mut node = Node::new();
    node.start();
    node.asked(8080, Verdict::Foreign);
    node.asked(8081, Verdict::Refused);
    node.bound(8081, Bound::Ok);
    assert_eq!(node.wake(), (600_000, "ask 8080".into()));
    assert!(node.hosting.is_settled(), "8081 is used meanwhile");
    assert_eq!(node.asked(8080, Verdict::Foreign), "");
    assert_eq!(node.wake(), (1_200_000, "ask 8080".into()));
    assert_eq!(node.asked(8080, Verdict::Rendezvous), "stop 8081, use 8080");
}

#[test]
fn stale_answers_are_ignored_and_a_late_bind_is_undone() {
    let mut node = Node::at_home(8080, false);
    assert_eq!(node.asked(8080, Verdict::Foreign), "");
    assert_eq!(node.bound(8080, Bound::InUse), "");
    assert_eq!(node.bound(8081, Bound::Ok), "stop 8081");
    assert!(node.hosting.is_settled());
}

#[test]
fn the_next_incarnation_stays_at_home_and_leaves_the_same_ports_alone() {
    let mut node = Node::new();
    node.start();
    node.asked(8080, Verdict::Foreign);
    node.asked(8081, Verdict::Rendezvous);
    node.hosting = node.hosting.resume();
    assert_eq!(node.start(), "");
    assert!(node.hosting.is_settled());
    let mut lost = node.hosting.resume();
    lost.home = None;
    node.hosting = lost;
    assert_eq!(node.start(), "ask 8081");
}

#[test]
fn what_an_outcome_says_about_a_port() {
    let cases = [
        (Outcome::Answered(Answer::NotARendezvous), Verdict::Foreign),
        (
            Outcome::Answered(Answer::Blocked { seconds: 1 }),
            Verdict::Rendezvous,
        ),
        (Outcome::Refused, Verdict::Refused),
        (Outcome::ClosedSilently, Verdict::Closed),
        (Outcome::TimedOut, Verdict::Foreign),
        (Outcome::Unreachable("?".into()), Verdict::Foreign),
    ];
    for (outcome, verdict) in cases {
        assert_eq!(Verdict::from(&outcome), verdict, "{outcome:?}");
    }
}

/// Several nodes on one machine; effects take a while, a dead node does nothing more.
struct Machine {
    nodes: Vec<Hosting>,
    now: Instant,
    listening: BTreeMap<u16, usize>,
    pending: Vec<(Instant, usize, Input)>,
    dead: HashSet<usize>,
    delays: Vec<u64>,
}

impl Machine {
    fn new(count: usize, delays: Vec<u64>) -> Self {
        let now = Instant::now();
        let node = Hosting::new(PORTS.to_vec());
        let start = |node| (now, node, Input::Started);
        Self {
            nodes: vec![node; count],
            now,
            listening: BTreeMap::new(),
            pending: (0..count).map(start).collect(),
            dead: HashSet::new(),
            delays,
        }
    }

    fn delay(&mut self) -> Duration {
        self.delays.rotate_left(1);
        Duration::from_millis(self.delays[0])
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.next_event().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            let due = |event: &mut (Instant, usize, Input)| event.0 <= at;
            let events: Vec<_> = self.pending.extract_if(.., due).collect();
            for (_, node, input) in events {
                self.give(node, input);
            }
            for node in 0..self.nodes.len() {
                self.give(node, Input::Tick);
            }
        }
        self.now = end;
    }

    fn next_event(&self) -> Option<Instant> {
        let alive = |node: &usize| !self.dead.contains(node);
        let timers = (0..self.nodes.len()).filter(alive);
        let timers = timers.filter_map(|node| self.nodes[node].next_wake());
        timers.chain(self.pending.iter().map(|event| event.0)).min()
    }

    fn give(&mut self, node: usize, input: Input) {
        if self.dead.contains(&node) {
            return;
        }
        let random = self.delay().as_secs_f64() * 20.0;
        for output in self.nodes[node].handle(self.now, input, random) {
            self.apply(node, output);
        }
    }

    fn apply(&mut self, node: usize, output: Output) {
        let answer = match output {
            Output::Ask(port) if self.listening.contains_key(&port) => {
                let verdict = Verdict::Rendezvous;
                Input::Asked { port, verdict }
            }
            Output::Ask(port) => {
                let verdict = Verdict::Refused;
                Input::Asked { port, verdict }
            }
            Output::Bind(port) => {
                let owner = *self.listening.entry(port).or_insert(node);
                let result = if owner == node {
                    Bound::Ok
                } else {
                    Bound::InUse
                };
                Input::Bound { port, result }
            }
            Output::StopHosting(port) => {
                self.listening.remove(&port);
                return;
            }
            _ => return,
        };
        let at = self.now + self.delay();
        self.pending.push((at, node, answer));
    }

    /// The host ends; the others notice within the five seconds between two DISCOVERs.
    fn kill_host(&mut self) {
        let (_, host) = self.listening.pop_first().expect("somebody hosts");
        self.dead.insert(host);
        for node in 0..self.nodes.len() {
            let at = self.now + self.delay() * 100;
            let refused = true;
            self.pending.push((at, node, Input::Lost { refused }));
        }
    }

    fn homes(&self) -> Vec<Option<Home>> {
        let alive = |node: &usize| !self.dead.contains(node);
        let nodes = (0..self.nodes.len()).filter(alive);
        nodes.map(|node| self.nodes[node].home).collect()
    }
}

proptest! {
    #[test]
    fn nodes_agree_on_one_host_at_the_start_and_within_ten_seconds_of_its_end(
        count in 2usize..8,
        delays in prop::collection::vec(0u64..50, 1..40),
    ) {
        let mut machine = Machine::new(count, delays);
        machine.run(seconds(10));
        while machine.homes().len() > 1 {
            let homes = machine.homes();
            prop_assert!(homes.iter().all(|home| home.is_some_and(|home| home.port == 8080)), "{homes:?}");
            prop_assert_eq!(homes.iter().flatten().filter(|home| home.hosted).count(), 1);
            machine.kill_host();
            machine.run(seconds(10));
        }
    }
}

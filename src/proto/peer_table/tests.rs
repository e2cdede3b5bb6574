//! The peer table against records, links and time.

use proptest::prelude::*;

use super::*;
use crate::proto::{backoff::Backoff, link::Direction};

pub(super) const LIMITS: TableLimits = TableLimits {
    redial: RedialLimits {
        backoff: Backoff {
            base: Duration::from_secs(1),
            factor: 2.0,
            cap: Duration::from_secs(60),
        },
        attempts_max: 5,
        stale_retry: Duration::from_secs(300),
    },
    dials_max: 3,
    outbound_max: 8,
    peers_max: 10,
    forget_after: Duration::from_secs(600),
    alive_for: Duration::from_secs(60),
};

pub(super) fn id(text: &str) -> PeerId {
    PeerId::parse(text).unwrap()
}

pub(super) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub(super) fn record(peer: &str, at: &str, expires_in: u64) -> Record {
    Record {
        peer: id(peer),
        address: address(at),
        expires_in,
    }
}

pub(super) fn never(_: LinkId) -> Option<Instant> {
    None
}

pub(super) struct Rig {
    pub(super) table: PeerTable,
    pub(super) now: Instant,
    links: u64,
}

impl Rig {
    pub(super) fn new() -> Self {
        Self {
            table: PeerTable::new(id("me@CIC"), LIMITS),
            now: Instant::now(),
            links: 0,
        }
    }

    pub(super) fn pass(&mut self, seconds: u64) -> Vec<Output> {
        self.now += Duration::from_secs(seconds);
        self.table.tick(self.now, never)
    }

    pub(super) fn discover(&mut self, records: &[Record]) -> Vec<Output> {
        self.table.discovered(self.now, records);
        self.pass(0)
    }

    pub(super) fn open(
        &mut self,
        peer: &str,
        direction: Direction,
        at: &str,
    ) -> (LinkId, Vec<Output>) {
        self.links += 1;
        let link = Link {
            id: LinkId(self.links),
            direction,
            address: address(at),
            opened: self.now,
        };
        let target = Target {
            peer: Some(id(peer)),
            address: address(at),
        };
        let dialled = (direction == Direction::Outbound).then_some(&target);
        let link_id = link.id;
        let out = self
            .table
            .link_opened(self.now, &id(peer), link, dialled, never);
        (link_id, out)
    }

    pub(super) fn end(&mut self, peer: &str, link: LinkId, reason: CloseReason) -> Vec<Output> {
        let mut out = self
            .table
            .link_ended(self.now, &id(peer), link, &reason, 0.0, never);
        out.extend(self.pass(0));
        out
    }

    pub(super) fn fail(&mut self, peer: &str, reason: CloseReason) -> Vec<Output> {
        let known = self.table.get(&id(peer)).unwrap().address.unwrap().0;
        let target = Target {
            peer: Some(id(peer)),
            address: known,
        };
        let mut out = self.table.dial_ended(self.now, &target, &reason, 0.0);
        out.extend(self.pass(0));
        out
    }

    pub(super) fn status(&self, peer: &str) -> Status {
        self.table.get(&id(peer)).unwrap().status()
    }
}

pub(super) fn dials(out: &[Output]) -> Vec<String> {
    out.iter()
        .filter_map(|output| match output {
            Output::Dial(target) => Some(match &target.peer {
                Some(peer) => peer.to_string(),
                None => target.address.to_string(),
            }),
            _ => None,
        })
        .collect()
}

pub(super) fn unreachable_error() -> CloseReason {
    CloseReason::Unreachable("refused".into())
}

#[test]
fn discovered_peers_are_dialled_own_namespace_first_and_few_at_a_time() {
    let mut rig = Rig::new();
    let out = rig.discover(&[
        record("a@Other", "10.0.0.1:1", 60),
        record("b@CIC", "10.0.0.2:1", 60),
        record("c@Other", "10.0.0.3:1", 60),
        record("d@CIC", "10.0.0.4:1", 60),
        record("me@CIC", "10.0.0.5:1", 60),
    ]);
    let mut first = dials(&out);
    first.truncate(2);
    first.sort();
    assert_eq!(first, ["b@CIC", "d@CIC"]);
    assert_eq!(dials(&out).len(), LIMITS.dials_max);
    rig.open("b@CIC", Direction::Outbound, "10.0.0.2:1");
    assert_eq!(dials(&rig.pass(0)).len(), 1, "a finished dial makes room");
    assert_eq!(rig.status("b@CIC"), Status::Connected);
}

#[test]
fn a_peer_with_a_living_inbound_link_is_not_dialled() {
    let mut rig = Rig::new();
    rig.open("b@CIC", Direction::Inbound, "10.0.0.2:5555");
    let out = rig.discover(&[record("b@CIC", "10.0.0.2:1", 60)]);
    assert_eq!(dials(&out), [""; 0]);
}

#[test]
fn a_lost_link_is_redialled_at_once_and_silence_makes_it_stale_until_renewed() {
    let mut rig = Rig::new();
    rig.discover(&[record("b@CIC", "10.0.0.2:1", 60)]);
    let (link, _) = rig.open("b@CIC", Direction::Outbound, "10.0.0.2:1");
    rig.pass(30);
    let out = rig.end("b@CIC", link, CloseReason::EndOfStream);
    assert_eq!(dials(&out), ["b@CIC"]);
    for wait in [1, 2, 4, 8] {
        assert_eq!(dials(&rig.fail("b@CIC", unreachable_error())), [""; 0]);
        assert_eq!(dials(&rig.pass(wait)), ["b@CIC"]);
    }
    let out = rig.fail("b@CIC", unreachable_error());
    assert!(matches!(out[0], Output::Unreachable(_, Status::Stale, _)));
    assert_eq!(
        dials(&rig.discover(&[record("b@CIC", "10.0.0.2:1", 15)])),
        [""; 0]
    );
    assert_eq!(
        dials(&rig.discover(&[record("b@CIC", "10.0.0.2:1", 60)])),
        ["b@CIC"]
    );
}

#[test]
fn a_stale_peer_is_tried_slowly_and_told_once() {
    let mut rig = Rig::new();
    rig.discover(&[record("b@CIC", "10.0.0.2:1", 60)]);
    let mut told = 0;
    for _ in 0..8 {
        let out = rig.fail("b@CIC", unreachable_error());
        told += out
            .iter()
            .filter(|it| matches!(it, Output::Unreachable(..)))
            .count();
        rig.pass(300);
    }
    assert_eq!(told, 1);
}

#[test]
fn after_a_bye_only_a_renewed_record_dials_and_not_within_ten_seconds() {
    let mut rig = Rig::new();
    rig.discover(&[record("b@CIC", "10.0.0.2:1", 60)]);
    let (link, _) = rig.open("b@CIC", Direction::Outbound, "10.0.0.2:1");
    let out = rig.end("b@CIC", link, CloseReason::PeerLeft("quit".into()));
    assert_eq!(dials(&out), [""; 0]);
    assert_eq!(dials(&rig.pass(5)), [""; 0]);
    assert_eq!(
        dials(&rig.discover(&[record("b@CIC", "10.0.0.2:1", 90)])),
        [""; 0]
    );
    assert_eq!(dials(&rig.pass(5)), ["b@CIC"]);
}

#[test]
fn a_failed_peer_is_dialled_only_when_it_moved_or_on_request() {
    let mut rig = Rig::new();
    rig.discover(&[record("b@CIC", "10.0.0.2:1", 60)]);
    rig.fail("b@CIC", CloseReason::NotAPeer);
    assert_eq!(rig.status("b@CIC"), Status::Failed);
    assert_eq!(
        dials(&rig.discover(&[record("b@CIC", "10.0.0.2:1", 90)])),
        [""; 0]
    );
    assert_eq!(
        dials(&rig.discover(&[record("b@CIC", "10.0.0.2:2", 90)])),
        ["b@CIC"]
    );
    rig.fail("b@CIC", CloseReason::NotAPeer);
    rig.table.reconnect(rig.now);
    assert_eq!(dials(&rig.pass(0)), ["b@CIC"]);
}

#[test]
fn a_peer_that_left_the_answers_stays_while_linked_and_is_forgotten_later() {
    let mut rig = Rig::new();
    rig.discover(&[record("b@CIC", "10.0.0.2:1", 60)]);
    let (link, _) = rig.open("b@CIC", Direction::Outbound, "10.0.0.2:1");
    rig.discover(&[]);
    rig.pass(1000);
    assert_eq!(rig.status("b@CIC"), Status::Connected);
    rig.end("b@CIC", link, CloseReason::PeerLeft(String::new()));
    assert_eq!(rig.pass(599), []);
    let out = rig.pass(1);
    assert_eq!(out, [Output::Forgotten(id("b@CIC"))]);
}

#[test]
fn both_links_of_a_peer_are_kept_and_the_newest_is_written_on() {
    let mut rig = Rig::new();
    let (first, out) = rig.open("b@CIC", Direction::Inbound, "10.0.0.2:5555");
    assert_eq!(out, [Output::Writer(id("b@CIC"), Some(first))]);
    let (second, out) = rig.open("b@CIC", Direction::Outbound, "10.0.0.2:1");
    assert_eq!(out, [Output::Writer(id("b@CIC"), Some(second))]);
    let out = rig.end("b@CIC", second, CloseReason::EndOfStream);
    assert_eq!(
        out,
        [Output::Writer(id("b@CIC"), Some(first))],
        "and no dial: it is linked"
    );
}

#[test]
fn a_writing_link_that_fell_silent_yields_to_one_that_answers() {
    let mut rig = Rig::new();
    let (first, _) = rig.open("b@CIC", Direction::Inbound, "10.0.0.2:5555");
    let (second, _) = rig.open("b@CIC", Direction::Inbound, "10.0.0.2:5556");
    let later = rig.now + Duration::from_secs(61);
    let heard = |link| (link == first).then_some(later);
    let out = rig.table.tick(later, heard);
    assert_eq!(out, [Output::Writer(id("b@CIC"), Some(first))]);
    let even_later = later + Duration::from_secs(1);
    let out = rig.table.tick(even_later, |_| Some(even_later));
    assert_eq!(out, [Output::Writer(id("b@CIC"), Some(second))]);
}

#[test]
fn a_stranger_under_a_known_name_is_reported_and_not_written_to() {
    let mut rig = Rig::new();
    rig.discover(&[record("b@CIC", "10.0.0.2:1", 60)]);
    rig.open("b@CIC", Direction::Outbound, "10.0.0.2:1");
    let (_, out) = rig.open("b@CIC", Direction::Inbound, "10.9.9.9:7");
    let conflict = Output::Conflict {
        peer: id("b@CIC"),
        known: address("10.0.0.2:1"),
        claimed: address("10.9.9.9:7"),
    };
    assert_eq!(out, [conflict]);
}

#[test]
fn a_stranger_under_a_known_name_does_not_keep_the_peer_itself_from_being_dialled() {
    let mut rig = Rig::new();
    let (stranger, _) = rig.open("b@CIC", Direction::Inbound, "10.9.9.9:7");
    let out = rig.discover(&[record("b@CIC", "10.0.0.2:1", 60)]);
    assert_eq!(dials(&out), ["b@CIC"]);
    let (link, out) = rig.open("b@CIC", Direction::Outbound, "10.0.0.2:1");
    assert_eq!(out, [Output::Writer(id("b@CIC"), Some(link))]);
    rig.now += Duration::from_secs(60);
    let out = rig.end("b@CIC", link, CloseReason::EndOfStream);
    assert_eq!(dials(&out), ["b@CIC"], "although the stranger is linked");
    rig.fail("b@CIC", CloseReason::Unreachable("gone".into()));
    assert_eq!(dials(&rig.pass(2)), ["b@CIC"], "with backoff");
    rig.open("b@CIC", Direction::Outbound, "10.0.0.2:1");
    rig.end("b@CIC", stranger, CloseReason::EndOfStream);
    assert_eq!(dials(&rig.pass(600)), Vec::<String>::new());
}

#[test]
fn a_bare_address_becomes_the_peer_that_answers_there() {
    let mut rig = Rig::new();
    rig.table.join(rig.now, address("10.0.0.7:1"), true);
    let out = rig.pass(0);
    assert_eq!(dials(&out), ["10.0.0.7:1"]);
    let link = Link {
        id: LinkId(1),
        direction: Direction::Outbound,
        address: address("10.0.0.7:1"),
        opened: rig.now,
    };
    let target = Target {
        peer: None,
        address: link.address,
    };
    rig.table
        .link_opened(rig.now, &id("eve@Y"), link, Some(&target), never);
    assert_eq!(rig.status("eve@Y"), Status::Connected);
    rig.now += Duration::from_secs(60);
    let out = rig.end("eve@Y", LinkId(1), CloseReason::EndOfStream);
    assert_eq!(dials(&out), ["eve@Y"], "redialled under its id");
}

#[test]
fn a_typed_address_that_does_not_answer_is_told_twice_and_given_up() {
    let mut rig = Rig::new();
    rig.table.join(rig.now, address("10.0.0.7:1"), false);
    let target = Target {
        peer: None,
        address: address("10.0.0.7:1"),
    };
    let mut told = Vec::new();
    for _ in 0..5 {
        rig.pass(60);
        let out = rig
            .table
            .dial_ended(rig.now, &target, &unreachable_error(), 0.0);
        told.extend(out.into_iter().map(|it| match it {
            Output::AddressUnreachable { given_up, .. } => given_up,
            other => panic!("{other:?}"),
        }));
    }
    assert_eq!(told, [false, true]);
    assert_eq!(dials(&rig.pass(10_000)), [""; 0]);
}

#[test]
fn the_table_is_bounded_and_counts_what_it_refused() {
    let mut rig = Rig::new();
    let records: Vec<Record> = (0..20)
        .map(|n| record(&format!("p{n}@CIC"), &format!("10.0.0.{n}:1"), 60))
        .collect();
    rig.discover(&records);
    assert_eq!(rig.table.peers().count(), 10);
    assert_eq!(rig.table.records_refused, 10);
}

#[test]
fn of_two_records_of_one_id_the_first_counts() {
    let mut rig = Rig::new();
    rig.discover(&[
        record("b@CIC", "10.0.0.2:1", 90),
        record("b@CIC", "10.0.0.3:1", 60),
    ]);
    let known = rig.table.get(&id("b@CIC")).unwrap().address.unwrap().0;
    assert_eq!(known, address("10.0.0.2:1"));
}

#[test]
fn a_dial_that_fails_while_the_peer_is_linked_is_over() {
    let mut rig = Rig::new();
    rig.open("b@CIC", Direction::Inbound, "10.0.0.2:5555");
    let target = Target {
        peer: Some(id("b@CIC")),
        address: address("10.0.0.2:1"),
    };
    rig.table.dialling(rig.now, &target);
    rig.fail("b@CIC", unreachable_error());
    assert!(!rig.table.is_busy());
}

#[test]
fn a_dial_is_under_way_until_it_ends_even_if_the_peer_came_by_itself_meanwhile() {
    let mut rig = Rig::new();
    let names = ["e@Y", "d@X", "c@X", "b@CIC", "a@CIC"];
    let records = names.map(|name| record(name, "10.0.0.1:1", 60));
    assert_eq!(dials(&rig.discover(&records)), ["a@CIC", "b@CIC", "c@X"]);
    let (link, _) = rig.open("a@CIC", Direction::Inbound, "10.0.0.1:5555");
    assert_eq!(dials(&rig.pass(0)), [""; 0], "three are under way");
    let out = rig.end("a@CIC", link, CloseReason::EndOfStream);
    assert_eq!(dials(&out), [""; 0], "none of them twice");
    let out = rig.fail("a@CIC", unreachable_error());
    assert_eq!(dials(&out), ["d@X"]);
}

#[test]
fn who_said_bye_before_its_record_was_known_is_not_dialled_right_after_it_either() {
    let mut rig = Rig::new();
    let (link, _) = rig.open("bob@CIC", Direction::Inbound, "10.0.0.1:5555");
    rig.end("bob@CIC", link, CloseReason::PeerLeft("quit".into()));
    rig.pass(3);
    let record = record("bob@CIC", "10.0.0.1:1", 60);
    assert_eq!(dials(&rig.discover(&[record])), [""; 0]);
    assert_eq!(dials(&rig.pass(6)), [""; 0]);
    assert_eq!(dials(&rig.pass(1)), ["bob@CIC"]);
}

#[test]
fn who_came_and_left_while_it_was_dialled_is_left_alone() {
    let mut rig = Rig::new();
    rig.discover(&[record("bob@CIC", "10.0.0.1:1", 60)]);
    let (link, _) = rig.open("bob@CIC", Direction::Inbound, "10.0.0.1:5555");
    rig.end("bob@CIC", link, CloseReason::PeerLeft("quit".into()));
    let out = rig.fail("bob@CIC", CloseReason::Rejected(String::new()));
    assert_eq!(dials(&out), [""; 0]);
    assert_eq!(dials(&rig.pass(500)), [""; 0]);
}

proptest! {
    /// Whatever ends however, dials stay within their bounds: no storm.
    #[test]
    fn dials_are_bounded_in_number_and_rate(
        steps in proptest::collection::vec((0u8..6, 0u8..5, 0u64..30), 1..200),
    ) {
        let mut rig = Rig::new();
        let names = ["a@CIC", "b@CIC", "c@X", "d@X", "e@Y"];
        let at = |n: u8| format!("10.0.0.{n}:1");
        let records: Vec<Record> = (0..5u8)
            .map(|n| record(names[usize::from(n)], &at(n), 60))
            .collect();
        rig.discover(&records);
        let mut open: Vec<(u8, LinkId)> = Vec::new();
        let (mut count, mut seconds) = (3usize, 0);
        for (step, n, pass) in steps {
            let name = names[usize::from(n)];
            let dialling = rig.status(name) == Status::Connecting;
            let link = open.iter().position(|(peer, _)| *peer == n);
            match step {
                0 if dialling => open.push((n, rig.open(name, Direction::Outbound, &at(n)).0)),
                1 if dialling => count += dials(&rig.fail(name, unreachable_error())).len(),
                2 if dialling => count += dials(&rig.fail(name, CloseReason::Rejected("".into()))).len(),
                3 => open.push((n, rig.open(name, Direction::Inbound, "10.0.1.1:9").0)),
                4 => if let Some(link) = link {
                    let (_, link) = open.remove(link);
                    count += dials(&rig.end(name, link, CloseReason::EndOfStream)).len();
                },
                _ => if let Some(link) = link {
                    let (_, link) = open.remove(link);
                    count += dials(&rig.end(name, link, CloseReason::PeerLeft("".into()))).len();
                },
            }
            seconds += pass;
            count += dials(&rig.pass(pass)).len();
            let dialling = names.iter().filter(|name| rig.status(name) == Status::Connecting).count();
            prop_assert!(dialling <= LIMITS.dials_max);
        }
        let ended = 200;
        prop_assert!(count <= 5 + usize::try_from(seconds).unwrap() * 5 + ended, "{count} dials in {seconds} s");
    }
}

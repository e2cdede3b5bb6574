//! Messages between the queue and the disk, with a model of the disk and of the router.

mod model;

use std::time::Duration;

use proptest::prelude::*;

use self::model::{Model, Row, State, bob};
use super::*;
use crate::proto::outgoing::RETURN_WAIT;

#[test]
fn what_waits_for_an_absent_peer_is_delivered_in_order_when_it_comes() {
    let mut model = Model::new(false);
    for _ in 0..10 {
        assert!(model.send());
    }
    assert!(!model.send(), "the limit");
    assert_eq!((model.outbox.total(), model.queue.lines()), (10, 0));
    model.open();
    model.ask();
    model.answer();
    assert_eq!(model.queue.lines(), 6, "the queue is bounded as ever");
    assert_eq!(model.outbox.count(&bob()), 4);
    model.deliver_all();
    assert_eq!(model.fates(), ["delivered"; 10]);
    assert_eq!(model.outbox.total(), 0);
    assert_eq!(model.outbox.route(&bob(), true), Route::Queue);
}

#[test]
fn a_new_message_never_overtakes_one_that_waits_on_disk() {
    let mut model = Model::new(false);
    model.send();
    model.open();
    assert_eq!(model.outbox.route(&bob(), true), Route::Disk);
    model.ask();
    assert!(model.send(), "while the disk is asked");
    model.answer();
    assert_eq!(model.outbox.count(&bob()), 1, "the answer is older than it");
    model.ask();
    model.answer();
    while model.take(true) {}
    assert_eq!(model.taken, [0, 1]);
}

#[test]
fn what_is_given_back_while_the_disk_is_asked_comes_first() {
    let mut model = Model::new(false);
    model.open();
    model.send();
    model.lose();
    model.send();
    model.open();
    model.ask();
    model.lose();
    let given_up = model.queue.fail_waiting("gone");
    model.apply(given_up);
    model.open();
    model.answer();
    assert_eq!(
        model.queue.lines(),
        0,
        "the answer does not begin with the oldest"
    );
    model.ask();
    model.answer();
    while model.take(true) {}
    assert_eq!(model.taken, [0, 1]);
}

#[test]
fn a_message_without_a_link_is_parked_after_its_wait_and_not_failed() {
    let mut model = Model::new(false);
    model.open();
    model.send();
    model.take(true);
    model.lose();
    model.pass(Duration::ZERO);
    model.pass(RETURN_WAIT);
    assert_eq!((model.queue.lines(), model.outbox.total()), (0, 1));
    assert_eq!(model.disk[0].lost, 1);
    model.deliver_all();
    assert_eq!(
        (model.fates(), model.disk[0].written),
        (vec!["delivered"], 2)
    );
}

#[test]
fn links_lost_before_and_after_crashes_count_together() {
    for (stream, writes) in [(false, 2), (true, 4)] {
        let mut model = Model::new(stream);
        model.send();
        for _ in 0..10 {
            model.open();
            model.ask();
            model.answer();
            model.take(true);
            model.crash();
        }
        assert_eq!(model.disk[0].written, writes);
        assert_eq!(
            (model.fates(), &model.disk[0].ends),
            (vec!["sent"], &vec!["sent"])
        );
        assert_eq!(model.outbox.total(), 0);
    }
}

#[test]
fn a_lost_link_and_then_a_crash_are_one_attempt() {
    let mut model = Model::new(false);
    model.open();
    model.send();
    model.take(true);
    model.lose();
    model.crash();
    model.deliver_all();
    assert_eq!(
        (model.fates(), model.disk[0].written),
        (vec!["delivered"], 2)
    );
}

#[test]
fn a_failed_question_is_asked_again() {
    let mut model = Model::new(false);
    model.send();
    model.open();
    model.ask();
    model.load = None;
    assert_eq!(
        model.outbox.load(&bob(), &model.queue),
        None,
        "one at a time"
    );
    model.outbox.not_loaded(&bob());
    model.deliver_all();
    assert_eq!(model.fates(), ["delivered"]);
}

#[test]
fn what_fails_on_disk_is_not_counted_any_more() {
    let mut model = Model::new(false);
    model.send();
    model.outbox.removed(&bob());
    model.outbox.removed(&bob());
    assert_eq!((model.outbox.total(), model.outbox.peers.len()), (0, 0));
}

#[derive(Debug, Clone)]
enum Step {
    Send,
    Open,
    Lose,
    Take(bool),
    Acknowledge,
    Pass(u64),
    GiveUp,
    Ask,
    Answer,
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Send),
        2 => Just(Step::Open),
        1 => Just(Step::Lose),
        3 => any::<bool>().prop_map(Step::Take),
        2 => Just(Step::Acknowledge),
        1 => (0u64..30).prop_map(Step::Pass),
        1 => Just(Step::GiveUp),
        3 => Just(Step::Ask),
        3 => Just(Step::Answer),
        1 => Just(Step::Crash),
    ];
    proptest::collection::vec(step, 0..120)
}

proptest! {
    #[test]
    fn every_message_ends_once_or_waits_in_order_and_is_not_written_too_often(
        steps in steps(),
        stream in any::<bool>(),
    ) {
        let mut model = Model::new(stream);
        for step in steps {
            match step {
                Step::Send => drop(model.send()),
                Step::Open => model.open(),
                Step::Lose => model.lose(),
                Step::Take(whole) => drop(model.take(whole)),
                Step::Acknowledge => drop(model.acknowledge()),
                Step::Pass(seconds) => model.pass(Duration::from_secs(seconds)),
                Step::GiveUp => if model.link.is_none() {
                    let outcomes = model.queue.fail_waiting("gone");
                    model.apply(outcomes);
                },
                Step::Ask => model.ask(),
                Step::Answer => model.answer(),
                Step::Crash => model.crash(),
            }
            prop_assert!(model.taken.is_sorted(), "{:?}", model.taken);
            let of_peers: usize = model.outbox.peers.values().map(|it| it.count).sum();
            prop_assert_eq!(model.outbox.total(), of_peers);
            let waits = |row: &&Row| matches!(row.state, State::Queued | State::Sent);
            let waiting = model.disk.iter().filter(waits).count();
            prop_assert_eq!(waiting, model.outbox.total() + model.queue.lines(), "none is lost, none is double");
        }
        model.lose();
        model.deliver_all();
        prop_assert_eq!(model.outbox.total(), 0);
        for row in &model.disk {
            let once = matches!(row.ends[..], [_] | ["sent" | "timeout", "delivered"]);
            prop_assert!(once, "{:?}", row);
            prop_assert!(row.written <= if stream { 4 } else { 2 }, "{:?}", row);
        }
    }
}

//! What goes wrong: outages, blocks, refusals, storms that must not be.

use super::*;
use reaction::Kind::Register;

#[test]
fn a_tiny_granted_time_makes_no_storm() {
    let mut rig = Rig::remote();
    rig.answer(error("peer_not_registered"));
    rig.answer(registered(0));
    rig.answer(peers(vec![ourselves()]));
    let mut renewals = 0;
    while rig.wake() < 60.0 {
        match rig.kind() {
            Some(Register) => {
                renewals += 1;
                rig.answer(registered(0));
            }
            _ => rig.answer(peers(vec![ourselves()])),
        }
    }
    assert_eq!(renewals, 11);
}

#[test]
fn a_server_that_never_keeps_our_record_is_asked_ever_more_rarely() {
    let mut rig = Rig::remote();
    let mut registers = Vec::new();
    rig.answer(error("peer_not_registered"));
    loop {
        match rig.kind() {
            Some(Register) => {
                registers.push(rig.now.duration_since(rig.start).as_secs());
                rig.answer(registered(7200));
            }
            Some(_) => rig.answer(error("peer_not_registered")),
            None if rig.wake() > 100.0 => break,
            None => {}
        }
    }
    assert_eq!(registers, [0, 1, 3, 7, 15, 31, 63]);
    assert_eq!(rig.announced(), 1);
}

#[test]
fn an_outage_is_told_once_and_its_end_too() {
    let mut rig = Rig::settled();
    let mut waits = Vec::new();
    rig.wait(seconds(100));
    for _ in 0..5 {
        rig.answer(Outcome::TimedOut);
        let before = rig.now;
        rig.wake();
        waits.push(rig.now.duration_since(before).as_secs());
    }
    assert_eq!(waits, [1, 2, 4, 8, 16]);
    assert_eq!(rig.unreachable_told(), 1);
    rig.answer(peers(vec![ourselves()]));
    assert_eq!(rig.announced(), 1);
    rig.wait(seconds(100));
    rig.answer(Outcome::Refused);
    assert_eq!(rig.unreachable_told(), 2, "a new outage is told");
}

#[test]
fn an_outage_that_lost_our_record_ends_with_the_next_registration() {
    let mut rig = Rig::settled();
    rig.wait(seconds(100));
    rig.answer(Outcome::Refused);
    rig.wake();
    // Another node of our address has registered already, so DISCOVER is answered.
    rig.answer(peers(vec![record("bob@CIC", "10.0.0.1:4001")]));
    assert_eq!((rig.announced(), rig.kind()), (0, Some(Register)));
    rig.answer(registered(7200));
    assert_eq!(rig.announced(), 1);
}

#[test]
fn a_block_is_obeyed_for_as_long_as_it_says() {
    let mut rig = Rig::settled();
    rig.wait(seconds(100));
    rig.answer(blocked(42));
    for input in [
        Input::DiscoverNow { quick: true },
        Input::NetworkChanged,
        Input::LinkEndedHere,
    ] {
        rig.take(input);
        assert_eq!(rig.kind(), None);
    }
    assert_eq!(rig.said(&Output::Blocked(seconds(42))), 1);
    assert_eq!(rig.wake(), 142.0);
    rig.answer(blocked(9));
    assert_eq!(rig.wake(), 151.0);
    assert_eq!(
        rig.said(&Output::Blocked(seconds(9))),
        0,
        "told once until an answer comes"
    );
}

#[test]
fn an_absurd_block_ends_within_a_day() {
    let mut rig = Rig::settled();
    rig.wait(seconds(100));
    rig.answer(blocked(u64::MAX));
    assert_eq!(rig.wake(), 100.0 + 86_400.0);
}

#[test]
fn a_silent_close_is_a_block_after_a_burst_and_a_failure_otherwise() {
    let mut rig = Rig::settled();
    rig.wait(seconds(300));
    rig.answer(Outcome::ClosedSilently);
    assert_eq!(rig.wake(), 301.0);
    rig.answer(peers(vec![ourselves()]));
    for _ in 0..8 {
        rig.take(Input::DiscoverNow { quick: false });
        rig.answer(peers(vec![ourselves()]));
    }
    rig.take(Input::DiscoverNow { quick: false });
    rig.answer(Outcome::ClosedSilently);
    assert_eq!(rig.said(&Output::Blocked(seconds(60))), 1);
    assert_eq!(rig.wake(), 361.0);
}

#[test]
fn on_loopback_a_silent_close_is_a_failure_until_a_block_was_told() {
    let mut rig = Rig::settled();
    rig.server = "127.0.0.1:8080".parse().unwrap();
    for _ in 0..50 {
        rig.take(Input::DiscoverNow { quick: false });
        rig.answer(peers(vec![ourselves()]));
    }
    rig.take(Input::DiscoverNow { quick: false });
    rig.answer(Outcome::ClosedSilently);
    assert_eq!(rig.unreachable_told(), 1);
    rig.wake();
    rig.answer(blocked(60));
    rig.wake();
    rig.answer(Outcome::ClosedSilently);
    assert_eq!(rig.unreachable_told(), 1);
}

#[test]
fn a_refusal_is_told_once_with_a_hint_and_tried_rarely() {
    let refusals = [
        ("bad_name", "choose another --name"),
        ("bad_ttl", "set rendezvous.ttl to 1 s to 86400 s"),
    ];
    for (message, hint) in refusals {
        let mut rig = Rig::remote();
        rig.answer(error("peer_not_registered"));
        rig.answer(error(message));
        assert_eq!(rig.wake(), 600.0);
        rig.answer(error(message));
        let message = message.into();
        assert_eq!(rig.said(&Output::Refused { message, hint }), 1);
        rig.take(Input::DiscoverNow { quick: true });
        assert_eq!(rig.kind(), Some(Register), "at once on /reconnect");
    }
}

#[test]
fn unknown_error_answers_are_backed_off_from() {
    let mut rig = Rig::remote();
    rig.answer(error("peer_not_registered"));
    for wait in [1, 2, 4] {
        rig.answer(error("Internal error"));
        let before = rig.now;
        rig.wake();
        assert_eq!(rig.now.duration_since(before), seconds(wait));
    }
    assert_eq!(rig.unreachable_told(), 1);
}

#[test]
fn a_request_that_never_ends_is_given_up() {
    let mut rig = Rig::remote();
    let (lost, _) = rig.asked.take().unwrap();
    assert_eq!(rig.wake(), 6.0);
    assert_eq!(rig.unreachable_told(), 1);
    let exchange = Exchange {
        server: None,
        outcome: registered(5),
    };
    rig.take(Input::Answered { id: lost, exchange });
    assert_eq!(rig.announced(), 0, "a late answer is ignored");
    assert_eq!(rig.wake(), 7.0);
}

#[test]
fn requests_go_to_the_address_that_answered_until_it_fails_or_the_network_changes() {
    let mut rig = Rig::settled();
    rig.wait(seconds(100));
    assert_eq!(rig.sent_to, Some(rig.server));
    rig.answer(Outcome::TimedOut);
    rig.wake();
    assert_eq!(rig.sent_to, None, "after a failure");
    rig.answer(peers(vec![ourselves()]));
    rig.wait(seconds(100));
    rig.answer(peers(vec![ourselves()]));
    rig.take(Input::NetworkChanged);
    assert_eq!(rig.sent_to, None, "in another network");
    rig.answer(registered(7200));
    rig.answer(Outcome::Refused);
    rig.take(Input::Leave);
    assert_eq!(rig.sent_to, Some(rig.server), "where we are registered");
}

#[test]
fn nodes_behind_one_address_share_the_budget() {
    let mut rig = Rig::settled();
    rig.wait(seconds(300));
    let at_our_ip = |port: u16| record(&format!("p{port}@CIC"), &format!("{OUR_IP}:{port}"));
    let mut all: Vec<_> = (5000..5059).map(at_our_ip).collect();
    all.push(ourselves());
    rig.answer(peers(all));
    rig.take(Input::DiscoverNow { quick: true });
    assert_eq!(rig.kind(), None);
    assert_eq!(rig.wake(), 390.0);
}

#[test]
fn a_server_that_never_lists_us_is_not_registered_at_over_and_over() {
    let mut rig = Rig::settled();
    rig.wait(seconds(100));
    rig.answer(peers(Vec::new()));
    rig.answer(registered(7200));
    rig.take(Input::DiscoverNow { quick: false });
    rig.answer(peers(Vec::new()));
    assert_eq!(rig.kind(), None);
    assert_eq!(rig.wake(), 105.0);
    assert_eq!(rig.kind(), Some(Register));
}

#[test]
fn an_answer_with_left_out_records_does_not_say_that_we_are_missing() {
    for (skipped, beyond_limit) in [(1, 0), (0, 1)] {
        let mut rig = Rig::settled();
        rig.wait(seconds(100));
        let peers = Listing {
            skipped,
            beyond_limit,
            ..Listing::default()
        };
        let success = Success {
            peers,
            ..Success::default()
        };
        rig.answer(Outcome::Answered(Answer::Ok(success)));
        assert_eq!(rig.kind(), None);
        assert_eq!(rig.said(&Output::LeftOut(1)), 1);
    }
}

//! The usual course: the name, the registration, its renewal, the records.

use super::*;
use reaction::Kind::{Discover, Register};

#[test]
fn discover_comes_before_the_first_register() {
    let mut rig = Rig::remote();
    assert_eq!(rig.kind(), Some(Discover));
    rig.answer(error("peer_not_registered"));
    let Some((_, Request::Register { name, ttl, .. })) = &rig.asked else {
        panic!("{:?}", rig.asked);
    };
    assert_eq!((name.as_str(), *ttl), ("alice", 7200));
    rig.answer(registered(3600));
    assert_eq!(rig.announced(), 1);
    assert_eq!(rig.kind(), Some(Discover));
}

#[test]
fn a_checked_name_registers_at_once() {
    let mut rig = Rig::new(Facts {
        name_checked: true,
        ..Facts::default()
    });
    rig.take(Input::Moved(endpoint("example.org:8080", false)));
    assert_eq!(rig.kind(), Some(Register));
}

#[test]
fn a_live_rival_takes_our_name_and_a_leftover_does_not() {
    let rivals = || peers(vec![record("alice@CIC", "10.0.0.7:4000")]);
    for taken in [Some("10.0.0.7:4000".parse().unwrap()), None] {
        let mut rig = Rig::remote();
        rig.answer(rivals());
        let Some(Output::ProbeOwnName { id, addresses }) = rig.said.pop() else {
            panic!("a probe was expected");
        };
        assert_eq!(addresses, ["10.0.0.7:4000".parse().unwrap()]);
        assert_eq!(rig.kind(), None);
        rig.take(Input::Probed { id, taken });
        match taken {
            Some(address) => assert_eq!(rig.said, [Output::NameTaken(address)]),
            None => assert_eq!(rig.kind(), Some(Register)),
        }
    }
}

#[test]
fn our_own_leftover_is_not_probed() {
    let mut rig = Rig::new(Facts {
        leftover: Some("10.0.0.1:4000".parse().unwrap()),
        ..Facts::default()
    });
    rig.take(Input::Moved(endpoint("example.org:8080", false)));
    rig.answer(peers(vec![ourselves()]));
    assert_eq!(rig.kind(), Some(Register));
}

#[test]
fn a_probe_that_never_ends_counts_as_a_leftover() {
    let mut rig = Rig::remote();
    rig.answer(peers(vec![record("alice@CIC", "10.0.0.7:4000")]));
    assert_eq!(rig.wake(), 4.0);
    assert_eq!(rig.kind(), Some(Register));
}

#[test]
fn records_are_asked_for_quickly_and_then_at_the_interval() {
    let mut rig = Rig::settled();
    let mut times = Vec::new();
    for _ in 0..7 {
        times.push(rig.wake());
        assert_eq!(rig.kind(), Some(Discover));
        rig.answer(peers(vec![ourselves()]));
    }
    assert_eq!(times, [2.0, 4.0, 8.0, 16.0, 32.0, 92.0, 152.0]);
}

#[test]
fn the_quick_times_start_anew_on_reconnect_and_on_a_changed_network() {
    for input in [Input::DiscoverNow { quick: true }, Input::NetworkChanged] {
        let mut rig = Rig::settled();
        rig.wait(seconds(300));
        rig.answer(peers(vec![ourselves()]));
        rig.take(input.clone());
        if input == Input::NetworkChanged {
            assert_eq!(rig.kind(), Some(Register));
            rig.answer(registered(7200));
        }
        assert_eq!(rig.kind(), Some(Discover));
        rig.answer(peers(vec![ourselves()]));
        assert_eq!(rig.wake(), 302.0, "{input:?}");
    }
}

#[test]
fn the_registration_is_renewed_at_half_of_the_granted_time() {
    let mut rig = Rig::remote();
    rig.answer(error("peer_not_registered"));
    rig.answer(registered(100));
    let mut renewed = Vec::new();
    while renewed.len() < 3 {
        if rig.asked.is_none() {
            let at = rig.wake();
            if rig.kind() == Some(Register) {
                renewed.push(at);
            }
        }
        match rig.kind() {
            Some(Register) => rig.answer(registered(100)),
            _ => rig.answer(peers(vec![ourselves()])),
        }
    }
    assert_eq!(renewed, [50.0, 100.0, 150.0]);
    assert_eq!(rig.announced(), 1, "a renewal is no news");
}

#[test]
fn a_server_that_lost_our_record_gets_it_again() {
    let mut rig = Rig::settled();
    rig.wait(seconds(100));
    rig.answer(error("peer_not_registered"));
    assert_eq!(rig.kind(), Some(Register), "after an error");
    rig.answer(registered(7200));
    rig.answer(peers(vec![ourselves()]));
    assert_eq!(rig.announced(), 0, "it is no news to the user");
    rig.wait(seconds(100));
    rig.answer(peers(vec![record("bob@CIC", "10.0.0.1:4001")]));
    assert_eq!(rig.kind(), Some(Register), "after an answer without us");
}

#[test]
fn ids_with_several_records_are_told_when_it_begins() {
    let mut rig = Rig::settled();
    let twice = || {
        let bobs = [
            record("bob@CIC", "10.0.0.2:4000"),
            record("bob@CIC", "10.0.0.3:4000"),
        ];
        peers([bobs.to_vec(), vec![ourselves()]].concat())
    };
    for _ in 0..2 {
        rig.wake();
        rig.answer(twice());
    }
    let bob = PeerId::parse("bob@CIC").unwrap();
    assert_eq!(rig.said(&Output::Repeated(vec![bob])), 1);
}

#[test]
fn the_report_tells_where_we_stand() {
    let mut rig = Rig::settled();
    rig.wait(seconds(1));
    let report = rig.client.report(rig.now);
    assert_eq!(report.registered_for, Some(seconds(1)));
    assert_eq!(report.seen, Some("10.0.0.1:4000".parse().unwrap()));
    assert_eq!(report.records_age, Some(seconds(1)));
    assert_eq!(report.next_request_in, Some(seconds(1)));
    rig.wake();
    rig.answer(blocked(42));
    let report = rig.client.report(rig.now);
    assert_eq!(report.blocked_for, Some(seconds(42)));
    assert!(report.last_error.is_some());
}

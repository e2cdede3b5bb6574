//! Another rendezvous, another incarnation, and the end.

use super::*;
use reaction::Kind::{Discover, Register, Unregister};

#[test]
fn leaving_takes_the_registration_back() {
    let mut rig = Rig::settled();
    rig.take(Input::Leave);
    let Some((_, Request::Unregister { port, .. })) = &rig.asked else {
        panic!("{:?}", rig.asked);
    };
    assert_eq!(*port, 4000);
    rig.answer(Outcome::Answered(Answer::Ok(Success::default())));
    assert_eq!(rig.said, [Output::Left { clean: true }]);
    assert_eq!(rig.client.next_wake(rig.now), None);
    rig.take(Input::DiscoverNow { quick: true });
    assert_eq!(rig.kind(), None);
}

#[test]
fn leaving_waits_for_a_register_under_way_but_not_for_long() {
    for answered in [true, false] {
        let mut rig = Rig::remote();
        rig.answer(error("peer_not_registered"));
        assert_eq!(rig.kind(), Some(Register));
        rig.take(Input::Leave);
        assert_eq!(rig.kind(), Some(Register));
        if answered {
            rig.answer(registered(7200));
        } else {
            rig.asked = None;
            assert_eq!(rig.wake(), 1.0);
        }
        assert_eq!(rig.kind(), Some(Unregister));
    }
}

#[test]
fn leaving_is_immediate_when_nothing_was_registered_or_nothing_can_be_asked() {
    let mut fresh = Rig::remote();
    fresh.take(Input::Leave);
    assert_eq!(fresh.said, [Output::Left { clean: true }]);
    let mut rig = Rig::settled();
    rig.wait(seconds(100));
    rig.answer(blocked(60));
    rig.said.clear();
    rig.take(Input::Leave);
    assert_eq!(rig.said, [Output::Left { clean: false }]);
    rig.take(Input::Leave);
    assert_eq!(rig.said.len(), 2, "every Leave is answered");
}

#[test]
fn unregister_has_a_place_beyond_the_budget() {
    let mut rig = Rig::settled();
    while rig.kind().is_none() {
        rig.take(Input::DiscoverNow { quick: false });
        if rig.kind().is_none() {
            break;
        }
        rig.answer(peers(vec![ourselves()]));
    }
    rig.take(Input::Leave);
    assert_eq!(rig.kind(), Some(Unregister));
}

#[test]
fn the_embedded_rendezvous_is_asked_every_five_seconds_and_when_a_link_ends() {
    let mut rig = Rig::new(Facts::default());
    rig.server = "127.0.0.1:8080".parse().unwrap();
    rig.take(Input::Moved(endpoint("127.0.0.1:8080", true)));
    rig.answer(error("peer_not_registered"));
    rig.answer(registered(7200));
    rig.answer(peers(vec![ourselves()]));
    rig.wait(seconds(100));
    rig.answer(peers(vec![ourselves()]));
    assert_eq!(rig.wake(), 105.0);
    rig.answer(peers(vec![ourselves()]));
    rig.wait(seconds(2));
    rig.take(Input::LinkEndedHere);
    assert_eq!(rig.kind(), Some(Discover));
}

#[test]
fn a_remote_rendezvous_is_not_asked_because_a_link_ended() {
    let mut rig = Rig::settled();
    rig.wait(seconds(100));
    rig.answer(peers(vec![ourselves()]));
    rig.take(Input::LinkEndedHere);
    assert_eq!(rig.kind(), None);
}

#[test]
fn moving_registers_anew_and_ignores_what_was_under_way() {
    let mut rig = Rig::settled();
    rig.wait(seconds(100));
    let (old, _) = rig.asked.take().unwrap();
    rig.take(Input::Suspended);
    assert_eq!(rig.client.next_wake(rig.now), None);
    rig.take(Input::Moved(endpoint("127.0.0.1:8081", true)));
    assert_eq!(rig.kind(), Some(Register));
    let exchange = Exchange {
        server: None,
        outcome: registered(5),
    };
    rig.take(Input::Answered { id: old, exchange });
    assert_eq!(rig.announced(), 0);
    rig.answer(registered(7200));
    assert_eq!(rig.announced(), 1);
}

#[test]
fn the_next_incarnation_goes_on_without_registering_again() {
    let mut rig = Rig::settled();
    let facts = rig.client.facts().clone();
    rig.client = Registration::new(rig.now, config(), facts);
    rig.take(Input::Started);
    assert_eq!(rig.kind(), Some(Discover));
    rig.answer(peers(vec![ourselves()]));
    assert_eq!(rig.announced(), 0);
    rig.take(Input::Leave);
    assert_eq!(rig.kind(), Some(Unregister));
}

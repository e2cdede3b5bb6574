//! The life of own messages, and the outbox.

use std::time::Duration;

use super::testing::*;
use crate::store::{
    StoreError,
    facts::{Fact, Queued, RowId, State},
    rows::{Happened, MessageName},
};

fn sent(number: u64, ms: i64) -> Fact {
    Fact::Sent {
        msg_id: id(number),
        at: at(ms),
        address: "10.0.0.1:4000".parse().unwrap(),
    }
}

fn lost(number: u64, ms: i64) -> Fact {
    Fact::LinkLost {
        msg_id: id(number),
        at: at(ms),
    }
}

fn delivered(number: u64, ms: i64) -> Fact {
    Fact::Delivered {
        msg_id: id(number),
        at: at(ms),
        rtt: Duration::from_micros(1312),
    }
}

#[tokio::test]
async fn a_message_tells_its_life_from_acceptance_to_its_ack() {
    let folder = folder();
    let (store, _) = open(folder.path());
    for fact in [
        accepted(7, "bob@X", State::Queued),
        sent(7, 2000),
        lost(7, 3000),
        sent(7, 4000),
        delivered(7, 5000),
    ] {
        kept(&store, fact).await;
    }
    let life = store.life(MessageName::Last).await.unwrap().unwrap();
    let what: Vec<_> = life.steps.iter().map(|step| (step.at, step.what)).collect();
    assert_eq!(
        what,
        [
            (at(2000), Happened::Sent),
            (at(3000), Happened::LinkLost),
            (at(4000), Happened::Sent),
            (at(5000), Happened::Delivered)
        ]
    );
    assert_eq!(life.steps[0].detail.as_deref(), Some("10.0.0.1:4000"));
    let fate = life.row.fate.unwrap();
    assert_eq!(
        (fate.number, fate.state, fate.lost),
        (7, State::Delivered, 1)
    );
    assert_eq!(fate.rtt, Some(Duration::from_micros(1312)));
    assert_eq!(life.row.to, to("bob@X"));
}

#[tokio::test]
async fn a_message_is_found_by_its_number_and_the_first_digits_of_its_id() {
    let folder = folder();
    let (store, _) = open(folder.path());
    for number in [1, 0xabcd_0000_0000_0002, 3] {
        kept(&store, accepted(number, "*", State::Sent)).await;
    }
    for (name, number) in [
        ("#3", Some(3)),
        ("1", Some(1)),
        ("last", Some(0xabcd_0000_0000_0002)),
        ("abcd0000", Some(0xabcd_0000_0000_0002)),
        ("abcd0000-0000-0002", Some(0xabcd_0000_0000_0002)),
        ("abcd0001", None),
        ("#4", None),
    ] {
        let name = MessageName::parse(name).unwrap();
        let life = store.life(name.clone()).await.unwrap();
        let found = life.map(|life| life.row.fate.unwrap().number);
        // Numbers beyond what the table holds are cut; no run counts so far.
        let number = number.map(|number: u64| number.min(i64::MAX as u64));
        assert_eq!(found, number, "{name:?}");
    }
}

#[tokio::test]
async fn last_states_stay_but_for_a_late_ack() {
    let folder = folder();
    let (store, _) = open(folder.path());
    let reason = || "why".to_owned();
    let timed_out = |n| Fact::TimedOut {
        msg_id: id(n),
        at: at(1),
        after: Duration::from_millis(1500),
    };
    let unconfirmed = |n| Fact::Unconfirmed {
        msg_id: id(n),
        at: at(1),
        reason: reason(),
    };
    let failed = |n| Fact::Failed {
        msg_id: id(n),
        at: at(1),
        reason: reason(),
    };
    let cases: Vec<(Vec<Fact>, State, Option<&str>)> = vec![
        (vec![sent(1, 1)], State::Sent, None),
        (
            vec![timed_out(2)],
            State::TimedOut,
            Some("not acknowledged after 1.5 s"),
        ),
        (
            vec![timed_out(3), sent(3, 1), delivered(3, 1)],
            State::Delivered,
            None,
        ),
        (
            vec![unconfirmed(4), sent(4, 1)],
            State::Unconfirmed,
            Some("why"),
        ),
        (vec![failed(5), sent(5, 1)], State::Failed, Some("why")),
        (
            vec![delivered(6, 1), failed(6), unconfirmed(6), timed_out(6)],
            State::Delivered,
            None,
        ),
    ];
    for (at, (facts, state, reason)) in cases.into_iter().enumerate() {
        let number = at as u64 + 1;
        kept(&store, accepted(number, "bob@X", State::Queued)).await;
        for fact in facts {
            kept(&store, fact).await;
        }
        let life = store
            .life(MessageName::Number(number))
            .await
            .unwrap()
            .unwrap();
        let fate = life.row.fate.unwrap();
        assert_eq!(
            (fate.state, fate.reason.as_deref()),
            (state, reason),
            "{number}"
        );
    }
}

#[tokio::test]
async fn facts_about_unknown_messages_change_nothing() {
    let folder = folder();
    let (store, _) = open(folder.path());
    kept(&store, delivered(9, 1)).await;
    assert!(last(&store, 10).await.is_empty());
}

#[tokio::test]
async fn of_too_many_steps_the_first_and_the_last_are_kept() {
    let folder = folder();
    let (store, _) = open(folder.path());
    store.record(accepted(1, "bob@X", State::Queued));
    for n in 0..60 {
        store.record(sent(1, n));
    }
    kept(&store, delivered(1, 99)).await;
    let life = store.life(MessageName::Last).await.unwrap().unwrap();
    assert_eq!(life.steps.len(), 50);
    assert_eq!(life.steps[48].at, at(48));
    assert_eq!(life.steps[49].what, Happened::Delivered);
}

#[tokio::test]
async fn the_outbox_holds_what_is_under_way_to_a_peer_over_restarts() {
    let folder = folder();
    let (store, _) = open(folder.path());
    for (number, to, state) in [
        (1, "bob@X", State::Queued),
        (2, "bob@X", State::Sent),
        (3, "eve@X", State::Queued),
        (4, "*", State::Sent),
        (5, "bob@X", State::Queued),
        (6, "bob@X", State::Queued),
    ] {
        store.record(accepted(number, to, state));
    }
    store.record(lost(2, 5));
    store.record(delivered(5, 5));
    let queued = store.outbox(peer("bob@X"), RowId(0), 10).await.unwrap();
    let shown: Vec<_> = queued
        .iter()
        .map(|it| (it.message.number, it.was_sent, it.lost))
        .collect();
    assert_eq!(shown, [(1, false, 0), (2, false, 1), (6, false, 0)]);
    assert_eq!(queued[0].message, *own(1, "bob@X", "text 1"));
    let rest = store.outbox(peer("bob@X"), queued[0].row, 1).await.unwrap();
    assert_eq!(rest, queued[1..2]);
    let nobody = store.outbox(peer("new@X"), RowId(0), 10).await;
    assert_eq!(nobody, Ok(vec![]));
    store.close().await;

    let (_, opened) = open(folder.path());
    assert_eq!(opened.last_number, 6);
    let mut outbox = opened.outbox;
    outbox.sort();
    assert_eq!(outbox, [(peer("bob@X"), 3), (peer("eve@X"), 1)]);
}

#[tokio::test]
async fn what_was_lost_or_parked_is_queued_until_it_is_handed_over_again() {
    let folder = folder();
    let (store, _) = open(folder.path());
    for number in [1, 2, 3] {
        store.record(accepted(number, "bob@X", State::Sent));
    }
    store.record(lost(1, 5));
    let msg_id = own(2, "bob@X", "text 2").msg_id;
    store.record(Fact::Parked { msg_id });
    store.record(delivered(3, 5));
    let msg_id = own(3, "bob@X", "text 3").msg_id;
    store.record(Fact::Parked { msg_id });
    let was_sent = |queued: Vec<Queued>| -> Vec<_> {
        let state = |it: &Queued| (it.message.number, it.was_sent, it.lost);
        queued.iter().map(state).collect()
    };
    let queued = store.outbox(peer("bob@X"), RowId(0), 10).await.unwrap();
    assert_eq!(was_sent(queued), [(1, false, 1), (2, false, 0)]);
    store.record(sent(1, 6));
    let queued = store.outbox(peer("bob@X"), RowId(0), 10).await.unwrap();
    assert_eq!(was_sent(queued), [(1, true, 1), (2, false, 0)]);
}

#[tokio::test]
async fn what_waited_too_long_has_failed() {
    let folder = folder();
    let (store, _) = open(folder.path());
    for number in [1, 2, 3] {
        store.record(accepted(number, "bob@X", State::Queued));
    }
    store.record(accepted(4, "*", State::Sent));
    assert_eq!(store.expire_outbox(at(1000), 10).await, Ok(vec![]));
    let failed = store.expire_outbox(at(1001), 2).await.unwrap();
    assert_eq!(
        failed,
        [
            (*own(1, "bob@X", "text 1")).clone(),
            (*own(2, "bob@X", "text 2")).clone()
        ]
    );
    let left = store.outbox(peer("bob@X"), RowId(0), 10).await.unwrap();
    assert_eq!(left.len(), 1);
    let life = store.life(MessageName::Number(1)).await.unwrap().unwrap();
    assert_eq!(life.row.fate.unwrap().state, State::Failed);
    assert_eq!(life.steps[0].what, Happened::Failed);
}

#[tokio::test]
async fn after_closing_nothing_is_kept_and_everyone_is_told() {
    let folder = folder();
    let (store, _) = open(folder.path());
    store.close().await;
    // The first ones may be put in while the writer is ending.
    for number in 1..1000 {
        let ticket = store.record(accepted(number, "bob@X", State::Queued));
        assert_eq!(decided(&store, ticket).await, Some(StoreError::Closed));
    }
    let received = store.receive(incoming("bob@X", 0, &[("1", "x")])).await;
    assert_eq!(received, Err(StoreError::Closed));
    store.close().await;
}

#[tokio::test]
async fn peers_that_were_met_are_known() {
    let folder = folder();
    let (store, _) = open(folder.path());
    kept(
        &store,
        Fact::Met {
            peer: peer("eve@X"),
        },
    )
    .await;
    kept(&store, accepted(1, "bob@X", State::Queued)).await;
    kept(
        &store,
        Fact::Met {
            peer: peer("bob@X"),
        },
    )
    .await;
    store.close().await;
    let (_, opened) = open(folder.path());
    assert_eq!(opened.known, [peer("bob@X"), peer("eve@X")]);
}

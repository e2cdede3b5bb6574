//! One line per segment towards plain clients: several of them throw away what stands behind the first newline of a
//! `recv`. All times are measured from what causes the lines, so a slow machine cannot make a late line early.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    ROLES, Role, alice,
    client::{Client, Segment, hello},
    linked, linked_with,
};

/// The gap that the settings have.
const GAP: Duration = Duration::from_millis(20);

#[test]
fn answers_leave_twenty_milliseconds_apart() {
    for role in ROLES {
        let (_node, bob) = linked(role, alice());
        let asked = Instant::now();
        let ping = |n: u32| json!({"type": "PING", "msg_id": format!("p-{n}"), "timestamp": "2026-01-01T00:00:00Z"});
        bob.say_together(&(0..20).map(ping).collect::<Vec<_>>());
        bob.hears_many("PONG", 20);
        assert_spaced(&bob, "PONG", asked, GAP);
    }
}

#[test]
fn own_messages_leave_twenty_milliseconds_apart() {
    for role in ROLES {
        let (mut node, bob) = linked(role, alice());
        let asked = Instant::now();
        for number in 0..20 {
            node.send(&format!("/msg bob@lobby text {number}"));
        }
        bob.hears_many("SEND", 20);
        assert_spaced(&bob, "SEND", asked, GAP);
    }
}

#[test]
fn an_answer_overtakes_own_messages_because_some_close_when_a_pong_takes_two_seconds() {
    let start = alice().env("PAPO_CONNECTION__LEGACY_GAP", "200ms");
    for role in ROLES {
        let (mut node, bob) = linked(role, start.clone());
        for number in 0..30 {
            node.send(&format!("/msg bob@lobby text {number}"));
        }
        bob.hears("SEND");
        bob.ping("p-1");
        // A moment after the first of thirty, not behind the last.
        assert!(bob.count("SEND") < 30);
    }
}

#[test]
fn each_line_is_a_segment_of_its_own() {
    // So long a gap that each `recv` of the client comes to its end before the next line.
    let start = alice().env("PAPO_CONNECTION__LEGACY_GAP", "1s");
    let (mut node, bob) = linked(Role::Dialler, start);
    let ping = json!({"type": "PING", "msg_id": "p", "timestamp": "2026-01-01T00:00:00Z"});
    bob.say_together(&[ping.clone(), ping]);
    node.send("/msg bob@lobby one");
    node.send("/msg bob@lobby two");
    node.send("/pub * three");
    bob.hears("PUB");
    for Segment { text, .. } in bob.segments() {
        let is_line = text.ends_with('\n') && text.matches('\n').count() == 1;
        assert!(is_line, "not one line: {text:?}");
    }
}

#[test]
fn nothing_of_our_own_follows_hello_ok_for_300_milliseconds_but_answers_do() {
    let mut node = alice().start();
    let address = node.address();
    // It waits for bob.
    node.send("/msg bob@lobby waited for you");
    let bob = Client::connect(&address);
    let greeted = Instant::now();
    let ping = json!({"type": "PING", "msg_id": "p-1", "timestamp": "2026-01-01T00:00:00Z"});
    bob.say_together(&[hello("HELLO", "bob@lobby"), ping]);
    bob.hears("SEND");
    assert!(arrival(&bob, "SEND") >= greeted + Duration::from_millis(300));
    let heard = bob.heard();
    assert_eq!(heard[..2], ["HELLO_OK", "PONG"], "{heard:?}");
}

#[test]
fn between_nodes_that_parse_a_stream_there_is_no_gap() {
    // Were the gap kept, the lines would take many times as long as this test waits.
    // The second node would repeat what nobody acknowledged to the first.
    let start = alice()
        .env("PAPO_CONNECTION__LEGACY_GAP", "1s")
        .env("PAPO_HISTORY__MODE", "off");
    for role in ROLES {
        let (mut node, bob) = linked_with(
            role,
            start.clone(),
            |kind| json!({"type": kind, "peer_id": "bob@lobby", "version": "1.0", "features": ["ack", "metrics", "stream"], "ttl": 1}),
        );
        for number in 0..100 {
            node.send(&format!("/msg bob@lobby text {number}"));
        }
        let texts: Vec<Value> = bob.hears_many("SEND", 100);
        let expected: Vec<Value> = (0..100).map(|n| json!(format!("text {n}"))).collect();
        let texts: Vec<Value> = texts.iter().map(|line| line["payload"].clone()).collect();
        assert_eq!(texts, expected);
    }
}

/// The n-th line of this type came no earlier than n gaps after its cause.
fn assert_spaced(bob: &Client, kind: &str, cause: Instant, gap: Duration) {
    let mut number = 0;
    for Segment { at, text } in bob.segments() {
        let lines = text
            .lines()
            .filter(|line| super::client::value(line)["type"] == kind);
        let count = u32::try_from(lines.count()).unwrap();
        if count == 0 {
            continue;
        }
        number += count;
        let earliest = cause + gap * (number - 1);
        assert!(at >= earliest, "{number} {kind} after {:?}", at - cause);
    }
}

fn arrival(bob: &Client, kind: &str) -> Instant {
    let holds = |segment: &&Segment| segment.text.contains(&format!(r#""type":"{kind}""#));
    bob.segments().iter().find(holds).unwrap().at
}

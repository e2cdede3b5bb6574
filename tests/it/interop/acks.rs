//! What becomes of our own SENDs: acknowledged late, barely or never, and on links that are lost meanwhile.

use serde_json::{Value, json};

use super::{
    ROLES, Role, alice,
    client::{Client, Listening, hello},
    linked, linked_with,
};
use crate::support::Node;

#[test]
fn an_ack_needs_no_more_than_type_and_id_and_its_timestamp_may_be_anything() {
    let timestamps = [
        json!("2025-10-27T10:00:00Z"),
        json!("2025-10-27T10:00:00.123456+00:00"),
        json!("2025-10-27T10:00:00"),
        json!(1_761_559_200.5),
        json!(null),
        json!({"not": "a time"}),
    ];
    for role in ROLES {
        let (mut node, bob) = linked(role, alice());
        node.send("/msg bob@lobby bare");
        bob.acknowledge(&bob.hears("SEND"));
        delivered(&node, "bare", &bob);
        for (number, timestamp) in timestamps.iter().enumerate() {
            let text = format!("text {number}");
            node.send(&format!("/msg bob@lobby {text}"));
            let line = bob.hears_one("SEND", |line| line["payload"] == text);
            bob.say(&json!({"type": "ACK", "msg_id": line["msg_id"], "timestamp": timestamp}));
            delivered(&node, &text, &bob);
        }
        assert_eq!(node.events("ack_timeout"), Vec::<Value>::new());
    }
}

#[test]
fn a_missing_ack_is_one_warning_and_a_late_one_still_delivers() {
    for role in ROLES {
        let start = alice().env("PAPO_CONNECTION__ACK_TIMEOUT", "100ms");
        let (mut node, bob) = linked(role, start);
        node.send("/msg bob@lobby are you there?");
        let line = bob.hears("SEND");
        node.event("ack_timeout", |event| event["msg_id"] == line["msg_id"]);
        bob.acknowledge(&line);
        node.event("delivered", |event| event["msg_id"] == line["msg_id"]);
        bob.acknowledge(&line);
        bob.ping("done");
        assert_eq!(node.events("ack_timeout").len(), 1);
        assert_eq!(node.events("delivered").len(), 1, "a second ACK is a stray");
        assert_eq!(
            bob.count("SEND"),
            1,
            "a living link is not written to twice"
        );
        assert_eq!(node.events("peer_disconnected"), Vec::<Value>::new());
    }
}

#[test]
fn a_peer_without_the_feature_ack_gets_require_ack_true_and_its_message_ends_as_sent_without_a_warning()
 {
    for role in ROLES {
        let start = alice().env("PAPO_CONNECTION__ACK_TIMEOUT", "100ms");
        let (mut node, bob) = linked_with(
            role,
            start,
            |kind| json!({"type": kind, "peer_id": "bob@lobby", "version": "1.0", "features": ["metrics"], "ttl": 1}),
        );
        node.send("/msg bob@lobby are you there?");
        let line = bob.hears("SEND");
        assert_eq!(line["require_ack"], true);
        node.event("unconfirmed", |event| event["msg_id"] == line["msg_id"]);
        // It may acknowledge all the same.
        bob.acknowledge(&line);
        node.event("delivered", |event| event["msg_id"] == line["msg_id"]);
        assert_eq!(node.events("ack_timeout"), Vec::<Value>::new());
    }
}

#[test]
fn the_time_for_an_ack_begins_when_the_line_is_written() {
    // The last line waits for the gap longer than an ACK may take.
    let start = alice()
        .env("PAPO_CONNECTION__LEGACY_GAP", "1s")
        .env("PAPO_CONNECTION__ACK_TIMEOUT", "4s");
    let (mut node, bob) = linked(Role::Dialler, start);
    for number in 0..7 {
        node.send(&format!("/msg bob@lobby text {number}"));
    }
    for number in 0..7 {
        let text = format!("text {number}");
        bob.acknowledge(&bob.hears_one("SEND", |line| line["payload"] == text));
        delivered(&node, &text, &bob);
    }
    assert_eq!(node.events("ack_timeout"), Vec::<Value>::new());
}

#[test]
fn a_lost_link_repeats_an_unacknowledged_send_once_to_a_plain_client_because_it_would_be_shown_again()
 {
    check_resends(json!(["ack", "metrics"]), 1);
}

#[test]
fn a_lost_link_repeats_an_unacknowledged_send_three_times_to_a_peer_that_knows_repetitions() {
    check_resends(json!(["ack", "metrics", "stream"]), 3);
}

fn check_resends(features: Value, resends: usize) {
    let bob = Listening::start();
    let mut node = alice()
        .env("PAPO_CONNECTION__ACK_TIMEOUT", "10min")
        .env("PAPO_CONNECTION__RECONNECT_BACKOFF_BASE", "20ms")
        .with(["--join", &bob.address])
        .start();
    let answer = || {
        let link = bob.accept();
        link.hears("HELLO");
        let mut greeting = hello("HELLO_OK", "bob@lobby");
        greeting["features"] = features.clone();
        link.say(&greeting);
        link
    };
    let mut link = answer();
    node.meets("bob@lobby");
    node.send("/msg bob@lobby do not lose me");
    let first = link.hears("SEND");
    for _ in 0..resends {
        link.close();
        link = answer();
        assert_eq!(link.hears("SEND"), first, "the same line");
    }
    link.close();
    node.event("unconfirmed", |event| event["msg_id"] == first["msg_id"]);
    link = answer();
    node.send("/msg bob@lobby the next");
    assert_eq!(link.hears("SEND")["payload"], "the next");
    // An ACK counts also now.
    link.acknowledge(&first);
    node.event("delivered", |event| event["msg_id"] == first["msg_id"]);
}

/// The message with this text was delivered, and said so once.
fn delivered(node: &Node, text: &str, bob: &Client) {
    let line = bob.hears_one("SEND", |line| line["payload"] == text);
    node.event("delivered", |event| event["msg_id"] == line["msg_id"]);
}

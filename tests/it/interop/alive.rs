//! Keep-alive: PING on every link, PONG to every PING, and the end of those that fell silent.

use serde_json::{Value, json};

use super::{
    ROLES, alice,
    client::{Client, Listening, send},
    linked,
};
use crate::support::Start;

/// A node that pings often, and waits only briefly for a sign of life.
fn impatient() -> Start {
    alice().env("PAPO_CONNECTION__PING_INTERVAL", "200ms")
}

#[test]
fn links_of_both_directions_are_pinged_because_some_clients_ping_only_links_they_dialled() {
    for role in ROLES {
        let (node, bob) = linked(
            role,
            alice()
                .env("PAPO_CONNECTION__PING_INTERVAL", "100ms")
                .env("PAPO_CONNECTION__DEAD_AFTER", "100"),
        );
        // It never pings; it only answers.
        for round in 0..6 {
            let ping = &bob.hears_many("PING", round + 1)[round];
            bob.say(&json!({"type": "PONG", "msg_id": ping["msg_id"], "timestamp": ping["timestamp"], "ttl": 1}));
        }
        assert_eq!(node.events("peer_disconnected"), Vec::<Value>::new());
    }
}

#[test]
fn a_peer_that_only_pings_and_never_answers_a_ping_lives() {
    for role in ROLES {
        let start = alice()
            .env("PAPO_CONNECTION__PING_INTERVAL", "300ms")
            .env("PAPO_CONNECTION__DEAD_AFTER", "10");
        let (node, bob) = linked(role, start);
        for round in 0..12 {
            bob.hears_many("PING", round + 1);
            bob.ping(&format!("p-{round}"));
        }
        assert_eq!(node.events("peer_disconnected"), Vec::<Value>::new());
    }
}

#[test]
fn round_trips_are_measured_by_id_whatever_timestamp_a_pong_carries() {
    let timestamps = [
        json!("2025-10-27T10:00:00.123456+00:00"),
        json!("2025-10-27T10:00:00"),
        json!(1_761_559_200.25),
        json!(null),
    ];
    for role in ROLES {
        let start = impatient().env("PAPO_CONNECTION__DEAD_AFTER", "100");
        let (mut node, bob) = linked(role, start);
        for (round, timestamp) in timestamps.iter().enumerate() {
            let ping = &bob.hears_many("PING", round + 1)[round];
            bob.say(&json!({"type": "PONG", "msg_id": ping["msg_id"], "timestamp": timestamp}));
        }
        let ping = &bob.hears_many("PING", 5)[4];
        bob.say(&json!({"type": "PONG", "msg_id": ping["msg_id"]}));
        bob.ping("done");
        let rtts = &node.ask("/rtt")["data"]["rtts"][0];
        assert_eq!(rtts["count"], 5, "{rtts}");
    }
}

#[test]
fn a_ping_is_answered_whatever_its_timestamp_is() {
    for role in ROLES {
        let (_node, bob) = linked(role, alice());
        let timestamps = [json!(1.5), json!("yesterday"), json!(null), json!([1])];
        for (number, timestamp) in timestamps.iter().enumerate() {
            let msg_id = format!("p-{number}");
            bob.say(&json!({"type": "PING", "msg_id": msg_id, "timestamp": timestamp}));
            bob.hears_one("PONG", |line| line["msg_id"] == msg_id);
        }
        bob.say(&json!({"type": "PING", "msg_id": "p-x"}));
        bob.hears_one("PONG", |line| line["msg_id"] == "p-x");
    }
}

#[test]
fn a_silent_peer_is_pinged_then_its_link_is_closed() {
    for role in ROLES {
        let (node, bob) = linked(role, impatient());
        bob.hears_the_end();
        let ended = node.event("peer_disconnected", |event| event["peer"] == "bob@lobby");
        assert!(
            ended["reason"].as_str().unwrap().contains("silent"),
            "{ended}"
        );
        assert!(bob.count("PING") >= 1);
        assert_eq!(bob.count("BYE"), 0, "nobody is there to read it");
    }
}

#[test]
fn a_half_open_link_is_given_up_and_dialled_again() {
    let bob = Listening::start();
    let mut node = impatient().with(["--join", &bob.address]).start();
    // Its other end hears nothing any more, and says nothing; no FIN comes.
    let _gone = bob.answer("bob@lobby");
    node.meets("bob@lobby");
    let back = bob.answer("bob@lobby");
    back.say(&send("m-1", "back again"));
    node.message("back again");
    node.send("/msg bob@lobby welcome");
    back.hears("SEND");
}

#[test]
fn a_link_that_was_reset_is_lost_and_nothing_else() {
    for role in ROLES {
        let (node, bob) = linked(role, alice());
        let carol = Client::dial(&node.address(), "carol@lobby");
        bob.reset();
        node.event("peer_disconnected", |event| event["peer"] == "bob@lobby");
        carol.say(&send("m-1", "I am here"));
        node.message("I am here");
        carol.hears("ACK");
    }
}

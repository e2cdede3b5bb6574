//! Every line the node writes, to the letter: fields, their order, ASCII, UUID4 ids, UTC timestamps with `Z`.

use serde_json::json;
use uuid::Uuid;

use super::{
    ROLES, Role, alice,
    client::{Client, Listening, hello, send, value},
    linked,
};

#[test]
fn a_dialler_says_hello_with_exactly_the_fields_of_the_specification() {
    let (_node, bob) = linked(Role::Acceptor, alice());
    let expected = r#"{"type":"HELLO","peer_id":"alice@lobby","version":"1.0","features":["ack","metrics","stream"],"ttl":1}"#;
    assert_eq!(bob.lines()[0], expected);
}

#[test]
fn an_acceptor_says_hello_ok_with_exactly_the_fields_of_the_specification() {
    let (_node, bob) = linked(Role::Dialler, alice());
    let expected = r#"{"type":"HELLO_OK","peer_id":"alice@lobby","version":"1.0","features":["ack","metrics","stream"],"ttl":1}"#;
    assert_eq!(bob.lines()[0], expected);
}

#[test]
fn ping_carries_a_uuid4_and_a_utc_timestamp() {
    for role in ROLES {
        let (_node, bob) = linked(role, alice());
        bob.hears("PING");
        check(
            &bob,
            "PING",
            r#"{"type":"PING","msg_id":"<uuid4>","timestamp":"<utc>","ttl":1}"#,
        );
    }
}

#[test]
fn pong_and_ack_repeat_the_id_that_they_answer() {
    for role in ROLES {
        let (_node, bob) = linked(role, alice());
        bob.say(&json!({"type": "PING", "msg_id": "any \"thing\" é", "timestamp": "2026-01-01T00:00:00Z"}));
        bob.hears("PONG");
        check(
            &bob,
            "PONG",
            r#"{"type":"PONG","msg_id":"any \"thing\" \u00e9","timestamp":"<utc>","ttl":1}"#,
        );
        bob.say(&send("msg-1761559200", "x"));
        bob.hears("ACK");
        check(
            &bob,
            "ACK",
            r#"{"type":"ACK","msg_id":"msg-1761559200","timestamp":"<utc>","ttl":1}"#,
        );
    }
}

#[test]
fn send_and_pub_are_ascii_with_the_fields_of_the_specification() {
    for role in ROLES {
        let (mut node, bob) = linked(role, alice());
        node.send("/msg bob@lobby olá 🙂 \"quoted\" \\");
        bob.hears("SEND");
        check(
            &bob,
            "SEND",
            r#"{"type":"SEND","msg_id":"<uuid4>","src":"alice@lobby","dst":"bob@lobby","payload":"ol\u00e1 \ud83d\ude42 \"quoted\" \\","require_ack":true,"ttl":1}"#,
        );
        node.send("/pub * ação");
        bob.hears("PUB");
        check(
            &bob,
            "PUB",
            r#"{"type":"PUB","msg_id":"<uuid4>","src":"alice@lobby","dst":"*","payload":"a\u00e7\u00e3o","require_ack":false,"ttl":1}"#,
        );
    }
}

#[test]
fn a_publication_to_a_namespace_has_its_sign_and_goes_only_to_the_linked_peers_of_that_namespace() {
    let (mut node, bob) = linked(Role::Dialler, alice());
    let carol = Client::dial(&node.address(), "carol@other");
    node.meets("carol@other");
    node.send("/pub #lobby only for the lobby");
    node.send("/pub * for all");
    bob.hears_many("PUB", 2);
    check(
        &bob,
        "PUB",
        r##"{"type":"PUB","msg_id":"<uuid4>","src":"alice@lobby","dst":"#lobby","payload":"only for the lobby","require_ack":false,"ttl":1}"##,
    );
    assert_eq!(carol.hears("PUB")["payload"], "for all");
}

#[test]
fn bye_and_bye_ok_have_all_their_fields() {
    for role in ROLES {
        let (mut node, bob) = linked(role, alice());
        node.end_input();
        bob.hears("BYE");
        check(
            &bob,
            "BYE",
            r#"{"type":"BYE","msg_id":"<uuid4>","src":"alice@lobby","dst":"bob@lobby","reason":"quit","ttl":1}"#,
        );
        let (_node, bob) = linked(role, alice());
        bob.say(&json!({"type": "BYE", "msg_id": "bye-1", "src": "bob@lobby", "dst": "alice@lobby", "reason": "done", "ttl": 1}));
        bob.hears("BYE_OK");
        check(
            &bob,
            "BYE_OK",
            r#"{"type":"BYE_OK","msg_id":"bye-1","src":"alice@lobby","dst":"bob@lobby","ttl":1}"#,
        );
    }
}

#[test]
fn every_message_has_an_id_of_its_own() {
    let (mut node, bob) = linked(Role::Dialler, alice());
    for _ in 0..10 {
        node.send("/msg bob@lobby the same text");
    }
    let mut ids: Vec<String> = bob
        .hears_many("SEND", 10)
        .iter()
        .map(|it| it["msg_id"].to_string())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 10);
}

#[test]
fn what_one_peer_says_is_never_sent_on_to_another() {
    let (mut node, bob) = linked(Role::Dialler, alice());
    let listening = Listening::start();
    node.ask(&format!("/connect {}", listening.address));
    let carol = listening.answer("carol@lobby");
    node.meets("carol@lobby");
    bob.say(&super::client::publication("m-1", "*", "for everyone"));
    bob.say(&json!({"type": "SEND", "msg_id": "m-2", "src": "bob@lobby", "dst": "carol@lobby", "payload": "for carol", "ttl": 9}));
    bob.say(&hello("HELLO", "bob@lobby"));
    bob.hears_many("HELLO_OK", 2);
    node.message("for everyone");
    carol.ping("done");
    let foreign = |kind: &&String| !matches!(kind.as_str(), "HELLO" | "PONG" | "PING");
    assert_eq!(carol.heard().iter().find(foreign), None);
}

/// The first line of this type is as expected, once its id and timestamp are checked and named.
fn check(client: &Client, kind: &str, expected: &str) {
    let is_it = |line: &&String| value(line)["type"] == kind;
    let line = client.lines().iter().find(is_it).unwrap().clone();
    assert!(line.is_ascii(), "{line}");
    assert_eq!(named(&line), expected);
}

fn named(line: &str) -> String {
    let mut named = line.to_owned();
    let fields = value(line);
    let msg_id = fields["msg_id"].as_str().unwrap();
    if Uuid::try_parse(msg_id).is_ok_and(|id| id.get_version_num() == 4) {
        named = named.replace(msg_id, "<uuid4>");
    }
    if let Some(timestamp) = fields["timestamp"].as_str() {
        let parsed: jiff::Timestamp = timestamp.parse().unwrap();
        assert!(parsed.as_second() > 1_700_000_000 && timestamp.ends_with('Z'));
        named = named.replace(timestamp, "<utc>");
    }
    named
}

//! SEND and PUB as the clients write them, and what the node makes of them.

use serde_json::{Value, json};

use super::{
    ROLES, Role, alice,
    client::{Client, publication, send},
    linked,
};

#[test]
fn a_send_whose_require_ack_is_null_or_missing_is_acknowledged_and_one_with_false_is_only_shown() {
    for role in ROLES {
        let (node, bob) = linked(role, alice());
        let cases = [
            ("null", json!(null)),
            ("text", json!("yes")),
            ("false", json!(false)),
            ("true", json!(true)),
        ];
        for (name, require_ack) in cases {
            let mut line = send(name, name);
            line["require_ack"] = require_ack;
            bob.say(&line);
            node.message(name);
        }
        let mut line = send("missing", "missing");
        line.as_object_mut().unwrap().remove("require_ack");
        bob.say(&line);
        node.message("missing");
        let acked = bob.hears_many("ACK", 4);
        let acked: Vec<&Value> = acked.iter().map(|ack| &ack["msg_id"]).collect();
        assert_eq!(acked, ["null", "text", "true", "missing"]);
    }
}

#[test]
fn a_repeated_send_is_acknowledged_again_and_shown_once_because_some_repeat_until_the_ack() {
    for role in ROLES {
        let (node, bob) = linked(role, alice());
        for _ in 0..3 {
            bob.say(&send("m-1", "do you hear me?"));
        }
        let acks = bob.hears_many("ACK", 3);
        assert!(acks.iter().all(|ack| ack["msg_id"] == "m-1"));
        bob.say(&send("m-2", "the last"));
        node.message("the last");
        assert_eq!(node.texts(), ["do you hear me?", "the last"]);
    }
}

#[test]
fn a_send_repeated_on_the_next_link_is_acknowledged_there_and_shown_once() {
    let (node, bob) = linked(Role::Dialler, alice());
    bob.say(&send("m-1", "do you hear me?"));
    bob.hears("ACK");
    bob.close();
    node.event("peer_disconnected", |_| true);
    let bob = Client::dial(&node.address(), "bob@lobby");
    bob.say_together(&[send("m-1", "do you hear me?"), send("m-2", "the last")]);
    bob.hears_many("ACK", 2);
    node.message("the last");
    assert_eq!(node.texts(), ["do you hear me?", "the last"]);
}

#[test]
fn ids_that_repeat_between_different_messages_and_peers_hide_nothing() {
    for role in ROLES {
        let (node, bob) = linked(role, alice());
        let carol = Client::dial(&node.address(), "carol@lobby");
        // One client's ids count seconds.
        bob.say_together(&[
            send("msg-1761559200", "first"),
            send("msg-1761559200", "second"),
        ]);
        bob.say(&publication("msg-1761559200", "*", "third"));
        bob.hears_many("ACK", 2);
        node.message("third");
        carol.say(&send("msg-1761559200", "first"));
        node.event("message", |event| event["from"] == "carol@lobby");
        assert_eq!(node.texts(), ["first", "second", "third", "first"]);
    }
}

#[test]
fn a_publication_is_shown_whatever_its_destination_looks_like() {
    let cases = [
        (json!("*"), "broadcast", "*"),
        (json!("#lobby"), "namespace", "#lobby"),
        (json!("lobby"), "namespace", "#lobby"),
        (json!("#elsewhere"), "namespace", "#elsewhere"),
        (json!("alice@lobby"), "direct", "alice@lobby"),
        (json!("carol@lobby"), "broadcast", "*"),
        (json!(""), "broadcast", "*"),
        (json!(null), "broadcast", "*"),
        (json!(7), "broadcast", "*"),
    ];
    for role in ROLES {
        let (node, bob) = linked(role, alice());
        for (number, (dst, kind, to)) in cases.iter().enumerate() {
            let text = format!("text {number}");
            let mut line = publication(&format!("m-{number}"), "", &text);
            line["dst"] = dst.clone();
            bob.say(&line);
            let shown = node.message(&text);
            assert_eq!(
                (&shown["kind"], &shown["to"]),
                (&json!(kind), &json!(to)),
                "{dst}"
            );
        }
        bob.say(&json!({"type": "PUB", "msg_id": "m-x", "payload": "without"}));
        assert_eq!(node.message("without")["kind"], "broadcast");
        bob.ping("done");
        assert_eq!(bob.count("ACK"), 0, "a PUB has no ACK");
    }
}

#[test]
fn the_sender_is_the_peer_of_the_link_whatever_src_says() {
    for role in ROLES {
        let (node, bob) = linked(role, alice());
        bob.say(&json!({"type": "SEND", "msg_id": "m-1", "src": "carol@lobby", "dst": "dave@lobby", "payload": "who am I?", "require_ack": true}));
        let shown = node.message("who am I?");
        assert_eq!(
            (&shown["from"], &shown["to"]),
            (&json!("bob@lobby"), &json!("alice@lobby"))
        );
    }
}

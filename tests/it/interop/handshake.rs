//! HELLO and HELLO_OK, as the clients write them.

use serde_json::{Value, json};

use super::{
    ROLES, Role, alice,
    client::{Client, Listening, hello, publication, send},
    linked, linked_with,
};
use crate::support::{Server, node};

#[test]
fn a_send_in_the_segment_of_its_hello_is_shown_and_acknowledged_because_some_clients_do_not_wait() {
    let node = alice().start();
    let bob = Client::connect(&node.address());
    bob.say_together(&[hello("HELLO", "bob@lobby"), send("m-1", "at once")]);
    bob.hears_one("ACK", |line| line["msg_id"] == "m-1");
    node.message("at once");
    assert_eq!(bob.heard()[..2], ["HELLO_OK", "ACK"]);
}

#[test]
fn a_publication_in_the_segment_of_its_hello_is_shown_because_some_clients_do_not_wait() {
    let node = alice().start();
    let bob = Client::connect(&node.address());
    bob.say_together(&[
        hello("HELLO", "bob@lobby"),
        publication("m-1", "*", "at once"),
    ]);
    assert_eq!(node.message("at once")["kind"], "broadcast");
}

#[test]
fn hello_ok_is_the_first_line_also_to_a_client_that_pings_behind_its_hello() {
    let node = alice().start();
    let bob = Client::connect(&node.address());
    let ping =
        json!({"type": "PING", "msg_id": "p-1", "timestamp": "2026-01-01T00:00:00Z", "ttl": 1});
    bob.say_together(&[hello("HELLO", "bob@lobby"), ping]);
    bob.hears("PONG");
    assert_eq!(bob.heard()[..2], ["HELLO_OK", "PONG"]);
}

#[test]
fn an_acceptor_that_sends_behind_its_hello_ok_is_read() {
    let bob = Listening::start();
    let node = alice().with(["--join", &bob.address]).start();
    let link = bob.accept();
    link.hears("HELLO");
    link.say_together(&[hello("HELLO_OK", "bob@lobby"), send("m-1", "welcome")]);
    node.message("welcome");
    link.hears_one("ACK", |line| line["msg_id"] == "m-1");
}

#[test]
fn hello_and_hello_ok_are_one_segment_of_at_most_1024_bytes_because_some_read_them_with_one_recv() {
    let (name, namespace) = ("é".repeat(64), "ü".repeat(64));
    for role in ROLES {
        let start = node(&name).alone().with(["--namespace", &namespace]);
        let (_node, bob) = linked(role, start);
        let first = bob.segments().remove(0).text;
        assert!(
            first.ends_with('\n') && first.len() <= 1024,
            "{role:?}: {first}"
        );
        assert_eq!(first.matches('\n').count(), 1, "{role:?}: {first}");
    }
}

#[test]
fn a_handshake_in_tiny_segments_is_one_handshake() {
    let node = alice().start();
    let bob = Client::connect(&node.address());
    for byte in format!("{}\n", hello("HELLO", "bob@lobby")).bytes() {
        bob.write(&[byte]);
    }
    bob.hears("HELLO_OK");
    node.meets("bob@lobby");
}

#[test]
fn empty_lines_and_carriage_returns_around_a_hello_are_no_fault() {
    let node = alice().start();
    let bob = Client::connect(&node.address());
    bob.write(format!("\n\r\n{}\r\n", hello("HELLO", "bob@lobby")).as_bytes());
    bob.hears("HELLO_OK");
    node.meets("bob@lobby");
}

#[test]
fn a_greeting_with_another_version_or_without_features_ttl_and_version_is_accepted() {
    let greetings: [fn(&str) -> Value; 5] = [
        |kind| json!({"type": kind, "peer_id": "bob@lobby", "version": 1.0, "features": ["ack"], "ttl": 1}),
        |kind| json!({"type": kind, "peer_id": "bob@lobby"}),
        |kind| json!({"type": kind, "peer_id": "bob@lobby", "version": null, "features": null, "ttl": "1"}),
        |kind| json!({"type": kind, "peer_id": "bob@lobby", "version": [2], "features": {"ack": true}}),
        |kind| json!({"type": kind, "peer_id": "bob@lobby", "version": "9", "agent": {"deep": [1, {}]}, "pid": 1}),
    ];
    for role in ROLES {
        for greeting in greetings {
            let (node, bob) = linked_with(role, alice(), greeting);
            bob.say(&send("m-1", "accepted"));
            node.message("accepted");
            bob.hears("ACK");
        }
    }
}

#[test]
fn who_was_dialled_is_who_it_is_whatever_id_and_version_its_hello_ok_carries() {
    let server = Server::start();
    let bob = Listening::start();
    bob.register(&server.address, "bob@lobby");
    let mut node = node("alice").at(&server.address).start();
    let link = bob.accept();
    link.hears("HELLO");
    // One client repeats the dialler's id, with a numeric version and no ttl.
    link.say(&json!({"type": "HELLO_OK", "peer_id": "alice@lobby", "version": 1.0, "features": ["ack", "metrics"]}));
    node.meets("bob@lobby");
    node.send("/msg bob@lobby is it you?");
    let question = link.hears("SEND");
    assert_eq!(question["dst"], "bob@lobby");
    link.acknowledge(&question);
    node.event("delivered", |event| event["to"] == "bob@lobby");
}

#[test]
fn a_bare_address_is_who_its_hello_ok_says_and_our_own_id_there_is_a_failure() {
    let bob = Listening::start();
    let node = alice().with(["--join", &bob.address]).start();
    let _bob = bob.answer("bob@lobby");
    node.meets("bob@lobby");
    let mirror = Listening::start();
    let node = alice().with(["--join", &mirror.address]).start();
    let _mirror = mirror.answer("alice@lobby");
    let error = node.event("error", |event| event["code"] == "address_unreachable");
    let said = error["message"].as_str().unwrap();
    assert!(said.contains("this node itself"), "{said}");
}

#[test]
fn a_node_that_dials_itself_says_so_once() {
    let mut node = alice().start();
    let address = node.address();
    node.ask(&format!("/connect {address}"));
    node.event("error", |event| event["code"] == "address_unreachable");
    node.leave();
    let errors = node.events("error");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0]["hint"], "give the address of another node");
}

#[test]
fn a_second_hello_is_answered_again_and_the_link_stays() {
    let (node, bob) = linked(Role::Dialler, alice());
    bob.say(&hello("HELLO", "bob@lobby"));
    bob.hears_many("HELLO_OK", 2);
    bob.say(&send("m-1", "still here"));
    node.message("still here");
    assert_eq!(node.events("peer_connected").len(), 1);
}

#[test]
fn an_acceptor_that_says_hello_before_its_hello_ok_is_answered_and_linked() {
    let bob = Listening::start();
    let node = alice().with(["--join", &bob.address]).start();
    let link = bob.accept();
    link.hears("HELLO");
    link.say_together(&[hello("HELLO", "bob@lobby"), hello("HELLO_OK", "bob@lobby")]);
    link.hears("HELLO_OK");
    node.meets("bob@lobby");
}

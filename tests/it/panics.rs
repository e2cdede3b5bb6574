//! Every actor is made to panic while messages flow both ways: none is lost, none comes twice, and the node goes on.

use std::thread;

use serde_json::{Value, json};

use crate::support::{Node, Ports, RawPeer, Start, node};

/// Messages in each direction.
const MESSAGES: usize = 300;

fn debuggable(name: &str) -> Start {
    node(name)
        .debug()
        .env("PAPO_SUPERVISION__BACKOFF_BASE", "50ms")
}

/// Two nodes that are linked; the first one hosts the rendezvous.
fn two_nodes() -> (Node, Node) {
    let ports = Ports::free();
    let alice = debuggable("alice").embedded(&ports).start();
    alice.ready();
    let bob = debuggable("bob").embedded(&ports).start();
    alice.meets("bob@lobby");
    bob.meets("alice@lobby");
    (alice, bob)
}

fn say(node: &mut Node, to: &str, at: usize) {
    let command = json!({"command": "msg", "to": format!("{to}@lobby"), "text": format!("to {to} {at}"), "ref": at.to_string()});
    node.send(&command.to_string());
}

/// All that a node sent was delivered; its order is that of sending.
fn all_are_delivered(node: &Node) {
    for at in 0..MESSAGES {
        let reference = at.to_string();
        node.event("delivered", |event| event["ref"] == reference);
    }
    assert_eq!(node.events("delivered").len(), MESSAGES);
    assert!(node.events("failed").is_empty() && node.events("ack_timeout").is_empty());
}

fn has_received_all(node: &Node, name: &str) {
    assert_eq!(node.texts(), all_texts_to(name));
}

/// The same, but over several links, which have no order among them.
fn has_received_all_over_links(node: &Node, name: &str) {
    let (mut texts, mut expected) = (node.texts(), all_texts_to(name));
    texts.sort();
    expected.sort();
    assert_eq!(texts, expected);
}

fn all_texts_to(name: &str) -> Vec<String> {
    let text = |at| format!("to {name} {at}");
    (0..MESSAGES).map(text).collect()
}

/// Makes an actor of one node panic in the middle of two streams of messages; gives both nodes, the other one ended.
fn while_messages_flow(actor: &str) -> (Node, Node) {
    let (mut alice, mut bob) = two_nodes();
    let pouring = thread::spawn(move || {
        for at in 0..MESSAGES {
            say(&mut bob, "alice", at);
        }
        bob
    });
    for at in 0..MESSAGES {
        say(&mut alice, "bob", at);
        if at == MESSAGES / 3 {
            alice.message("to alice 10");
            alice.send(
                &json!({"command": "debug", "argument": format!("panic {actor}"), "ref": "debug"})
                    .to_string(),
            );
        }
    }
    let mut bob = pouring.join().unwrap();
    assert_eq!(
        alice.event("reply", |event| event["ref"] == "debug")["command"],
        "debug"
    );
    all_are_delivered(&alice);
    all_are_delivered(&bob);
    let metrics = alice.ask("/metrics");
    assert_eq!(metrics["data"]["actor_restarts"], 1, "{metrics}");
    assert_eq!(metrics["data"]["messages_poisoned"], 0, "{metrics}");
    bob.leave();
    (alice, bob)
}

/// The same, and what is special about this actor.
fn check(actor: &str, and_then: impl FnOnce(&mut Node)) {
    let (mut alice, bob) = while_messages_flow(actor);
    has_received_all(&bob, "bob");
    let told = alice.event("actor_restarting", |event| event["actor"] == actor);
    assert_eq!(told["reason"], "asked to panic");
    and_then(&mut alice);
    alice.leave();
    has_received_all(&alice, "alice");
    assert_eq!(alice.events("actor_restarting").len(), 1);
}

#[test]
fn the_router_panics_and_no_message_is_lost_or_comes_twice() {
    check("router", |alice| {
        assert!(alice.ask("/peers")["data"]["peers"].is_array());
    });
}

#[test]
fn the_ping_actor_panics_and_no_message_is_lost_or_comes_twice() {
    check("ping", |alice| {
        let eve = RawPeer::dial(&alice.address(), "eve@lobby");
        alice.meets("eve@lobby");
        // It was linked after the panic, so whoever pings it is the new incarnation.
        eve.hears("PING");
    });
}

#[test]
fn the_listener_panics_and_no_message_is_lost_or_comes_twice() {
    check("listener", |alice| {
        RawPeer::dial(&alice.address(), "eve@lobby").ping("it accepts");
    });
}

#[test]
fn the_command_line_panics_and_no_message_is_lost_or_comes_twice() {
    check("cli", |_| ());
}

#[test]
fn the_rendezvous_actor_panics_and_no_message_is_lost_or_comes_twice() {
    check("rendezvous", is_registered);
}

#[test]
fn the_hosted_rendezvous_server_panics_and_no_message_is_lost_or_comes_twice() {
    check("rendezvous server", is_registered);
}

fn is_registered(alice: &mut Node) {
    let status = alice.ask("/status");
    let known = |field: &str| status["data"][field].clone();
    assert_eq!(
        (known("registered"), known("hosted")),
        (Value::Bool(true), Value::Bool(true)),
        "{status}"
    );
}

#[test]
fn the_actor_of_a_link_panics_and_no_message_is_lost_or_comes_twice() {
    let (mut alice, bob) = while_messages_flow("peer");
    has_received_all_over_links(&bob, "bob");
    let lost = alice.event("peer_disconnected", |_| true);
    assert_eq!(lost["reason"], "internal error: asked to panic");
    alice.leave();
    has_received_all_over_links(&alice, "alice");
}

#[test]
fn a_connection_that_comes_while_the_listener_is_down_is_accepted_afterwards() {
    let mut alice = debuggable("alice")
        .alone()
        .env("PAPO_SUPERVISION__BACKOFF_BASE", "500ms")
        .start();
    let address = alice.address();
    assert_eq!(alice.ask("/debug panic listener")["command"], "debug");
    alice.event("actor_restarting", |event| event["actor"] == "listener");
    RawPeer::dial(&address, "eve@lobby").ping("accepted");
}

#[test]
fn an_actor_that_fails_too_often_ends_the_node_with_one_after_bye() {
    for actor in ["router", "ping", "listener", "cli", "rendezvous"] {
        let ports = Ports::free();
        let start = debuggable("alice")
            .embedded(&ports)
            .env("PAPO_SUPERVISION__FAILURES", "2");
        let mut alice = start.start();
        alice.ready();
        let bob = node("bob").embedded(&ports).start();
        bob.meets("alice@lobby");
        alice.meets("bob@lobby");
        for _ in 0..2 {
            alice.send(&format!("/debug panic {actor}"));
        }
        assert_eq!(alice.exit_code(), 1, "{actor}");
        alice.log(&format!("{actor} failed too often: the node ended"));
        let gone = bob.event("peer_disconnected", |event| event["still_linked"] == false);
        assert_eq!(gone["reason"], "it left (quit)", "{actor}");
    }
}

#[test]
fn an_unknown_actor_is_answered_with_those_there_are() {
    let mut alice = debuggable("alice").alone().start();
    let answer = alice.ask("/debug panic nobody");
    assert_eq!(answer["code"], "unknown_actor");
    for actor in ["router", "ping", "listener", "cli", "peer"] {
        assert!(answer["hint"].as_str().unwrap().contains(actor), "{answer}");
    }
    assert!(
        !answer["hint"].as_str().unwrap().contains("rendezvous"),
        "{answer}"
    );
}

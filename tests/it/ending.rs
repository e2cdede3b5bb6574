//! Every way to end a node: orderly, with what was read sent and acknowledged; or at once, by a second signal.

use std::io::{BufRead, BufReader};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::support::{Node, RawPeer, Server, Start, names_at, node, papo, text_node};

/// Exit code 0, BYE to the peer, and no record is left.
fn ends_orderly(start: Start, end: impl FnOnce(&mut Node)) {
    let server = Server::start();
    let bob = node("bob").at(&server.address).start();
    let mut alice = start.at(&server.address).start();
    bob.meets("alice@lobby");
    end(&mut alice);
    assert_eq!(alice.exit_code(), 0);
    let gone = bob.event("peer_disconnected", |event| event["still_linked"] == false);
    assert_eq!(gone["reason"], "it left (quit)");
    bob.event("rendezvous", |event| event["state"] == "registered");
    assert_eq!(names_at(&server.address), ["bob"]);
}

#[test]
fn ctrl_c_ends_a_node_orderly() {
    ends_orderly(node("alice"), |alice| alice.signal(Signal::SIGINT));
}

#[test]
fn sigterm_ends_a_node_orderly() {
    ends_orderly(node("alice"), |alice| alice.signal(Signal::SIGTERM));
}

#[test]
fn sighup_ends_a_node_orderly() {
    ends_orderly(node("alice"), |alice| alice.signal(Signal::SIGHUP));
}

#[test]
fn the_end_of_the_input_ends_a_node_orderly() {
    ends_orderly(text_node("alice"), Node::end_input);
}

#[test]
fn quit_ends_a_node_orderly_and_is_answered() {
    ends_orderly(node("alice"), |alice| {
        assert_eq!(alice.ask("/quit")["command"], "quit");
    });
}

#[test]
fn a_closed_standard_output_ends_a_node_orderly() {
    ends_orderly(text_node("alice").unread(), |alice| {
        let mut output = BufReader::new(alice.output());
        let mut first = String::new();
        output.read_line(&mut first).unwrap();
        assert!(first.starts_with("alice@lobby  listening on"), "{first}");
        // It need not write anything to notice.
        drop(output);
    });
}

#[test]
fn sigterm_ends_a_service_without_input_and_it_receives_until_then() {
    let server = Server::start();
    let service = papo(["serve", "--json", "--name", "service", "--port", "0"]);
    let service = service.at(&server.address).without_input().start();
    let mut bob = node("bob").at(&server.address).start();
    bob.send("/msg service@lobby are you there?");
    bob.event("delivered", |event| event["to"] == "service@lobby");
    service.message("are you there?");
    service.signal(Signal::SIGTERM);
    assert_eq!(service.exit_code(), 0);
    bob.event("peer_disconnected", |event| {
        event["reason"] == "it left (quit)"
    });
}

#[test]
fn a_node_without_any_input_starts_and_ends() {
    let alice = text_node("alice").alone().without_input().start();
    assert_eq!(alice.exit_code(), 0);
    alice.line("alice@lobby  listening on");
}

/// The first signal says BYE to a peer that does not answer it; the second does not wait.
fn second_signal_ends_at_once(signal: Signal, code: i32) {
    let alice = node("alice").alone().start();
    let silent = RawPeer::dial(&alice.address(), "silent@lobby");
    alice.meets("silent@lobby");
    alice.signal(signal);
    silent.hears("BYE");
    alice.signal(signal);
    assert_eq!(alice.exit_code(), code);
}

#[test]
fn a_second_ctrl_c_ends_a_node_at_once() {
    second_signal_ends_at_once(Signal::SIGINT, 130);
}

#[test]
fn a_second_sigterm_ends_a_node_at_once() {
    second_signal_ends_at_once(Signal::SIGTERM, 143);
}

#[test]
fn the_end_of_the_input_waits_until_all_that_was_read_is_acknowledged() {
    let mut alice = node("alice").alone().start();
    let mut slow = RawPeer::dial(&alice.address(), "slow@lobby");
    alice.meets("slow@lobby");
    for text in ["one", "two", "three"] {
        alice.send(&format!("/msg slow@lobby {text}"));
    }
    alice.end_input();
    let heard =
        ["one", "two", "three"].map(|text| slow.hears_one("SEND", |line| line["payload"] == text));
    // It has long read its end of input, and yet it stays.
    for number in 0..50 {
        slow.ping(&format!("ping {number}"));
    }
    assert!(!slow.heard().contains(&"BYE".to_owned()));
    for send in &heard {
        slow.acknowledge(send);
    }
    let bye = slow.hears("BYE");
    slow.say(&json!({"type": "BYE_OK", "msg_id": bye["msg_id"], "src": "", "dst": "", "ttl": 1}));
    slow.hears_the_end();
    assert_eq!(alice.exit_code(), 0);
    assert_eq!(alice.events("delivered").len(), 3);
}

#[test]
fn quit_waits_no_longer_than_the_ack_timeout() {
    let start = node("alice")
        .alone()
        .env("PAPO_CONNECTION__ACK_TIMEOUT", "300ms");
    let mut alice = start.start();
    let deaf = RawPeer::dial(&alice.address(), "deaf@lobby");
    alice.meets("deaf@lobby");
    alice.send("/msg deaf@lobby do you hear me?");
    deaf.hears("SEND");
    alice.send("/quit");
    deaf.hears("BYE");
    assert_eq!(alice.exit_code(), 0);
    assert!(alice.events("delivered").is_empty());
}

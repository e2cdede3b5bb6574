//! Peers that stand still, outputs that nobody reads: nothing is lost, nothing comes twice, and what is wrong is told.

use std::{
    io::{BufRead, BufReader, Write},
    thread,
};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::{Node, Start, node};

fn joined(alice: Start, bob: Start) -> (Node, Node) {
    let alice = alice.alone().start();
    let bob = bob.alone().with(["--join", &alice.address()]).start();
    bob.meets("alice@lobby");
    alice.meets("bob@lobby");
    (alice, bob)
}

#[test]
fn a_message_to_a_peer_that_stands_still_is_late_and_then_delivered() {
    let start = node("alice").env("PAPO_CONNECTION__ACK_TIMEOUT", "300ms");
    let (mut alice, mut bob) = joined(start, node("bob"));
    bob.signal(Signal::SIGSTOP);
    alice.send("/msg bob are you asleep?");
    let late = alice.event("ack_timeout", |_| true);
    assert_eq!(late["after_ms"], 300.0);
    bob.signal(Signal::SIGCONT);
    bob.message("are you asleep?");
    let delivered = alice.event("delivered", |_| true);
    assert_eq!(delivered["msg_id"], late["msg_id"]);
    bob.leave();
    assert_eq!(bob.texts(), ["are you asleep?"]);
}

#[test]
fn a_peer_that_stands_still_for_too_long_is_dropped_and_found_again_when_it_moves() {
    let quick = |name| {
        node(name)
            .env("PAPO_CONNECTION__PING_INTERVAL", "100ms")
            .env("PAPO_CONNECTION__RECONNECT_BACKOFF_BASE", "100ms")
            .env("PAPO_CONNECTION__RECONNECT_BACKOFF_MAX", "200ms")
            .env("PAPO_CONNECTION__HANDSHAKE_TIMEOUT", "300ms")
            .env("PAPO_CONNECTION__MAX_RECONNECT_ATTEMPTS", "1000")
    };
    let (mut alice, mut bob) = joined(quick("alice"), quick("bob"));
    alice.signal(Signal::SIGSTOP);
    let gone = bob.event("peer_disconnected", |_| true);
    assert!(
        gone["reason"].as_str().unwrap().starts_with("silent for"),
        "{gone}"
    );
    bob.send("/msg alice@lobby where were you?");
    let mark = bob.mark();
    alice.signal(Signal::SIGCONT);
    bob.event_after(mark, "peer_connected", |event| event["first"] == true);
    alice.message("where were you?");
    bob.event("delivered", |_| true);
    bob.leave();
    alice.leave();
    assert_eq!(alice.texts(), ["where were you?"]);
}

#[test]
fn an_output_that_nobody_reads_slows_its_senders_and_loses_nothing() {
    const MESSAGES: usize = 4_000;
    let mut bob = node("bob").alone().start();
    let join = ["--join", &bob.address()];
    let mut alice = node("alice").alone().with(join).unread().start();
    bob.meets("alice@lobby");
    let mut input = bob.input();
    // More than all buffers on the way can hold.
    let padding = "x".repeat(1_000);
    let pouring = thread::spawn(move || {
        for at in 0..MESSAGES {
            writeln!(input, "/msg alice@lobby {at} {padding}").unwrap();
        }
    });
    bob.event("sent", |event| event["number"] == 2_000);
    let lines = BufReader::new(alice.output()).lines();
    let events = lines.map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let texts = events.filter(|event| event["event"] == "message");
    let number = |event: Value| {
        let text = event["text"].as_str().unwrap();
        text.split(' ').next().unwrap().parse().unwrap()
    };
    let numbers: Vec<usize> = texts.take(MESSAGES).map(number).collect();
    assert_eq!(numbers, (0..MESSAGES).collect::<Vec<_>>());
    pouring.join().unwrap();
    assert_eq!(bob.exit_code(), 0);
    assert_eq!(bob.events("sent").len(), MESSAGES);
    assert_eq!(bob.events("delivered").len(), MESSAGES);
    assert!(bob.events("failed").is_empty());
}

#[test]
fn no_text_of_a_message_is_logged_below_trace() {
    let debug = |name| node(name).with(["--log", "debug"]);
    let (mut alice, mut bob) = joined(debug("alice"), debug("bob"));
    alice.send("/msg bob a secret for one");
    alice.send("a secret for all");
    bob.message("a secret for one");
    bob.message("a secret for all");
    for node in [&mut alice, &mut bob] {
        node.leave();
        let logged = node.logged();
        assert!(
            !logged.is_empty() && !logged.iter().any(|line| line.contains("secret")),
            "{logged:#?}"
        );
    }
}

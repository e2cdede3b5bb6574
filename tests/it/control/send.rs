//! `papo send`: through a running node or one of its own, and every exit code.

use std::fs;

use serde_json::Value;

use crate::support::{Home, Node, Ports, RawPeer, Start, node, papo};

/// `papo send` in the home of a node, so that it finds that node.
fn send<const N: usize>(home: &Home, arguments: [&str; N]) -> Start {
    papo(["send"])
        .with(arguments)
        .home(home)
        .called("papo send")
}

fn ends(start: Start, code: i32, words: &str) {
    let program = start.without_input().start();
    assert_eq!(program.exit_code(), code);
    let said = [program.printed(), program.logged()].concat().join("\n");
    assert!(said.contains(words), "{said}");
}

/// A node without rendezvous, and a peer that acknowledges only what the test lets it.
fn alice_and_bob() -> (Node, RawPeer) {
    let alice = node("alice").alone().start();
    let bob = RawPeer::dial(&alice.address(), "bob@lobby");
    alice.meets("bob@lobby");
    (alice, bob)
}

#[test]
fn a_delivered_message_is_0_and_goes_through_the_running_node() {
    let (alice, mut bob) = alice_and_bob();
    let program = send(alice.home(), ["bob", "hello bob", "--name", "alice"]).start();
    let line = bob.hears("SEND");
    assert_eq!(
        (&line["payload"], &line["src"]),
        (&"hello bob".into(), &"alice@lobby".into())
    );
    bob.acknowledge(&line);
    assert_eq!(program.exit_code(), 0);
    program.line("delivered to bob@lobby in ");
    alice.event("delivered", |event| event["ref"] == Value::Null);
}

#[test]
fn the_only_node_that_runs_here_is_meant_without_a_name() {
    let (alice, mut bob) = alice_and_bob();
    let program = send(alice.home(), ["bob@lobby", "hi", "--json"]).start();
    let line = bob.hears("SEND");
    bob.acknowledge(&line);
    assert_eq!(program.exit_code(), 0);
    let told: Value = serde_json::from_str(&program.printed()[0]).unwrap();
    assert_eq!(
        (&told["result"], &told["exit"], &told["to"]),
        (&"delivered".into(), &0.into(), &"bob@lobby".into())
    );
    assert_eq!(told["msg_id"], line["msg_id"]);
    assert!(told["rtt_ms"].as_f64().is_some());
}

#[test]
fn standard_input_is_sent_as_one_text() {
    let (alice, mut bob) = alice_and_bob();
    let mut program = send(alice.home(), ["bob", "-"]).start();
    program.send("two");
    program.send("lines");
    program.end_input();
    let line = bob.hears("SEND");
    assert_eq!(line["payload"], "two\nlines");
    bob.acknowledge(&line);
    assert_eq!(program.exit_code(), 0);
}

#[test]
fn publications_and_messages_that_need_only_be_sent_are_done_at_once() {
    let (alice, bob) = alice_and_bob();
    ends(send(alice.home(), ["*", "to all"]), 0, "sent to *: 1 peer");
    ends(
        send(alice.home(), ["#lobby", "to some"]),
        0,
        "sent to #lobby: 1 peer",
    );
    ends(
        send(alice.home(), ["bob", "hi", "--wait", "sent"]),
        0,
        "sent to bob@lobby",
    );
    bob.hears_one("PUB", |line| line["dst"] == "#lobby");
    bob.hears_one("SEND", |line| line["payload"] == "hi");
}

#[test]
fn without_an_acknowledgement_it_is_5() {
    let (alice, bob) = alice_and_bob();
    ends(
        send(alice.home(), ["bob", "hi", "--timeout", "300ms"]),
        5,
        "not acknowledged in time",
    );
    bob.hears("SEND");
}

#[test]
fn a_peer_that_nobody_knows_is_4() {
    let (alice, _bob) = alice_and_bob();
    ends(
        send(alice.home(), ["carol", "hi", "--timeout", "200ms"]),
        4,
        "carol",
    );
    ends(
        send(alice.home(), ["#empty", "hi", "--timeout", "200ms"]),
        4,
        "#empty",
    );
    let home = Home::new();
    ends(
        send(&home, ["carol", "hi", "--timeout", "200ms"]).alone(),
        4,
        "carol",
    );
}

#[test]
fn an_unreachable_rendezvous_is_3() {
    let ports = Ports::free();
    let start = send(&Home::new(), ["bob", "hi", "--timeout", "500ms"]);
    ends(start.at(&ports.address()), 3, "is not reached");
}

#[test]
fn what_cannot_be_sent_is_2() {
    let (alice, _bob) = alice_and_bob();
    let long = "x".repeat(40_000);
    for (arguments, words) in [
        (["bob", ""], "there is no text"),
        (["bob", &long], "too long"),
        (["alice", "hi"], "this node itself"),
        (["#a b", "hi"], "a target is"),
    ] {
        ends(send(alice.home(), arguments), 2, words);
    }
    ends(send(alice.home(), ["bob"]), 2, "<TEXT>");
    ends(
        send(alice.home(), ["bob", "hi", "--timeout", "soon"]),
        2,
        "a time is written as",
    );
}

#[test]
fn a_node_that_ends_meanwhile_is_1() {
    let (alice, bob) = alice_and_bob();
    let program = send(alice.home(), ["bob", "hi"]).start();
    bob.hears("SEND");
    alice.kill();
    assert_eq!(program.exit_code(), 1);
    program.log("the node ended before it told");
}

#[test]
fn without_a_running_node_it_finds_the_peer_with_one_of_its_own() {
    let ports = Ports::free();
    let mut alice = node("alice").embedded(&ports).start();
    alice.event("rendezvous", |event| event["state"] == "registered");
    let home = Home::new();
    let start = send(&home, ["alice", "from a script", "--name", "script"]);
    ends(start.embedded(&ports), 0, "delivered to alice@lobby in ");
    assert_eq!(alice.message("from a script")["from"], "script@lobby");
    alice.event("peer_disconnected", |event| event["peer"] == "script@lobby");
    let kept = home.path().join(".local/share/papo/script%40lobby");
    assert!(!fs::exists(kept.join("control.sock")).unwrap());
    alice.leave();
}

#[test]
fn a_name_that_runs_without_a_socket_is_7() {
    let home = Home::new();
    let deep = home.path().join("d".repeat(100));
    let deep = deep.to_str().unwrap();
    let alice = node("alice").alone().with(["--data-dir", deep]).start();
    alice.ready();
    let start = send(&home, ["bob", "hi", "--name", "alice", "--data-dir", deep]);
    ends(start.alone(), 7, "alice@lobby is already running here");
}

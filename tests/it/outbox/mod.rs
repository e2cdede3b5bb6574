//! Messages for peers that are away: they wait on disk, survive whatever ends the node, and come once, in order.

mod kills;

use serde_json::{Value, json};

use crate::support::{Home, Node, RawPeer, Server, Start, node};

/// A node that keeps its home.
fn at_home(name: &str, home: &Home, server: &Server) -> Start {
    node(name).home(home).at(&server.address)
}

/// Sends to bob and waits until it is queued.
fn queue(node: &mut Node, texts: std::ops::RangeInclusive<usize>) {
    for number in texts {
        let text = format!("text {number}");
        let reply = node.ask(&json!({"command": "msg", "to": "bob", "text": text}).to_string());
        assert_eq!(reply["data"]["queued"], true, "{reply}");
        node.event("queued", |event| event["number"] == number);
    }
}

/// Alice, who has met bob; bob is gone again.
fn alice_alone(home: &Home, bobs: &Home, server: &Server) -> Node {
    let mut bob = at_home("bob", bobs, server).start();
    let alice = at_home("alice", home, server).start();
    alice.meets("bob@lobby");
    bob.meets("alice@lobby");
    bob.leave();
    alice.event("peer_disconnected", |event| event["still_linked"] == false);
    alice
}

fn numbers(node: &Node, kind: &str) -> Vec<Value> {
    let number = |event: &Value| event["number"].clone();
    node.events(kind).iter().map(number).collect()
}

#[test]
fn messages_for_a_peer_that_is_away_survive_kill_9_and_come_once_and_in_order_when_it_returns() {
    let (server, home, bobs) = (Server::start(), Home::new(), Home::new());
    let mut alice = alice_alone(&home, &bobs, &server);
    queue(&mut alice, 1..=3);
    let queued = alice.event("queued", |event| event["number"] == 1);
    assert_eq!(queued["reason"], "bob is away");
    assert_eq!(alice.ask("/status")["data"]["outbox"], 3);
    alice.kill();
    let mut alice = at_home("alice", &home, &server).start();
    // The short name of a peer that nobody has seen since, and the numbers, go on.
    queue(&mut alice, 4..=5);
    assert_eq!(numbers(&alice, "queued"), [4, 5]);
    let mut bob = at_home("bob", &bobs, &server).start();
    for number in 1..=5 {
        bob.message(&format!("text {number}"));
        alice.event("delivered", |event| event["number"] == number);
    }
    assert_eq!(numbers(&alice, "sent"), [1, 2, 3, 4, 5]);
    assert_eq!(alice.ask("/status")["data"]["outbox"], 0);
    alice.send("/msg bob text 6");
    bob.message("text 6");
    bob.leave();
    assert_eq!(
        bob.texts(),
        (1..=6).map(|it| format!("text {it}")).collect::<Vec<_>>()
    );
    alice.leave();
}

#[test]
fn a_message_that_waits_when_the_router_panics_is_delivered_once() {
    let (server, home, bobs) = (Server::start(), Home::new(), Home::new());
    alice_alone(&home, &bobs, &server).leave();
    let mut alice = at_home("alice", &home, &server).debug().start();
    queue(&mut alice, 1..=2);
    for actor in ["router", "history"] {
        alice.send(&format!("/debug panic {actor}"));
        alice.event("actor_restarting", |event| event["actor"] == actor);
    }
    queue(&mut alice, 3..=4);
    let mut bob = at_home("bob", &bobs, &server).start();
    bob.message("text 4");
    alice.event("delivered", |event| event["number"] == 4);
    bob.leave();
    assert_eq!(bob.texts(), ["text 1", "text 2", "text 3", "text 4"]);
}

#[test]
fn only_so_many_messages_wait_and_only_so_long() {
    let (server, home, bobs) = (Server::start(), Home::new(), Home::new());
    alice_alone(&home, &bobs, &server).leave();
    let start = at_home("alice", &home, &server).env("PAPO_NODE__PEER_WAIT", "100ms");
    let mut alice = start
        .clone()
        .env("PAPO_HISTORY__OUTBOX_MESSAGES", "3")
        .start();
    queue(&mut alice, 1..=3);
    let refused = alice.ask("/msg bob one too many");
    assert_eq!(refused["code"], "outbox_full", "{refused}");
    alice.leave();
    let mut alice = start.env("PAPO_HISTORY__OUTBOX_AGE", "1s").start();
    for number in 1..=3 {
        let failed = alice.event("failed", |event| event["number"] == number);
        assert_eq!(failed["reason"], "the peer did not come back in time");
    }
    assert_eq!(alice.ask("/status")["data"]["outbox"], 0);
    let mut bob = at_home("bob", &bobs, &server).start();
    bob.meets("alice@lobby");
    alice.send("/msg bob the first that comes");
    bob.message("the first that comes");
    bob.leave();
    assert_eq!(bob.texts().len(), 1);
}

#[test]
fn what_a_lost_link_gave_back_waits_on_disk_when_nobody_comes() {
    let home = Home::new();
    let mut alice = node("alice").home(&home).alone().start();
    let bob = RawPeer::dial(&alice.address(), "bob@lobby");
    alice.meets("bob@lobby");
    alice.send("/msg bob written but not acknowledged");
    let line = bob.hears("SEND");
    drop(bob);
    alice.event("peer_disconnected", |_| true);
    alice.kill();
    let mut alice = node("alice").home(&home).alone().start();
    let mut bob = RawPeer::dial(&alice.address(), "bob@lobby");
    assert_eq!(bob.hears("SEND"), line, "the same line, over a restart");
    bob.acknowledge(&line);
    alice.event("delivered", |event| event["msg_id"] == line["msg_id"]);
    let steps = alice.ask("/why last")["data"]["steps"].clone();
    let what: Vec<&str> = steps
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["what"].as_str())
        .collect();
    assert_eq!(what, ["sent", "link_lost", "sent", "delivered"]);
}

#[test]
fn the_end_of_a_pipe_waits_for_a_known_peer_no_longer_than_for_an_unknown_one() {
    let (server, home, bobs) = (Server::start(), Home::new(), Home::new());
    alice_alone(&home, &bobs, &server).leave();
    let start = at_home("alice", &home, &server);
    let mut alice = start.clone().env("PAPO_NODE__PEER_WAIT", "300ms").start();
    queue(&mut alice, 1..=1);
    alice.leave();
    assert_eq!(alice.events("failed"), Vec::<Value>::new());
    // With bob there the end waits until he has it.
    let bob = at_home("bob", &bobs, &server).start();
    bob.ready();
    let mut alice = start.start();
    alice.send("/msg bob text 2");
    alice.leave();
    bob.message("text 2");
    assert_eq!(bob.texts(), ["text 1", "text 2"]);
    assert_eq!(numbers(&alice, "delivered"), [1, 2]);
}

#[test]
fn without_a_history_on_disk_nothing_waits_and_nothing_is_kept() {
    let (server, home, bobs) = (Server::start(), Home::new(), Home::new());
    let start = at_home("alice", &home, &server)
        .env("PAPO_HISTORY__MODE", "off")
        .env("PAPO_NODE__PEER_WAIT", "300ms");
    let mut alice = start.start();
    let mut bob = at_home("bob", &bobs, &server).start();
    alice.meets("bob@lobby");
    bob.meets("alice@lobby");
    alice.send("/msg bob hi");
    alice.event("delivered", |_| true);
    bob.leave();
    alice.event("peer_disconnected", |event| event["still_linked"] == false);
    let reply = alice.ask("/msg bob are you there?");
    assert_eq!(
        (&reply["data"]["queued"], &reply["data"]["waiting"]),
        (&false.into(), &true.into())
    );
    alice.event("failed", |event| event["number"] == 2);
    assert_eq!(
        alice.ask("/history")["data"]["entries"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(alice.ask("/search hi")["code"], "no_history");
    assert_eq!(alice.ask("/why last")["code"], "no_history");
    let status = alice.ask("/status");
    assert_eq!(
        (&status["data"]["history"], &status["data"]["outbox"]),
        (&"off".into(), &0.into())
    );
    alice.leave();
    let folder = home.path().join(".local/share/papo/alice%40lobby");
    assert!(folder.is_dir() && !folder.join("history.db").exists());
}

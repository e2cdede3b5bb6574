//! The rendezvous comes and goes: the server is killed and started again, the node that hosts it ends, it was never
//! there.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::{Home, Node, Ports, Server, Start, ask, names_at, node};

/// What the product promises after a host's end.
const PROMISE: Duration = Duration::from_secs(10);

fn talk(from: &mut Node, to: &mut Node, text: &str) {
    let peer = to.ready()["peer_id"].as_str().unwrap().to_owned();
    from.send(&format!("/msg {peer} {text}"));
    to.message(text);
    from.event("delivered", |event| event["to"] == peer);
}

/// A node that looks often enough for a test.
fn eager(name: &str, server: &Server) -> Start {
    node(name)
        .at(&server.address)
        .env("PAPO_RENDEZVOUS__DISCOVERY_INTERVAL", "1s")
        .env("PAPO_CONNECTION__RECONNECT_BACKOFF_BASE", "100ms")
        .env("PAPO_CONNECTION__RECONNECT_BACKOFF_MAX", "200ms")
}

#[test]
fn records_survive_a_rendezvous_server_that_is_killed_and_nodes_keep_talking() {
    let server = Server::start();
    let mut alice = eager("alice", &server).start();
    let mut bob = eager("bob", &server).start();
    alice.meets("bob@lobby");
    bob.meets("alice@lobby");
    // Only what was answered is promised to survive.
    for node in [&alice, &bob] {
        node.event("rendezvous", |event| event["state"] == "registered");
    }
    assert_eq!(names_at(&server.address), ["alice", "bob"]);
    let address = server.address.clone();
    server.program.kill();
    talk(&mut alice, &mut bob, "while it is gone");
    alice.event("rendezvous", |event| event["state"] == "unreachable");
    let mark = alice.mark();
    let server = Server::start_at(server.port(), server.program.home());
    assert_eq!(server.address, address);
    assert_eq!(names_at(&server.address), ["alice", "bob"]);
    let carol = eager("carol", &server).start();
    carol.meets("alice@lobby");
    carol.meets("bob@lobby");
    // The outage that was told has ended, and that is told too.
    alice.event_after(mark, "rendezvous", |event| event["state"] == "registered");
    alice.leave();
    assert_eq!(names_at(&server.address), ["bob", "carol"]);
}

#[test]
fn nodes_register_again_at_a_rendezvous_server_that_has_lost_its_records() {
    let server = Server::start();
    let mut alice = eager("alice", &server).start();
    let mut bob = eager("bob", &server).start();
    alice.meets("bob@lobby");
    bob.meets("alice@lobby");
    server.program.kill();
    alice.event("rendezvous", |event| event["state"] == "unreachable");
    bob.event("rendezvous", |event| event["state"] == "unreachable");
    let (marks, server) = (
        (alice.mark(), bob.mark()),
        Server::start_at(server.port(), &Home::new()),
    );
    let again = |event: &Value| event["state"] == "registered";
    alice.event_after(marks.0, "rendezvous", again);
    bob.event_after(marks.1, "rendezvous", again);
    assert_eq!(names_at(&server.address), ["alice", "bob"]);
    talk(&mut alice, &mut bob, "and they talk");
}

#[test]
fn another_node_hosts_the_rendezvous_after_the_host_was_killed() {
    check(&Home::new(), |host| host.kill());
}

#[test]
fn another_node_hosts_the_rendezvous_after_the_host_left() {
    check(&Home::new(), |host| {
        host.signal(Signal::SIGTERM);
        assert_eq!(host.exit_code(), 0);
    });
}

#[test]
fn another_node_hosts_the_rendezvous_after_the_host_left_with_its_records() {
    // Nodes of another user have no file to load: all that are left register again.
    let ports = Ports::free();
    let mut alice = node("alice").embedded(&ports).start();
    alice.ready();
    let bob = node("bob").embedded(&ports).start();
    let carol = node("carol").embedded(&ports).start();
    for node in [&bob, &carol] {
        node.meets("alice@lobby");
    }
    bob.meets("carol@lobby");
    alice.kill();
    a_new_node_finds(&ports, &Home::new(), &["bob", "carol"], [bob, carol]);
    alice.end_input();
}

fn check(home: &Home, end: impl FnOnce(&Node)) {
    let ports = Ports::free();
    let start = |name| node(name).embedded(&ports).home(home).start();
    let alice = start("alice");
    let ready = alice.ready();
    assert_eq!(ready["rendezvous"], ports.address().as_str());
    let (bob, carol) = (start("bob"), start("carol"));
    for node in [&bob, &carol] {
        node.meets("alice@lobby");
    }
    bob.meets("carol@lobby");
    end(&alice);
    a_new_node_finds(&ports, home, &["bob", "carol"], [bob, carol]);
}

/// Ten seconds after the host's end a new node finds those that are left, and is found by them.
fn a_new_node_finds(ports: &Ports, home: &Home, names: &[&str], left: [Node; 2]) {
    let ended = Instant::now();
    let dave = node("dave").embedded(ports).home(home).start();
    dave.ready();
    let rest = || PROMISE.saturating_sub(ended.elapsed());
    for name in names {
        let peer = format!("{name}@lobby");
        dave.event_within(rest(), 0, "peer_connected", |event| event["peer"] == peer);
    }
    for node in left {
        node.event_within(rest(), 0, "peer_connected", |event| {
            event["peer"] == "dave@lobby"
        });
    }
    assert_eq!(dave.ready()["rendezvous"], ports.address().as_str());
}

#[test]
fn a_rendezvous_that_does_not_answer_is_told_once_and_join_still_links_and_talks() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap().to_string();
    let mut alice = node("alice").alone().start();
    let mut bob = node("bob")
        .at(&address)
        .with(["--join", &alice.address()])
        .env("PAPO_CONNECTION__RECONNECT_BACKOFF_BASE", "50ms")
        .env("PAPO_CONNECTION__RECONNECT_BACKOFF_MAX", "100ms")
        .start();
    bob.meets("alice@lobby");
    talk(&mut bob, &mut alice, "hello");
    talk(&mut alice, &mut bob, "hello back");
    // Each of its attempts is closed without a word.
    for _ in 0..5 {
        drop(nobody.accept().unwrap());
    }
    let unreachable = |event: &&Value| event["state"] == "unreachable";
    bob.event("rendezvous", |event| unreachable(&event));
    bob.leave();
    let told = bob.events("rendezvous");
    assert_eq!(told.iter().filter(unreachable).count(), 1, "{told:?}");
}

#[test]
fn a_port_of_another_program_is_named_and_left_alone() {
    let ports = Ports::free();
    // It accepts and says nothing.
    let _foreign = TcpListener::bind(ports.address()).unwrap();
    let alice = node("alice").embedded(&ports).start();
    let second = format!("127.0.0.1:{}", ports.first() + 1);
    assert_eq!(alice.ready()["rendezvous"], second.as_str());
    let foreign = alice.event("rendezvous", |event| event["state"] == "foreign_program");
    assert_eq!(foreign["port"], ports.first());
    let bob = node("bob").embedded(&ports).start();
    assert_eq!(bob.ready()["rendezvous"], second.as_str());
    bob.meets("alice@lobby");
}

#[test]
fn the_fifty_first_connection_in_a_minute_is_closed_and_the_next_is_told_why() {
    let server = Server::start();
    let request = r#"{"type":"DISCOVER"}"#;
    for _ in 0..50 {
        assert_eq!(
            ask(&server.address, request).trim(),
            r#"{"status": "ERROR", "message": "peer_not_registered"}"#
        );
    }
    assert_eq!(ask(&server.address, request), "");
    let told = ask(&server.address, request);
    let told: Value = serde_json::from_str(&told).unwrap();
    let told = told["message"].as_str().unwrap();
    assert!(told.starts_with("Connection from 127.0.0.1:"), "{told}");
    assert!(told.contains(" has been blocked due to excessive login attempts (limit: 50). The block will be lifted in "), "{told}");
}

#[test]
fn a_rendezvous_server_prints_the_line_for_the_others() {
    let server = Server::start();
    let line = server.program.line("on the other machines:");
    assert_eq!(
        line,
        format!(
            "on the other machines:  papo --rendezvous {}",
            server.address
        )
    );
    server.program.signal(Signal::SIGINT);
    assert_eq!(server.program.exit_code(), 0);
}

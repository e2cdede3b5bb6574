//! Very many connections, and too few descriptors for them.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use serde_json::{Value, json};

use super::{is_well, memory};
use crate::{
    interop::{
        alice,
        client::{hello, publication},
    },
    support::LIMIT,
};

/// As many descriptors as the system gives this process.
fn descriptors() -> usize {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let wanted = hard.min(65_536);
    // It may be as high already, or not be allowed.
    let _ = setrlimit(Resource::RLIMIT_NOFILE, wanted, hard);
    let (soft, _) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    usize::try_from(soft).unwrap()
}

#[test]
fn a_thousand_connects_at_once_keep_nobody_out() {
    descriptors();
    let mut node = alice()
        .env("PAPO_CONNECTION__HANDSHAKE_TIMEOUT", "1s")
        .start();
    let address = node.address();
    for round in 0..3 {
        let crowd: Vec<TcpStream> = (0..1000)
            .map(|_| TcpStream::connect(&address).unwrap())
            .collect();
        is_well(&mut node, &format!("bob{round}"));
        drop(crowd);
    }
    assert!(memory(&node) < 120, "{} MiB", memory(&node));
}

#[test]
fn thousands_of_idle_links_cost_little_and_stop_nobody() {
    // As many as the system lets this process and the node open, each its end of a link.
    let count = 10_000.min(descriptors().saturating_sub(2000));
    let mut node = alice()
        .env("PAPO_CONNECTION__MAX_INBOUND", "11000")
        .env("PAPO_LOGGING__LEVEL", "warn")
        .start();
    let address = node.address();
    let before = memory(&node);
    let mut links = Vec::new();
    for number in 0..count {
        let mut link = TcpStream::connect(&address).unwrap();
        let greeting = hello("HELLO", &format!("idle{number}@lobby"));
        link.write_all(format!("{greeting}\n").as_bytes()).unwrap();
        links.push(link);
    }
    for link in &mut links {
        link.set_read_timeout(Some(LIMIT)).unwrap();
        let mut answer = [0; 20];
        link.read_exact(&mut answer).unwrap();
        assert!(answer.starts_with(b"{\"type\":\"HELLO_OK\""));
    }
    node.meets(&format!("idle{}@lobby", count - 1));
    is_well(&mut node, "bob");
    let ended = node.events("peer_disconnected");
    let idle = |event: &&Value| event["peer"].as_str().unwrap().starts_with("idle");
    assert_eq!(ended.iter().find(idle), None);
    let grown = memory(&node).saturating_sub(before);
    let most = 30 + count / 60;
    assert!(grown < most, "{grown} MiB for {count} links");
}

#[test]
fn thousands_of_ids_that_come_and_go_leave_little_behind() {
    let mut node = alice().env("PAPO_LOGGING__LEVEL", "warn").start();
    let address = node.address();
    let before = memory(&node);
    for number in 0..3000 {
        let mut link = TcpStream::connect(&address).unwrap();
        let (id, text) = (format!("passer-by-{number}@lobby"), "x".repeat(1000));
        let mut greeting = hello("HELLO", &id);
        // Without the gaps that a plain client gets.
        greeting["features"] = json!(["stream"]);
        let lines = [
            greeting,
            publication(&number.to_string(), "*", &text),
            json!({"type": "BYE"}),
        ];
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        link.write_all(lines.as_bytes()).unwrap();
        // Until the node has ended its writing.
        link.set_read_timeout(Some(LIMIT)).unwrap();
        link.read_to_end(&mut Vec::new()).unwrap();
    }
    is_well(&mut node, "bob");
    let grown = memory(&node).saturating_sub(before);
    assert!(grown < 60, "{grown} MiB");
}

#[test]
fn out_of_descriptors_accepting_pauses_and_goes_on() {
    let mut node = alice().descriptors(32).start();
    let address = node.address();
    let crowd: Vec<TcpStream> = (0..60)
        .map(|_| TcpStream::connect(&address).unwrap())
        .collect();
    node.log("Accepting pauses");
    // Told in the course of the start; an `ask` would take it for its answer.
    node.event("error", |event| event["code"] == "few_descriptors");
    assert!(
        node.ask("/metrics")["data"]["accept_pauses"]
            .as_u64()
            .unwrap()
            > 0
    );
    drop(crowd);
    is_well(&mut node, "bob");
    node.leave();
}

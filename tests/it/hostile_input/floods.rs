//! One peer floods; the messages of others still get through.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use super::{is_well, memory};
use crate::interop::{
    alice,
    client::{Client, hello, publication, send},
};

#[test]
fn a_flood_of_garbage_stops_nobody_else() {
    check(&"garbage\n".repeat(1000));
}

#[test]
fn a_flood_of_pings_stops_nobody_else() {
    let ping = json!({"type": "PING", "msg_id": "p", "timestamp": "2026-01-01T00:00:00Z"});
    check(&format!("{ping}\n").repeat(200));
}

#[test]
fn a_flood_of_hellos_and_strays_stops_nobody_else() {
    let lines = [
        hello("HELLO", "mallory@lobby"),
        json!({"type": "ACK", "msg_id": "stray"}),
        json!({"type": "BYE_OK"}),
        json!({"type": "PONG", "msg_id": "stray"}),
    ];
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    check(&lines.repeat(100));
}

#[test]
fn a_flood_of_repeated_sends_stops_nobody_else() {
    check(&format!("{}\n", send("m-1", "again and again")).repeat(200));
}

#[test]
fn ten_thousand_texts_of_one_peer_are_shown_and_another_is_heard_between_them() {
    let node = alice().start();
    let mallory = Client::dial(&node.address(), "mallory@lobby");
    let honest = Client::dial(&node.address(), "bob@lobby");
    let flood: Vec<Value> = (0..10_000)
        .map(|n| publication(&format!("m-{n}"), "*", &format!("flood {n}")))
        .collect();
    thread::scope(|scope| {
        scope.spawn(|| mallory.say_together(&flood));
        for number in 0..10 {
            honest.say(&send(&format!("m-{number}"), &format!("text {number}")));
            honest.hears_one("ACK", |line| line["msg_id"] == format!("m-{number}"));
        }
    });
    node.message("flood 9999");
    node.message("text 9");
    assert_eq!(node.texts().len(), 10_010, "none is lost");
    assert!(memory(&node) < 150, "{} MiB", memory(&node));
}

/// While one peer, that reads what it is told, floods: twenty messages of another are shown and acknowledged.
fn check(flood: &str) {
    let mut node = alice().start();
    let mallory = Client::connect(&node.address());
    let mut greeting = hello("HELLO", "mallory@lobby");
    greeting["features"] = json!(["ack", "stream"]);
    mallory.say(&greeting);
    mallory.hears("HELLO_OK");
    let honest = Client::dial(&node.address(), "bob@lobby");
    let over = Arc::new(AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) && mallory.try_write(flood.as_bytes()).is_ok() {}
        });
        for number in 0..20 {
            let text = format!("text {number}");
            honest.say(&send(&format!("m-{number}"), &text));
            node.message(&text);
            honest.hears_one("ACK", |line| line["msg_id"] == format!("m-{number}"));
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(memory(&node) < 150, "{} MiB", memory(&node));
    is_well(&mut node, "carol");
}

//! Peers that do not read, or hardly write.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::json;
use socket2::{Domain, Socket, Type};

use super::{is_well, memory};
use crate::{
    interop::{
        alice,
        client::{Client, hello, send},
    },
    support::LIMIT,
};

/// A peer that reads HELLO_OK and nothing ever after, with little room for what it does not read.
fn deaf(address: &str, features: &[&str]) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address: SocketAddr = address.parse().unwrap();
    socket.connect(&address.into()).unwrap();
    let mut stream: TcpStream = socket.into();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let mut greeting = hello("HELLO", "deaf@lobby");
    greeting["features"] = json!(features);
    stream
        .write_all(format!("{greeting}\n").as_bytes())
        .unwrap();
    let mut first = [0; 1];
    while first != *b"\n" {
        stream.read_exact(&mut first).unwrap();
    }
    stream
}

#[test]
fn who_never_reads_what_it_causes_loses_its_link_and_the_node_no_memory() {
    let mut node = alice().start();
    let before = memory(&node);
    let mut deaf = deaf(&node.address(), &["ack", "stream"]);
    let honest = Client::dial(&node.address(), "bob@lobby");
    let pings = "{\"type\":\"PING\",\"msg_id\":\"p\"}\n".repeat(1000);
    while deaf.write_all(pings.as_bytes()).is_ok() {}
    let ended = node.event("peer_disconnected", |event| event["peer"] == "deaf@lobby");
    assert!(
        ended["reason"].as_str().unwrap().contains("does not read"),
        "{ended}"
    );
    honest.ping("alive");
    assert!(
        memory(&node) < before + 50,
        "{before} MiB, then {}",
        memory(&node)
    );
    is_well(&mut node, "carol");
}

#[test]
fn a_plain_client_that_never_reads_is_not_read_either() {
    let mut node = alice().start();
    let before = memory(&node);
    let mut deaf = deaf(&node.address(), &["ack"]);
    deaf.set_write_timeout(Some(Duration::from_secs(1)))
        .unwrap();
    let pings = "{\"type\":\"PING\",\"msg_id\":\"p\"}\n".repeat(1000);
    // Until nobody takes any more.
    while deaf.write_all(pings.as_bytes()).is_ok() {}
    assert!(
        memory(&node) < before + 50,
        "{before} MiB, then {}",
        memory(&node)
    );
    is_well(&mut node, "carol");
}

#[test]
fn publications_wait_once_for_who_does_not_read_and_reach_all_others() {
    let mut node = alice().env("PAPO_CONNECTION__PUB_WAIT", "200ms").start();
    let before = memory(&node);
    let _deaf = deaf(&node.address(), &["ack", "stream"]);
    let honest = Client::connect(&node.address());
    let mut greeting = hello("HELLO", "bob@lobby");
    greeting["features"] = json!(["ack", "stream"]);
    honest.say(&greeting);
    node.meets("bob@lobby");
    node.meets("deaf@lobby");
    let text = "x".repeat(30_000);
    for number in 0..600 {
        node.send(&format!("/pub * {number} {text}"));
    }
    let heard = honest.hears_many("PUB", 600);
    assert!(heard[599]["payload"].as_str().unwrap().starts_with("599 "));
    assert!(
        memory(&node) < before + 100,
        "{before} MiB, then {}",
        memory(&node)
    );
    is_well(&mut node, "carol");
}

#[test]
fn who_drips_its_lines_byte_by_byte_is_heard_when_they_are_whole_and_delays_nobody() {
    let mut node = alice().start();
    let before = memory(&node);
    let dripping = Client::dial(&node.address(), "drip@lobby");
    let honest = Client::dial(&node.address(), "bob@lobby");
    let line = format!("{}\n", send("m-1", "at last"));
    let (last, drops) = line.as_bytes().split_last().unwrap();
    for (number, drop) in drops.iter().enumerate() {
        dripping.write(&[*drop]);
        // A round trip with someone else between two bytes.
        honest.ping(&format!("p-{number}"));
    }
    assert_eq!((node.texts().len(), dripping.count("ACK")), (0, 0));
    dripping.write(&[*last]);
    node.message("at last");
    dripping.hears("ACK");
    assert!(memory(&node) < before + 20);
    is_well(&mut node, "carol");
}

#[test]
fn who_drips_its_hello_byte_by_byte_is_closed_when_the_time_for_it_is_over() {
    let mut node = alice()
        .env("PAPO_CONNECTION__HANDSHAKE_TIMEOUT", "500ms")
        .start();
    let honest = Client::dial(&node.address(), "bob@lobby");
    let dripping = Client::connect(&node.address());
    let mut drops = 0;
    while !dripping.has_ended() {
        assert!(drops < 5000, "it may drip for ever");
        dripping.write(b" ");
        // A round trip with someone else between two bytes.
        honest.ping(&format!("p-{drops}"));
        drops += 1;
    }
    assert!(dripping.segments().is_empty());
    is_well(&mut node, "carol");
}

//! Peers that are not what they should be: words that would harm a terminal, lines that are none, a web page.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::json;

use crate::support::{LIMIT, RawPeer, node, text_node};

const TEXT: &str =
    "red\u{1b}[31m bell\u{7} bidi\u{202e}x\u{2066} hidden\u{200b} null\u{0} two\nlines";
const ID: &str = "mallory\u{1b}[2J\u{202e}\nfoo@lob\u{7}by";

#[test]
fn words_of_a_stranger_are_escaped_in_text() {
    let mut alice = text_node("alice").alone().start();
    let address = alice.line("listening on 127.0.0.1:");
    let address = address
        .split("listening on ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    let mut mallory = RawPeer::dial(address, ID);
    mallory.send("1", TEXT);
    mallory.hears("ACK");
    mallory.say(&json!({"type": "PUB", "msg_id": "2", "src": ID, "dst": "#\u{1b}]0;x\u{7}", "payload": TEXT, "require_ack": false, "ttl": 1}));
    mallory.say(
        &json!({"type": "BYE", "msg_id": "3", "src": ID, "dst": "", "reason": TEXT, "ttl": 1}),
    );
    alice.line("is gone: it left");
    alice.send("/history");
    alice.send("/peers");
    alice.send("/metrics");
    alice.line("rendezvous_saves");
    alice.leave();
    for line in alice.printed().iter().chain(&alice.logged()) {
        assert!(is_safe(line), "{line:?}");
    }
    // A message and its part of /history are one line each, with the newline shown.
    let texts: Vec<_> = alice
        .printed()
        .into_iter()
        .filter(|line| line.contains(" ⏎ lines"))
        .collect();
    assert_eq!(texts.len(), 4, "{texts:?}");
    assert!(
        texts[0].contains(
            r"red\u{1b}[31m bell\u{7} bidi\u{202e}x\u{2066} hidden\u{200b} null\u{0} two ⏎ lines"
        ),
        "{texts:?}"
    );
}

fn is_safe(line: &str) -> bool {
    let is_hidden = |sign: char| matches!(sign, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !line
        .chars()
        .any(|sign| sign.is_control() || is_hidden(sign))
}

#[test]
fn words_of_a_stranger_are_unaltered_in_json() {
    let alice = node("alice").alone().start();
    let mut mallory = RawPeer::dial(&alice.address(), ID);
    mallory.send("1", TEXT);
    let event = alice.message(TEXT);
    assert_eq!(
        (&event["from"], &event["msg_id"]),
        (&ID.into(), &"1".into())
    );
    alice.meets(ID);
    // The log is for people.
    for line in alice.logged() {
        assert!(is_safe(&line), "{line:?}");
    }
}

#[test]
fn a_repeated_send_is_acknowledged_again_and_shown_once() {
    let mut alice = node("alice").alone().start();
    let mut bob = RawPeer::dial(&alice.address(), "bob@lobby");
    for _ in 0..3 {
        bob.send("same", "once");
    }
    bob.send("same", "another text");
    alice.message("another text");
    bob.ping("all of it");
    assert_eq!(bob.heard().iter().filter(|kind| *kind == "ACK").count(), 4);
    drop(bob);
    alice.leave();
    assert_eq!(alice.texts(), ["once", "another text"]);
}

#[test]
fn lines_that_are_no_message_are_counted_and_the_link_stays() {
    let mut alice = node("alice").alone().start();
    let mut bob = RawPeer::dial(&alice.address(), "bob@lobby");
    for line in [
        json!([1, 2]),
        json!("text"),
        json!({"type": "DANCE"}),
        json!({"no": "type"}),
        json!({"type": "SEND"}),
    ] {
        bob.say(&line);
    }
    bob.say(&json!({"type": "ACK", "msg_id": "of nothing"}));
    bob.say(&json!({"type": "PONG", "msg_id": "of nothing"}));
    bob.send("1", "still here");
    alice.message("still here");
    bob.ping("all of it");
    let metrics = alice.ask("/metrics");
    assert_eq!(metrics["data"]["lines_ignored"], 7, "{metrics}");
    assert_eq!(alice.events("peer_disconnected").len(), 0);
}

#[test]
fn a_line_over_the_limit_ends_the_link_and_not_the_node() {
    let alice = node("alice").alone().start();
    let mut bob = RawPeer::dial(&alice.address(), "bob@lobby");
    alice.meets("bob@lobby");
    bob.send("1", &"x".repeat(40_000));
    let gone = alice.event("peer_disconnected", |event| event["peer"] == "bob@lobby");
    assert_eq!(gone["reason"], "it sent a line over 32768 bytes");
    bob.hears_the_end();
    let mut bob = RawPeer::dial(&alice.address(), "bob@lobby");
    bob.send("2", "back again");
    alice.message("back again");
}

#[test]
fn what_does_not_begin_with_hello_is_closed_without_an_answer() {
    let alice = node("alice").alone().start();
    for first in [
        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "{\"type\":\"SEND\"}\n",
        "{\"type\":\"HELLO\",\"peer_id\":\"nobody\"}\n",
    ] {
        let mut stream = TcpStream::connect(alice.address()).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.write_all(first.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // A reset is a way to close, too.
        drop(stream.read_to_end(&mut answer));
        assert!(
            answer.is_empty(),
            "{first:?}: {}",
            String::from_utf8_lossy(&answer)
        );
    }
    let mut bob = RawPeer::dial(&alice.address(), "bob@lobby");
    bob.ping("all is well");
}

#[test]
fn who_comes_under_our_own_name_is_told_so() {
    let alice = node("alice").alone().start();
    let thief = RawPeer::dial(&alice.address(), "alice@lobby");
    assert_eq!(thief.hears("BYE")["reason"], "name in use");
    alice.event("error", |event| event["code"] == "name_in_use");
    assert_eq!(alice.events("peer_connected").len(), 0);
}

#[test]
fn a_flood_from_one_peer_does_not_keep_another_from_being_heard() {
    let mut alice = node("alice").alone().start();
    let mut flood = RawPeer::dial(&alice.address(), "flood@lobby");
    let mut quiet = RawPeer::dial(&alice.address(), "quiet@lobby");
    let number = 5_000;
    let last = (number - 1).to_string();
    let pouring = std::thread::spawn(move || {
        for at in 0..number {
            flood.send(&at.to_string(), &format!("flood {at}"));
        }
        flood
    });
    quiet.send("1", "listen to me");
    alice.message("listen to me");
    let flood = pouring.join().unwrap();
    alice.message(&format!("flood {last}"));
    flood.hears_one("ACK", |line| line["msg_id"] == last);
    drop((flood, quiet));
    alice.leave();
    let texts = alice.texts();
    let flooded: Vec<_> = texts
        .into_iter()
        .filter(|text| text != "listen to me")
        .collect();
    let expected: Vec<_> = (0..number).map(|at| format!("flood {at}")).collect();
    assert_eq!(flooded, expected);
}

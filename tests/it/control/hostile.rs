//! Clients of the control socket that misbehave: none crashes, stalls or fills the node.

use std::{io::Write, os::unix::net::UnixStream};

use serde_json::{Value, json};

use crate::support::{Control, RawPeer, control_path, node};

#[test]
fn garbage_is_answered_with_errors_and_the_next_command_runs() {
    let alice = node("alice").alone().start();
    let mut client = Control::of(&alice);
    for line in [
        "{",
        "{}",
        "{\"command\":7}",
        "[]",
        "\u{7}\u{1b}[2J",
        "/nope",
        "{\"command\":\"msg\"}",
    ] {
        client.say(line);
    }
    client.say(&"[".repeat(100_000));
    assert_eq!(client.ask(json!({"command": "status"}), "1")["ok"], true);
    let codes: Vec<Value> = client
        .events("error")
        .iter()
        .map(|it| it["code"].clone())
        .collect();
    assert!(
        codes.iter().filter(|it| **it == "bad_command").count() >= 4,
        "{codes:?}"
    );
    assert!(codes.contains(&"unknown_command".into()), "{codes:?}");
}

#[test]
fn an_overlong_line_is_refused_with_its_length_and_the_next_one_runs() {
    let alice = node("alice").alone().start();
    let mut client = Control::of(&alice);
    client.say(&"x".repeat(300 * 1024));
    assert_eq!(client.ask(json!({"command": "status"}), "1")["ok"], true);
    let error = &client.events("error")[0];
    assert_eq!(error["code"], "too_long");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("45056 bytes too long"),
        "{error}"
    );
    let reference = "r".repeat(300);
    client.say(&json!({"command": "status", "ref": reference}).to_string());
    client.event("error", |error| {
        error["message"].as_str().unwrap().contains("ref")
    });
}

#[test]
fn a_client_that_does_not_read_holds_nobody_up_and_is_told_what_it_missed() {
    let alice = node("alice").alone().start();
    let mut slow = UnixStream::connect(control_path(&alice)).unwrap();
    let mut quick = Control::of(&alice);
    let mut bob = RawPeer::dial(&alice.address(), "bob@lobby");
    let text = "x".repeat(16 * 1024);
    for number in 0..200 {
        bob.send(&number.to_string(), &text);
    }
    bob.send("last", "the last one");
    quick.event("message", |event| event["text"] == "the last one");
    alice.message("the last one");
    assert_eq!(
        quick.ask(json!({"command": "status"}), "1")["data"]["received"],
        201
    );
    slow.write_all(b"{\"command\":\"status\",\"ref\":\"late\"}\n")
        .unwrap();
    let late = Control::over_stream(slow);
    late.answer("late");
    let skipped = late.event("skipped", |_| true)["count"].as_u64().unwrap();
    let got = late.events("message").len() as u64;
    assert_eq!(skipped + got, 201, "each message is there or counted");
}

#[test]
fn a_client_that_asks_without_reading_is_not_read_any_more() {
    let mut alice = node("alice").alone().start();
    let mut greedy = UnixStream::connect(control_path(&alice)).unwrap();
    greedy.set_nonblocking(true).unwrap();
    let line = b"{\"command\":\"help\"}\n".repeat(100);
    let mut written = 0;
    // Each answer is several times as long as its question.
    while greedy.write(&line).is_ok_and(|count| count > 0) || written < 1 {
        written += 1;
        assert!(written < 100_000, "somebody takes it all");
    }
    let mut other = Control::of(&alice);
    assert_eq!(other.ask(json!({"command": "status"}), "1")["ok"], true);
    alice.leave();
}

#[test]
fn one_client_too_many_is_told_so_and_a_place_is_free_again_later() {
    let alice = node("alice").alone().start();
    let mut clients: Vec<Control> = (0..16).map(|_| Control::of(&alice)).collect();
    let refused = Control::at(&control_path(&alice));
    refused.event("error", |event| event["code"] == "too_many_clients");
    refused.hears_the_end();
    let mut left = clients.pop().unwrap();
    left.ask(json!({"command": "quit"}), "1");
    left.hears_the_end();
    assert_eq!(Control::of(&alice).events("ready").len(), 1);
}

#[test]
fn a_client_that_vanishes_leaves_its_place() {
    let alice = node("alice").alone().start();
    for _ in 0..40 {
        drop(Control::of(&alice));
    }
    let mut client = Control::of(&alice);
    assert_eq!(client.ask(json!({"command": "status"}), "1")["ok"], true);
}

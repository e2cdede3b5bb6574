//! Standard input and output as a pipe: lines in, lines out, and nothing lost at its end.

use serde_json::Value;

use crate::support::{Node, Ports, RawPeer, node, papo, text_node};

#[test]
fn a_line_from_a_pipe_reaches_everyone_who_is_linked_later() {
    let ports = Ports::free();
    let peers = ["alice", "bob"].map(|name| node(name).embedded(&ports).start());
    for peer in &peers {
        peer.event("rendezvous", |event| event["state"] == "registered");
    }
    let mut echo = text_node("echo").embedded(&ports).start();
    echo.send("hello everyone");
    echo.end_input();
    assert_eq!(echo.exit_code(), 0);
    echo.line("-> * #1 hello everyone  (2 peers)");
    for mut peer in peers {
        let event = peer.message("hello everyone");
        assert_eq!(
            (&event["from"], &event["kind"]),
            (&"echo@lobby".into(), &"broadcast".into())
        );
        peer.leave();
        assert_eq!(peer.texts(), ["hello everyone"]);
    }
}

#[test]
fn a_message_from_a_pipe_waits_for_a_peer_that_comes_later() {
    let ports = Ports::free();
    let mut early = text_node("early").embedded(&ports).start();
    early.send("/msg late@lobby good morning");
    early.send("/msg late short name");
    early.end_input();
    early.line("waiting up to 15 s for late@lobby");
    early.line("waiting up to 15 s for late");
    let mut late = node("late").embedded(&ports).start();
    late.message("good morning");
    late.message("short name");
    assert_eq!(early.exit_code(), 0);
    early.line("#1 delivered to late@lobby in ");
    early.line("#2 delivered to late@lobby in ");
    late.leave();
    assert_eq!(late.texts().len(), 2);
}

#[test]
fn a_message_to_a_peer_that_is_not_there_fails_after_the_wait() {
    let start = node("alice").alone().env("PAPO_NODE__PEER_WAIT", "300ms");
    let mut alice = start.start();
    for (to, reference) in [("bob@lobby", "1"), ("bob", "2")] {
        alice.send(&format!(
            r#"{{"command":"msg","to":"{to}","text":"hi","ref":"{reference}"}}"#
        ));
    }
    alice.send(r#"{"command":"pub","to":"*","text":"hi all","ref":"3"}"#);
    alice.send(r##"{"command":"pub","to":"#lobby","text":"hi lobby","ref":"4"}"##);
    for reference in ["1", "2", "3", "4"] {
        let reply = alice.event("reply", |event| event["ref"] == reference);
        assert_eq!(reply["data"]["waiting"], true);
        let failed = alice.event("failed", |event| event["ref"] == reference);
        assert!(!failed["reason"].as_str().unwrap().is_empty());
    }
    alice.leave();
    assert_eq!(alice.events("failed").len(), 4);
}

#[test]
fn an_overlong_text_is_refused_with_the_number_of_bytes_too_many() {
    let mut alice = node("alice").alone().start();
    let mut bob = RawPeer::dial(&alice.address(), "bob@lobby");
    alice.meets("bob@lobby");
    let refused = alice.ask(&format!("/msg bob {}", "x".repeat(40_000)));
    assert_eq!(refused["code"], "too_long", "{refused}");
    let words = refused["message"].as_str().unwrap();
    let number = words
        .trim_start_matches("the message is ")
        .trim_end_matches(" bytes too long");
    let longest = 40_000 - number.parse::<usize>().unwrap();
    let refused = alice.ask(&format!("/msg bob {}", "x".repeat(longest + 1)));
    assert_eq!(refused["message"], "the message is 1 bytes too long");
    assert_eq!(
        alice.ask(&format!("/msg bob {}", "y".repeat(longest)))["event"],
        "reply"
    );
    let send = bob.hears("SEND");
    assert_eq!(send["payload"].as_str().unwrap().len(), longest);
    bob.acknowledge(&send);
    alice.event("delivered", |_| true);
    assert_eq!(bob.heard().iter().filter(|kind| *kind == "SEND").count(), 1);
}

#[test]
fn an_overlong_line_is_refused_and_the_next_one_is_read() {
    let mut alice = node("alice").alone().start();
    let refused = alice.ask(&"x".repeat(256 * 1024 + 7));
    assert_eq!(refused["message"], "the line is 7 bytes too long");
    assert_eq!(alice.ask("/status")["command"], "status");
}

#[test]
fn lines_may_end_as_on_windows_and_empty_ones_are_nothing() {
    let mut alice = node("alice").alone().start();
    let bob = RawPeer::dial(&alice.address(), "bob@lobby");
    alice.meets("bob@lobby");
    alice.send("\r\n\n   \nhello\r\n");
    assert_eq!(bob.hears("PUB")["payload"], "hello");
    alice.send("//not a command");
    bob.hears_one("PUB", |line| line["payload"] == "/not a command");
    assert_eq!(bob.heard().iter().filter(|kind| *kind == "PUB").count(), 2);
}

#[test]
fn command_objects_carry_any_text_and_their_ref_comes_back() {
    let mut alice = node("alice").alone().start();
    let mut bob = node("bob")
        .alone()
        .with(["--join", &alice.address()])
        .start();
    bob.meets("alice@lobby");
    alice.meets("bob@lobby");
    let text = "two\nlines\t\u{1b}[31m \u{202e}\"quoted\" 日本語 🦜";
    let command =
        serde_json::json!({"command": "msg", "to": "alice@lobby", "text": text, "ref": "r-17"});
    bob.send(&command.to_string());
    assert_eq!(alice.message(text)["from"], "bob@lobby");
    for kind in ["sent", "reply", "delivered"] {
        bob.event(kind, |event| event["ref"] == "r-17");
    }
    let cases = [
        (r#"{"command":"msg","to":"alice","ref":"a"}"#, "bad_command"),
        (
            r#"{"command":"msg","to":"alice","text":"x","colour":"red","ref":"b"}"#,
            "bad_command",
        ),
        (
            r#"{"command":"mgs","to":"alice","text":"x","ref":"c"}"#,
            "unknown_command",
        ),
        (
            r#"{"command":"pub","to":"alice@lobby","text":"x","ref":"d"}"#,
            "bad_target",
        ),
        (r#"{"command":"#, "bad_command"),
    ];
    for (line, code) in cases {
        let answer = bob.ask(line);
        assert_eq!(answer["code"], code, "{answer}");
        let reference =
            serde_json::from_str::<Value>(line).map_or(Value::Null, |it| it["ref"].clone());
        assert_eq!(answer["ref"], reference);
        assert!(!answer["hint"].as_str().unwrap().is_empty());
    }
    alice.leave();
    assert_eq!(alice.texts(), [text]);
}

#[test]
fn every_command_answers() {
    let mut alice = node("alice").alone().start();
    let mut bob = node("bob")
        .alone()
        .with(["--join", &alice.address()])
        .start();
    bob.meets("alice@lobby");
    for spec in papo::frontends::cli::command::COMMANDS {
        if spec.name == "quit" {
            continue;
        }
        let example = spec.example.replace("bob", "alice");
        let example = example.replace("192.168.1.7 4000", &alice.address());
        // The bare name first: a command that needs more says what.
        for line in [format!("/{}", spec.name), example] {
            answers(&mut bob, spec.name, &line);
        }
    }
    answers(&mut bob, "quit", "/quit");
    assert_eq!(bob.exit_code(), 0);
    assert!(alice.ask("/peers")["data"]["peers"].is_array());
}

fn answers(node: &mut Node, name: &str, line: &str) {
    let answer = node.ask(line);
    match answer["event"].as_str() {
        Some("reply") => assert_eq!(answer["command"], name, "{line}: {answer}"),
        _ => assert_eq!(answer["code"], "usage", "{line}: {answer}"),
    }
}

#[test]
fn every_command_answers_in_text_too() {
    let mut alice = text_node("alice").alone().start();
    alice.line("/help lists the commands");
    for spec in papo::frontends::cli::command::COMMANDS {
        let mark = alice.mark();
        alice.send(&format!("/{}", spec.name));
        let answer = alice.line_after(mark, "");
        assert!(
            answer.starts_with("  ") || answer.starts_with("! usage: "),
            "{answer}"
        );
    }
    assert_eq!(alice.exit_code(), 0);
}

#[test]
fn an_unknown_command_names_the_nearest_and_is_never_sent() {
    let mut alice = node("alice").alone().start();
    let mut bob = RawPeer::dial(&alice.address(), "bob@lobby");
    alice.meets("bob@lobby");
    for (line, hint) in [
        ("/mgs bob hi", "did you mean /msg?"),
        ("/stat", "did you mean /status?"),
        ("/peer", "did you mean /peers?"),
        (
            "/xyzzy",
            "/help lists the commands; //text sends a text that begins with a slash",
        ),
        ("/debug panic router", "/help lists the commands"),
    ] {
        let answer = alice.ask(line);
        assert_eq!(
            (&answer["code"], &answer["hint"]),
            (&"unknown_command".into(), &hint.into()),
            "{line}"
        );
    }
    alice.ask("a text");
    bob.hears("PUB");
    bob.ping("all of it");
    assert_eq!(bob.heard(), ["HELLO_OK", "PUB", "PONG"]);
}

#[test]
fn a_message_to_oneself_or_to_nobody_says_what_to_do() {
    let mut alice = node("alice").alone().start();
    assert_eq!(alice.ask("/msg alice hi")["code"], "ourselves");
    assert_eq!(alice.ask("/msg * hi")["code"], "bad_target");
    assert_eq!(
        alice.ask("/connect nowhere.invalid 4000")["code"],
        "unknown_host"
    );
    let version = papo(["--version"]).start();
    assert_eq!(version.exit_code(), 0);
    version.line("papo ");
}

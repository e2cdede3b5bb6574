//! The control socket: events and answers, several clients, where it is and what becomes of it.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::{Control, Home, LIMIT, Ports, RawPeer, control_path, node, papo};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_client_gets_events_and_the_answers_to_its_own_commands() {
    let mut alice = node("alice").alone().start();
    let mut client = Control::of(&alice);
    let ready = client.event("ready", |_| true);
    assert_eq!(ready["peer_id"], "alice@lobby");
    assert_eq!(ready["control"], alice.ready()["control"]);
    let mut bob = RawPeer::dial(&alice.address(), "bob@lobby");
    client.event("peer_connected", |event| event["peer"] == "bob@lobby");
    let status = client.ask(json!({"command": "status"}), "s");
    assert_eq!(status["data"]["connected"], 1);
    bob.send("1", "hi there");
    let message = client.event("message", |_| true);
    assert_eq!(
        (&message["text"], &message["from"]),
        (&"hi there".into(), &"bob@lobby".into())
    );
    let reply = client.send("bob", "hello", "17");
    assert_eq!(reply["data"]["peers"], 1);
    let send = bob.hears("SEND");
    assert_eq!(send["payload"], "hello");
    bob.acknowledge(&send);
    client.event("delivered", |event| event["ref"] == "17");
    let refused = client.send("nobody@lobby@", "", "18");
    assert_eq!(refused["code"], "bad_command");
    let metrics = client.ask(json!({"command": "metrics"}), "m");
    assert_eq!(metrics["data"]["texts_delivered"], 1);
    alice.leave();
    client.hears_the_end();
}

#[test]
fn answers_and_references_go_to_the_client_that_asked_and_events_to_all() {
    let mut alice = node("alice").alone().start();
    let (mut one, other) = (Control::of(&alice), Control::of(&alice));
    let mut bob = RawPeer::dial(&alice.address(), "bob@lobby");
    alice.meets("bob@lobby");
    one.send("bob", "from one", "1");
    bob.acknowledge(&bob.hears("SEND"));
    one.event("delivered", |event| event["ref"] == "1");
    let told = other.event("delivered", |_| true);
    assert_eq!(told["ref"], Value::Null, "the other may use the same words");
    let told = alice.event("delivered", |_| true);
    assert_eq!(told["ref"], Value::Null);
    alice.ask(r#"{"command":"msg","to":"bob","text":"typed","ref":"1"}"#);
    alice.event("sent", |event| event["ref"] == "1");
    one.event("sent", |event| event["number"] == 2 && event["ref"] == "1");
    assert_eq!(other.events("reply"), Vec::<Value>::new());
    assert_eq!(alice.events("reply").len(), 1);
}

#[test]
fn each_client_has_a_conversation_of_its_own_and_quit_ends_it_alone() {
    let mut alice = node("alice").alone().start();
    let (mut one, mut other) = (Control::of(&alice), Control::of(&alice));
    let bob = RawPeer::dial(&alice.address(), "bob@lobby");
    alice.meets("bob@lobby");
    one.ask(json!({"command": "to", "to": "bob"}), "1");
    one.say("to bob alone");
    other.say("to everyone");
    bob.hears_one("SEND", |line| line["payload"] == "to bob alone");
    bob.hears_one("PUB", |line| line["payload"] == "to everyone");
    assert_eq!(one.ask(json!({"command": "quit"}), "2")["ok"], true);
    one.hears_the_end();
    assert_eq!(other.ask(json!({"command": "status"}), "3")["ok"], true);
    alice.leave();
}

#[test]
fn at_the_end_of_its_input_a_client_is_told_what_became_of_its_messages() {
    let alice = node("alice").alone().start();
    let mut client = Control::of(&alice);
    let mut bob = RawPeer::dial(&alice.address(), "bob@lobby");
    alice.meets("bob@lobby");
    client.send("bob", "the last word", "1");
    client.end_input();
    let send = bob.hears("SEND");
    bob.acknowledge(&send);
    client.hears_the_end();
    assert_eq!(client.events("delivered").len(), 1);
}

#[test]
fn who_wants_own_events_only_gets_no_others() {
    let alice = node("alice").alone().start();
    let (mut quiet, curious) = (Control::of(&alice), Control::of(&alice));
    quiet.ask(json!({"command": "events", "argument": "own"}), "1");
    let mut bob = RawPeer::dial(&alice.address(), "bob@lobby");
    bob.send("1", "for the curious");
    curious.event("message", |_| true);
    quiet.send("bob", "mine", "2");
    bob.acknowledge(&bob.hears("SEND"));
    quiet.event("delivered", |event| event["ref"] == "2");
    let others = ["message", "peer_connected"].map(|kind| quiet.events(kind).len());
    assert_eq!(others, [0, 0]);
}

#[test]
fn a_text_waits_for_its_peer_as_long_as_the_command_says() {
    let alice = node("alice").alone().start();
    let mut client = Control::of(&alice);
    let message = json!({"command": "msg", "to": "bob@lobby", "text": "hi", "wait_ms": 50});
    assert_eq!(client.ask(message, "1")["data"]["waiting"], true);
    client.event("failed", |event| event["ref"] == "1");
}

#[test]
fn the_socket_is_the_users_alone_and_is_removed_at_the_end() {
    let mut alice = node("alice").alone().start();
    let path = control_path(&alice);
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let client = Control::of(&alice);
    alice.leave();
    client.hears_the_end();
    assert!(!path.exists());
}

#[test]
fn what_a_crash_left_behind_is_replaced() {
    let home = Home::new();
    let alice = node("alice").alone().home(&home).start();
    let path = control_path(&alice);
    alice.kill();
    assert!(path.exists());
    let again = node("alice").alone().home(&home).start();
    assert_eq!(control_path(&again), path);
    assert_eq!(Control::of(&again).events("ready").len(), 1);
}

#[test]
fn two_nodes_of_one_user_have_a_socket_each_and_a_signal_removes_it() {
    let (home, ports) = (Home::new(), Ports::free());
    let runtime = home.path().join("run");
    fs::create_dir(&runtime).unwrap();
    let start = || {
        let start = papo(["serve", "--json", "--port", "0"])
            .embedded(&ports)
            .home(&home);
        start
            .env("XDG_RUNTIME_DIR", runtime.to_str().unwrap())
            .env("USER", "alice")
            .start()
    };
    let (one, other) = (start(), start());
    let paths = [&one, &other].map(control_path);
    assert_ne!(paths[0], paths[1]);
    assert!(
        paths
            .iter()
            .all(|path| path.starts_with(runtime.join("papo"))),
        "{paths:?}"
    );
    for (node, path) in [(&one, &paths[0]), (&other, &paths[1])] {
        let client = Control::at(path);
        let ready = client.event("ready", |_| true);
        assert_eq!(ready["peer_id"], node.ready()["peer_id"]);
    }
    one.signal(Signal::SIGTERM);
    assert_eq!(one.exit_code(), 0);
    assert!(!paths[0].exists() && paths[1].exists());
}

#[test]
fn nodes_with_the_same_name_and_other_data_folders_do_not_take_each_others_socket() {
    let runtime = Home::new();
    let start = || {
        let start = node("alice").alone();
        start
            .env("XDG_RUNTIME_DIR", runtime.path().to_str().unwrap())
            .start()
    };
    let (one, other) = (start(), start());
    assert_ne!(control_path(&one), control_path(&other));
    for alice in [&one, &other] {
        let ready = Control::of(alice).event("ready", |_| true);
        assert_eq!(ready["listen"], alice.ready()["listen"]);
    }
}

#[test]
fn a_path_that_is_too_long_is_said_and_the_node_runs_without() {
    let home = Home::new();
    let deep = home.path().join("d".repeat(100));
    let mut alice = node("alice")
        .alone()
        .with(["--data-dir", deep.to_str().unwrap()])
        .start();
    let ready = alice.ready();
    assert_eq!(ready["control"], Value::Null);
    let notices = ready["notices"].to_string();
    assert!(
        notices.contains("no control socket: its path would be longer than"),
        "{notices}"
    );
    alice.leave();
}

#[test]
fn a_panic_of_the_control_actor_ends_no_client() {
    let alice = node("alice").alone().debug().start();
    let mut client = Control::of(&alice);
    client.say("/debug panic control");
    client.event("actor_restarting", |event| event["actor"] == "control");
    let mut later = Control::of(&alice);
    assert_eq!(later.ask(json!({"command": "status"}), "1")["ok"], true);
    assert_eq!(client.ask(json!({"command": "status"}), "2")["ok"], true);
    let _bob = RawPeer::dial(&alice.address(), "bob@lobby");
    client.event("peer_connected", |_| true);
    later.event("peer_connected", |_| true);
    alice.signal(Signal::SIGTERM);
    assert_eq!(alice.exit_code(), 0, "within {LIMIT:?}");
}

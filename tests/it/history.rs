//! The history on disk: what an ACK promises, what happens when it cannot be kept, and what a broken one says.

use std::{fs, path::PathBuf, process::Command};

use serde_json::json;
use uuid::Uuid;

use crate::support::{Home, Node, RawPeer, Start, node};

fn alice(home: &Home) -> Start {
    node("alice").home(home).alone()
}

fn folder(home: &Home) -> PathBuf {
    home.path().join(".local/share/papo/alice%40lobby")
}

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

#[test]
fn a_message_that_is_sent_again_after_a_kill_is_acknowledged_again_and_shown_once() {
    let home = Home::new();
    let node = alice(&home).start();
    let mut bob = RawPeer::dial(&node.address(), "bob@lobby");
    bob.send(&id(1), "once");
    bob.hears_one("ACK", |line| line["msg_id"] == id(1));
    // Acknowledged is kept, shown or not.
    node.kill();
    let mut node = alice(&home).start();
    let mut bob = RawPeer::dial(&node.address(), "bob@lobby");
    bob.send(&id(1), "once");
    bob.hears_one("ACK", |line| line["msg_id"] == id(1));
    bob.send(&id(2), "new");
    node.message("new");
    assert_eq!(node.texts(), ["new"]);
    let entries = node.ask("/history bob@lobby")["data"]["entries"].clone();
    let texts: Vec<&str> = entries
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["text"].as_str())
        .collect();
    assert_eq!(texts, ["once", "new"]);
    let metrics = node.ask("/metrics");
    assert_eq!(metrics["data"]["texts_duplicate"], 1);
}

#[test]
fn words_are_found_at_once_and_after_a_restart() {
    let home = Home::new();
    let mut node = alice(&home).start();
    let mut bob = RawPeer::dial(&node.address(), "bob@lobby");
    bob.send(&id(1), "the parrot speaks");
    bob.send(&id(2), "the cat does not");
    node.message("the cat does not");
    let found = |node: &mut Node, words: &str| {
        let reply = node.ask(&json!({"command": "search", "text": words}).to_string());
        let entries = reply["data"]["entries"].as_array().unwrap().clone();
        entries
            .iter()
            .map(|it| it["text"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(found(&mut node, "parrot the"), ["the parrot speaks"]);
    node.leave();
    let mut node = alice(&home).start();
    assert_eq!(
        found(&mut node, "the"),
        ["the parrot speaks", "the cat does not"]
    );
    assert_eq!(found(&mut node, "dog"), Vec::<String>::new());
}

/// What cannot be kept is neither shown nor acknowledged; the link stays, and when there is room it goes on.
fn check_without_room(node: &mut Node, make_room: impl FnOnce(&Node)) {
    drop(RawPeer::dial(&node.address(), "carol@lobby"));
    node.event("peer_disconnected", |_| true);
    let mut bob = RawPeer::dial(&node.address(), "bob@lobby");
    bob.send(&id(0), "while there is room");
    node.message("while there is room");
    let mut last = 0;
    let large = "x".repeat(20_000);
    let fails = |node: &Node| !node.events("error").is_empty();
    while !fails(node) {
        last += 1;
        bob.send(&id(last), &format!("{last} {large}"));
        bob.ping(&format!("ping {last}"));
    }
    let trouble = node.event("error", |_| true);
    assert_eq!(trouble["code"], "store_failed", "{trouble}");
    assert!(!trouble["hint"].as_str().unwrap().is_empty());
    bob.send(&id(9999), &format!("lost for now {large}"));
    bob.ping("not acknowledged");
    assert_eq!(bob.acknowledged(&id(9999)), 0, "not kept, not acknowledged");
    assert!(
        !node
            .texts()
            .iter()
            .any(|text| text.starts_with("lost for now"))
    );
    assert_eq!(node.ask("/status")["data"]["history"], "fails");
    assert_eq!(node.events("error").len(), 1, "told once");
    node.send(&format!("/msg carol@lobby {large}"));
    let failed = node.event("failed", |event| event["to"] == "carol@lobby");
    let reason = failed["reason"].as_str().unwrap();
    assert!(reason.starts_with("it cannot be queued: "), "{reason}");
    make_room(node);
    bob.send(&id(9999), &format!("lost for now {large}"));
    bob.hears_one("ACK", |line| line["msg_id"] == id(9999));
    node.event("history_recovered", |_| true);
    node.event("message", |event| event["msg_id"] == id(9999));
    let mut texts = node.texts();
    texts.retain(|text| text.starts_with("lost for now"));
    assert_eq!(texts.len(), 1);
    let status = node.ask("/status");
    assert_eq!(
        (&status["data"]["history"], &status["data"]["outbox"]),
        (&"on".into(), &0.into())
    );
}

#[test]
fn a_history_that_cannot_be_written_costs_no_ack_and_goes_on_when_it_can() {
    let home = Home::new();
    let mut node = alice(&home).file_size(512).start();
    check_without_room(&mut node, |node| {
        let pid = node.pid().to_string();
        let lifted = Command::new("prlimit")
            .args(["--pid", &pid, "--fsize=unlimited:"])
            .status();
        assert!(lifted.unwrap().success());
    });
    node.leave();
}

#[test]
fn a_full_disk_costs_no_ack_and_goes_on_when_there_is_room() {
    let (home, disk) = (Home::new(), Home::new());
    let mount = |arguments: &[&str]| {
        let mounted = Command::new(arguments[0])
            .args(&arguments[1..])
            .arg(disk.path())
            .status();
        mounted.is_ok_and(|it| it.success())
    };
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs"]) {
        // Only root can mount a small disk; the test above says the same of a file that cannot grow.
        return;
    }
    let filler = disk.path().join("filler");
    fs::write(&filler, vec![0; 1 << 20]).unwrap();
    let data = disk.path().to_str().unwrap().to_owned();
    let mut node = alice(&home).with(["--data-dir", &data]).start();
    check_without_room(&mut node, |_| fs::remove_file(&filler).unwrap());
    node.leave();
    assert!(mount(&["umount", "-l"]));
}

/// How it is broken, and what is said then.
type Broken = (&'static str, fn(&PathBuf), &'static str);

#[test]
fn a_broken_history_ends_the_start_with_1_and_says_what_to_do() {
    let cases: [Broken; 4] = [
        (
            "missing",
            |db| fs::remove_file(db).unwrap(),
            "is missing: put it back",
        ),
        (
            "empty",
            |db| fs::write(db, "").unwrap(),
            "is empty: put it back",
        ),
        (
            "foreign",
            |db| fs::write(db, "x".repeat(5000)).unwrap(),
            "is not a papo history: ",
        ),
        (
            "damaged",
            |db| {
                let mut bytes = fs::read(db).unwrap();
                bytes[16..4096].fill(0xff);
                fs::write(db, bytes).unwrap();
            },
            "history.db",
        ),
    ];
    for (name, break_it, words) in cases {
        let home = Home::new();
        alice(&home).start().leave();
        break_it(&folder(&home).join("history.db"));
        let node = alice(&home).start();
        assert_eq!(node.exit_code(), 1, "{name}");
        let said = node.log(words);
        assert!(said.contains("PAPO_HISTORY__MODE=off"), "{name}: {said}");
        alice(&home)
            .env("PAPO_HISTORY__MODE", "off")
            .start()
            .leave();
    }
}

#[test]
fn removing_the_marker_begins_a_new_history() {
    let home = Home::new();
    alice(&home).start().leave();
    for file in ["history.db", "history.created"] {
        fs::remove_file(folder(&home).join(file)).unwrap();
    }
    let mut node = alice(&home).start();
    assert_eq!(node.ask("/history")["data"]["entries"], json!([]));
}

#[test]
fn the_text_log_tells_sessions_connections_and_messages() {
    let home = Home::new();
    let start = alice(&home).env("PAPO_HISTORY__TEXT_LOG", "on");
    let mut node = start.start();
    let port = node.address().rsplit(':').next().unwrap().to_owned();
    let mut bob = RawPeer::dial(&node.address(), "bob@lobby");
    bob.send(&id(1), "good\nmorning");
    node.message("good\nmorning");
    node.leave();
    let log = fs::read_to_string(folder(&home).join(format!("chat_history_{port}.log"))).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    for (line, words) in lines.iter().zip([
        "---- session of alice@lobby begins",
        "+ bob@lobby is connected",
        "-> [bob@lobby] good ⏎ morning",
    ]) {
        assert!(line.contains(words), "{log}");
    }
    assert!(
        lines.last().unwrap().ends_with("---- session ends"),
        "{log}"
    );
}

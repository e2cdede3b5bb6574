//! `/ignore` and `/block` on a running node: what is hidden, who is refused, and what is kept for the next start.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};

use crate::support::{Home, LIMIT, Node, RawPeer, node};

fn alice(home: &Home) -> Node {
    let alice = node("alice").alone().home(home).start();
    alice.ready();
    alice
}

/// The reply to a command, which has to be one.
fn reply(node: &mut Node, line: &str) -> Value {
    let answer = node.ask(line);
    assert_eq!(answer["event"], "reply", "{line}: {answer}");
    answer["data"].clone()
}

fn code(node: &mut Node, line: &str) -> Value {
    node.ask(line)["code"].clone()
}

fn filters_file(home: &Home) -> std::path::PathBuf {
    home.path()
        .join(".local/share/papo/alice%40lobby/filters.json")
}

#[test]
fn what_an_ignored_peer_says_is_acknowledged_and_not_shown_also_after_a_restart() {
    let home = Home::new();
    let mut alice = alice(&home);
    let mut eve = RawPeer::dial(&alice.address(), "eve@X");
    let mut bob = RawPeer::dial(&alice.address(), "bob@X");
    bob.send("b1", "before");
    eve.send("e1", "before, too");
    alice.message("before");
    alice.message("before, too");
    let data = reply(&mut alice, "/ignore eve 1h");
    assert_eq!(
        data,
        json!({"peer": "eve@X", "for_ms": 3_600_000.0, "kept": true})
    );
    eve.send("e2", "hidden");
    eve.hears_one("ACK", |ack| ack["msg_id"] == "e2");
    bob.send("b2", "shown");
    alice.message("shown");
    let history = reply(&mut alice, "/history");
    let from = |entry: &Value| entry["from"].clone();
    let from: Vec<Value> = history["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(from)
        .collect();
    assert_eq!(from, ["bob@X", "bob@X"]);
    assert_eq!(reply(&mut alice, "/peers")["peers"][1]["filter"], "ignored");
    alice.leave();
    assert_eq!(alice.texts(), ["before", "before, too", "shown"]);

    let mut alice = self::alice(&home);
    let ignored = reply(&mut alice, "/ignore");
    assert_eq!(ignored["ignored"][0]["peer"], "eve@X");
    let mut eve = RawPeer::dial(&alice.address(), "eve@X");
    eve.send("e3", "still hidden");
    eve.hears("ACK");
    reply(&mut alice, "/unignore eve");
    eve.send("e4", "shown again");
    alice.message("shown again");
    assert_eq!(alice.texts(), ["shown again"]);
    assert_eq!(code(&mut alice, "/unignore eve"), "not_listed");
    alice.leave();
}

#[test]
fn a_blocked_peer_learns_nothing_but_a_closed_link_until_it_is_allowed_again() {
    let home = Home::new();
    let mut alice = alice(&home);
    let address = alice.address();
    let eve = RawPeer::dial(&address, "eve@X");
    alice.meets("eve@X");
    assert_eq!(
        reply(&mut alice, "/block eve"),
        json!({"peer": "eve@X", "kept": true})
    );
    eve.hears_the_end();
    assert_eq!(eve.heard(), ["HELLO_OK"], "not even BYE");
    alice.event("peer_disconnected", |event| {
        event["reason"] == "it is blocked"
    });
    assert_eq!(heard_after_hello(&address, "eve@X"), "");
    assert_eq!(code(&mut alice, "/msg eve@X hello"), "blocked");
    drop(RawPeer::dial(&address, "bob@X"));
    alice.leave();

    let mut alice = self::alice(&home);
    assert_eq!(
        reply(&mut alice, "/block"),
        json!({"blocked": [{"peer": "eve@X"}]})
    );
    let address = alice.address();
    assert_eq!(heard_after_hello(&address, "eve@X"), "");
    reply(&mut alice, "/unblock eve@X");
    drop(RawPeer::dial(&address, "eve@X"));
    alice.leave();
}

#[test]
fn a_blocked_address_is_neither_let_in_nor_dialled() {
    let home = Home::new();
    let mut alice = alice(&home);
    let address = alice.address();
    let bob = RawPeer::dial(&address, "bob@X");
    reply(&mut alice, "/block 127.0.0.1:51604");
    bob.hears_the_end();
    assert_eq!(heard_after_hello(&address, "bob@X"), "");
    assert_eq!(code(&mut alice, "/connect 127.0.0.1 4000"), "blocked");
    reply(&mut alice, "/unblock 127.0.0.1");
    drop(RawPeer::dial(&address, "bob@X"));
    alice.leave();
}

#[test]
fn a_damaged_list_is_said_set_aside_and_replaced() {
    let home = Home::new();
    let file = filters_file(&home);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "{\"version\":").unwrap();
    let mut alice = alice(&home);
    let error = alice.event("error", |event| event["code"] == "filters_damaged");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.starts_with("filters.json is damaged") && message.ends_with("blocked now"),
        "{message}"
    );
    assert!(file.with_file_name("filters.json.damaged").exists());
    assert_eq!(reply(&mut alice, "/block eve@X")["kept"], true);
    let kept: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(kept["blocked_peers"], json!(["eve@X"]));
    alice.leave();
}

#[test]
fn where_nothing_can_be_kept_a_filter_holds_and_that_is_said() {
    let mut alice = node("alice").alone().home_at("/dev/null").start();
    alice.ready();
    let data = reply(&mut alice, "/ignore eve@X");
    assert_eq!(data["kept"], false);
    assert_eq!(reply(&mut alice, "/ignore")["ignored"][0]["peer"], "eve@X");
    alice.leave();
}

/// All that a node says to who dials it and names itself so.
fn heard_after_hello(address: &str, id: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let hello =
        json!({"type": "HELLO", "peer_id": id, "version": "1.0", "features": ["ack"], "ttl": 1});
    // A node that turned the address away has closed already.
    drop(stream.write_all(format!("{hello}\n").as_bytes()));
    let mut heard = Vec::new();
    // A reset is an end like any other.
    drop(stream.read_to_end(&mut heard));
    String::from_utf8(heard).unwrap()
}

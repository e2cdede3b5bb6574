//! Whatever a stranger writes in a field that is ever printed: no terminal sees it as it came.

use serde_json::{Value, json};

use crate::{
    interop::{
        client::{Client, Listening, hello, publication, send},
        scripted_rendezvous::Rendezvous,
    },
    support::{Node, Start, text_node},
};

/// Clears the screen, rings, turns the direction, hides, goes back, begins a line.
const EVIL: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\u{200b}\r\u{8}\u{7f}\u{2028}\u{85}\u{0}\u{feff}EVIL";

fn alice() -> Start {
    text_node("alice").with(["--log", "trace"])
}

#[test]
fn texts_ids_namespaces_and_reasons_of_a_stranger_are_shown_harmless() {
    let mut node = alice().alone().start();
    let address = address(&node);
    let id = format!("{EVIL}@{EVIL}");
    let mallory = Client::dial(&address, &id);
    node.line("is connected");
    mallory.say(&send(EVIL, &format!("{EVIL} direct")));
    mallory.say(&publication(EVIL, "*", &format!("{EVIL} to all")));
    mallory.say(&publication("1", &format!("#{EVIL}"), "to a namespace"));
    mallory.say(&publication("2", &id, &format!("{EVIL} last")));
    mallory.say(&json!({"type": EVIL, "msg_id": EVIL}));
    node.line("EVIL last");
    for command in ["/peers", "/conn", "/rtt", "/history", "/status"] {
        node.send(command);
    }
    node.send("/msg nobody@nowhere x");
    node.line("nobody@nowhere");
    mallory.say(&json!({"type": "BYE", "msg_id": EVIL, "reason": EVIL, "src": EVIL, "dst": EVIL}));
    mallory.hears("BYE_OK");
    mallory.close();
    node.line("is gone");
    is_clean(&node);
}

#[test]
fn the_reason_of_a_refusal_is_shown_harmless() {
    let mallory = Listening::start();
    let node = alice().alone().with(["--join", &mallory.address]).start();
    let link = mallory.accept();
    link.hears("HELLO");
    link.say(&json!({"type": "HELLO_REJECT", "reason": EVIL}));
    node.line("it refused the link");
    let link = mallory.accept();
    link.say(&hello("HELLO_OK", &format!("{EVIL}@lobby")));
    node.line("is connected");
    link.say(&json!({"type": "HELLO_REJECT", "reason": EVIL}));
    node.line("is gone");
    is_clean(&node);
}

#[test]
fn the_words_of_a_rendezvous_are_shown_harmless() {
    let rendezvous = Rendezvous::start(|_| json!({"status": "ERROR", "message": EVIL}).to_string());
    let node = alice().at(&rendezvous.address).start();
    node.line("EVIL");
    is_clean(&node);
}

#[test]
fn the_names_of_records_are_shown_harmless() {
    let mallory = Listening::start();
    let (ip, port) = mallory.address.split_once(':').unwrap();
    let port: u16 = port.parse().unwrap();
    let record = |name: &str, namespace: &str| -> Value {
        json!({"ip": ip, "port": port, "name": name, "namespace": namespace, "ttl": 60, "expires_in": 60})
    };
    let rendezvous = Rendezvous::with_records(vec![record(EVIL, "lobby"), record("x", EVIL)]);
    let mut node = alice().at(&rendezvous.address).start();
    for _ in 0..2 {
        let link = mallory.accept();
        link.hears("HELLO");
        link.write(b"no peer\n");
        link.hears_the_end();
    }
    node.line("is failed");
    node.send("/peers");
    node.line("ADDRESS");
    node.send("/msg bob x");
    node.line("bob");
    is_clean(&node);
}

#[test]
fn who_claims_a_name_and_who_answers_under_another_one_are_shown_harmless() {
    let mallory = Listening::start();
    let (ip, port) = mallory.address.split_once(':').unwrap();
    let port: u16 = port.parse().unwrap();
    let record = json!({"ip": ip, "port": port, "name": EVIL, "namespace": "lobby", "ttl": 60, "expires_in": 60});
    let rendezvous = Rendezvous::with_records(vec![record]);
    let node = alice().at(&rendezvous.address).start();
    let id = format!("{EVIL}@lobby");
    let trusted = mallory.answer(&id);
    node.line("is connected");
    let stranger = Client::connect_from("127.0.0.2", &address(&node));
    stranger.say(&hello("HELLO", &id));
    node.line("claims to be");
    trusted.close();
    mallory.answer(&format!("{EVIL}@elsewhere")).hears_the_end();
    node.log("elsewhere");
    is_clean(&node);
}

/// Where a node that speaks to people accepts peers.
fn address(node: &Node) -> String {
    let line = node.line("listening on 127.0.0.1:");
    let mut words = line.split_whitespace();
    let address = words.find(|word| word.starts_with("127.0.0.1:"));
    address.unwrap().to_owned()
}

/// Nothing that a terminal could act on or hide stands in what was printed or logged; and there is something.
fn is_clean(node: &Node) {
    let lines = [node.printed(), node.logged()].concat();
    let evil = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{feff}')
    };
    for line in &lines {
        assert!(!line.contains(evil), "{line:?}");
    }
    assert!(lines.iter().any(|line| line.contains("\\u{1b}")));
}

//! Kill -9 again and again while messages flow both ways: what was told to be queued or delivered is in the history of
//! the side that should have it, exactly once.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Node, Ports, Start, papo};

const ROUNDS: usize = 20;

/// Messages of each side between two kills.
const MESSAGES: usize = 8;

/// One of two that talk, over all its lives.
struct Side {
    name: &'static str,
    other: &'static str,
    start: Start,
    node: Node,
    next: usize,
    /// What its events said became of each of its texts, in order.
    told: BTreeMap<String, Vec<String>>,
    /// By the id of the message.
    texts: BTreeMap<String, String>,
}

impl Side {
    /// Each dials the other, whoever is back first.
    fn start(name: &'static str, other: &'static str, ports: (u16, u16)) -> Self {
        let (own, others) = (ports.0.to_string(), format!("127.0.0.1:{}", ports.1));
        let start = papo([
            "--json",
            "--name",
            name,
            "--port",
            &own,
            "--listen",
            "127.0.0.1",
        ])
        .called(name)
        .alone()
        .with(["--join", &others])
        .env("PAPO_CONNECTION__RECONNECT_BACKOFF_BASE", "20ms")
        .env("PAPO_CONNECTION__RECONNECT_BACKOFF_MAX", "100ms");
        Self {
            name,
            other,
            node: start.clone().start(),
            start,
            next: 0,
            told: BTreeMap::new(),
            texts: BTreeMap::new(),
        }
    }

    fn talk(&mut self) {
        for _ in 0..MESSAGES {
            let text = format!("{} {}", self.name, self.next);
            let command = json!({"command": "msg", "to": format!("{}@lobby", self.other), "text": text, "ref": text});
            self.node.send(&command.to_string());
            self.next += 1;
        }
    }

    /// Notes what this life told of its messages; its ids are known from the events that carry the reference.
    fn note(&mut self) {
        for kind in [
            "queued",
            "sent",
            "delivered",
            "ack_timeout",
            "unconfirmed",
            "failed",
        ] {
            for event in self.node.events(kind) {
                let msg_id = event["msg_id"].as_str().unwrap().to_owned();
                if let Some(text) = event["ref"].as_str() {
                    self.texts.insert(msg_id.clone(), text.to_owned());
                }
                self.told.entry(msg_id).or_default().push(kind.to_owned());
            }
        }
    }

    fn die_and_rise(&mut self) {
        self.node.kill();
        self.note();
        self.node = self.start.clone().start();
        self.node.ready();
    }

    /// The texts that this side has received, by its history.
    fn received(&mut self) -> Vec<String> {
        let reply = self.node.ask(r#"{"command":"history","count":10000}"#);
        let entries = reply["data"]["entries"].as_array().unwrap().iter();
        let received = entries.filter(|it| it["what"] == "message");
        received
            .map(|it| it["text"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Waits until nothing of it is on its way any more.
    fn settle(&mut self) {
        self.node.meets(&format!("{}@lobby", self.other));
        let settled =
            |status: &Value| status["data"]["outbox"] == 0 && status["data"]["under_way"] == 0;
        while !settled(&self.node.ask("/status")) {}
    }
}

#[test]
fn what_was_told_to_be_queued_or_delivered_is_there_exactly_once_after_twenty_kills() {
    let ports = Ports::free();
    let (one, two) = (ports.first(), ports.first() + 1);
    let mut alice = Side::start("alice", "bob", (one, two));
    let mut bob = Side::start("bob", "alice", (two, one));
    alice.node.meets("bob@lobby");
    bob.node.meets("alice@lobby");
    for round in 0..ROUNDS {
        alice.talk();
        bob.talk();
        let last = format!("bob {}", bob.next - 1);
        let (victim, witness) = match round % 2 {
            0 => (&mut alice, &mut bob),
            _ => (&mut bob, &mut alice),
        };
        if round % 4 < 2 {
            // In the middle of it: the other one has accepted its own.
            let own = format!("{} {}", witness.name, witness.next - 1);
            witness.node.event("reply", |event| event["ref"] == own);
        } else if victim.name == "bob" {
            victim.node.event("reply", |event| event["ref"] == last);
        }
        victim.die_and_rise();
    }
    alice.settle();
    bob.settle();
    alice.note();
    bob.note();
    check(&alice, &bob.received());
    check(&bob, &alice.received());
}

/// What the sender was told, against what the receiver has.
fn check(sender: &Side, received: &[String]) {
    let is_own = |text: &&String| text.starts_with(sender.name);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for text in received.iter().filter(is_own) {
        *counts.entry(text).or_default() += 1;
    }
    assert!(
        counts.values().all(|count| *count == 1),
        "twice: {counts:?}"
    );
    let mut promised = 0;
    for (msg_id, told) in &sender.told {
        let has = |kind: &str| told.iter().any(|it| it == kind);
        // Written too often on links that were lost: its last state is *sent*, and says so.
        let is_given_up = has("unconfirmed") || has("failed") || has("ack_timeout");
        if has("delivered") || (has("queued") && !is_given_up) {
            promised += 1;
            let text = sender
                .texts
                .get(msg_id)
                .map(String::as_str)
                .unwrap_or_default();
            assert!(
                counts.contains_key(text),
                "{text:?} was {told:?} and is not there"
            );
        }
    }
    assert!(promised > ROUNDS, "the messages flowed: {promised}");
}

//! A peer that says what the test wants, over a socket of its own.

use std::{io::Write, net::TcpStream, sync::Arc};

use serde_json::{Value, json};

use super::{
    LIMIT,
    lines::{Line, Lines, Source},
};

/// A scripted peer.
pub struct RawPeer {
    stream: TcpStream,
    lines: Arc<Lines>,
}

impl RawPeer {
    /// Dials a node and says HELLO, as a peer that parses a byte stream; back after HELLO_OK.
    pub fn dial(address: &str, id: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        let lines = Lines::new(id);
        lines.follow(Source::Out, stream.try_clone().unwrap(), || ());
        let mut peer = Self { stream, lines };
        let features = json!(["ack", "metrics", "stream"]);
        peer.say(&json!({"type": "HELLO", "peer_id": id, "version": "1.0", "features": features, "ttl": 1}));
        peer.hears("HELLO_OK");
        peer
    }

    /// Says a line.
    pub fn say(&mut self, line: &Value) {
        self.stream
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
    }

    /// Says a SEND.
    pub fn send(&mut self, msg_id: &str, text: &str) {
        self.say(&json!({"type": "SEND", "msg_id": msg_id, "src": "", "dst": "", "payload": text, "require_ack": true, "ttl": 1}));
    }

    /// Acknowledges a SEND.
    pub fn acknowledge(&mut self, send: &Value) {
        self.say(&json!({"type": "ACK", "msg_id": send["msg_id"], "timestamp": "2026-01-01T00:00:00Z", "ttl": 1}));
    }

    /// Asks for a PONG and waits for it: what was said before has been read.
    pub fn ping(&mut self, msg_id: &str) {
        self.say(&json!({"type": "PING", "msg_id": msg_id, "timestamp": "2026-01-01T00:00:00Z", "ttl": 1}));
        self.hears_one("PONG", |line| line["msg_id"] == msg_id);
    }

    /// Waits for a line of this type.
    pub fn hears(&self, kind: &str) -> Value {
        self.hears_one(kind, |_| true)
    }

    /// Waits for a line of this type with something in it.
    pub fn hears_one(&self, kind: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let is_line = |line: &Line| line.json["type"] == kind && is_it(&line.json);
        self.lines.wait(kind, LIMIT, 0, is_line).json
    }

    /// How many ACKs of this message it heard so far.
    pub fn acknowledged(&self, msg_id: &str) -> usize {
        let is_ack = |line: &Line| line.json["type"] == "ACK" && line.json["msg_id"] == msg_id;
        self.lines.all().iter().filter(|line| is_ack(line)).count()
    }

    /// The types of all lines so far.
    pub fn heard(&self) -> Vec<String> {
        let kind = |line: &Line| line.json["type"].as_str().unwrap_or_default().to_owned();
        self.lines.all().iter().map(kind).collect()
    }

    /// Waits until the node has closed its end.
    pub fn hears_the_end(&self) {
        self.lines.wait_for_end(LIMIT);
    }
}

impl Drop for RawPeer {
    #[expect(
        clippy::print_stderr,
        reason = "a failed test shows what its peers heard"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.lines.transcript());
        }
        // The reader ends with the connection.
        drop(self.stream.shutdown(std::net::Shutdown::Both));
    }
}

//! Lines of the peer protocol to values.

use papo::wire::{
    encode,
    identity::{PEER_ID_CHARS_MAX, PeerId},
    message::Line,
};

use crate::harness::{Target, assert_printable};

/// Fields, types and values as clients write them, and as they do not.
pub const WORDS: &[&str] = &[
    r#"{"type":"HELLO","peer_id":"bob@X","version":"1.0","features":["ack","metrics"],"ttl":1}"#,
    r#"{"type":"HELLO_OK","peer_id":"bob@X","features":["ack","stream"]}"#,
    r#"{"type":"SEND","msg_id":"m1","src":"bob@X","dst":"me@X","payload":"hi","require_ack":true,"ttl":1}"#,
    r#"{"type":"PUB","msg_id":"m2","payload":"x","dst":"*"}"#,
    r#"{"type":"PING","msg_id":"p","timestamp":1729999999.25}"#,
    r#"{"type":"PONG","msg_id":"00000000-0000-0000-0000-000000000007"}"#,
    r#"{"type":"ACK","msg_id":"m1"}"#,
    r#"{"type":"BYE","reason":"\ud83d"}"#,
    r#"{"type":"BYE_OK"}"#,
    r#"{"type":"HELLO_REJECT","reason":"duplicate"}"#,
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "null",
    "true",
    "false",
    "1e999",
    "-0",
    "NaN",
    "\\u0000",
    "\\ud800",
    "\"type\":",
    "\"SEND\"",
    "\"PUB\"",
    "\"HELLO\"",
    "\"BYE\"",
    "\"msg_id\":",
    "\"payload\":",
    "\"peer_id\":",
    "\"dst\":",
    "\"features\":",
    "\"require_ack\":",
    "\"ttl\":",
    "\"a@b\"",
    "\"@\"",
    " ",
    "\n",
    "\u{1b}[31m",
    "\u{202e}",
    "\u{0}",
];

#[test]
fn any_line_is_read_or_refused_and_what_is_read_can_be_written_again() {
    let target = Target {
        name: "message",
        words: WORDS,
        cases: 6_000,
        check,
    };
    target.run();
}

pub fn check(input: &[u8]) {
    for line in input.split(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line);
        match Line::parse(&line) {
            Ok(read) => check_read(&read),
            Err(error) => assert_printable(&error.to_string()),
        }
    }
}

fn check_read(line: &Line<'_>) {
    let mut again = Vec::new();
    match line {
        Line::Hello { peer_id, .. } => return check_id(peer_id),
        Line::HelloOk { peer_id, .. } => return peer_id.iter().for_each(|id| check_id(id)),
        Line::Ping { msg_id } => encode::ping(&mut again, msg_id, "now"),
        Line::Pong { msg_id } => encode::pong(&mut again, msg_id, "now"),
        Line::Ack { msg_id } => encode::ack(&mut again, msg_id, "now"),
        Line::Send {
            msg_id,
            payload,
            require_ack: true,
        } => {
            again = encode::send(msg_id, "a@b", "c@d", payload).unwrap_or_default();
        }
        Line::Pub {
            msg_id,
            dst: Some(dst),
            payload,
        } => {
            again = encode::publish(msg_id, "a@b", dst, payload).unwrap_or_default();
        }
        _ => return,
    }
    // Escaping may have made it longer than a line may be.
    if let Some(again) = again.strip_suffix(b"\n") {
        assert!(again.is_ascii());
        assert_eq!(
            Line::parse(std::str::from_utf8(again).unwrap()).as_ref(),
            Ok(line)
        );
    }
}

fn check_id(text: &str) {
    match PeerId::parse(text) {
        Ok(peer) => {
            assert!(text.chars().count() <= PEER_ID_CHARS_MAX);
            assert_eq!(format!("{}@{}", peer.name(), peer.namespace()), text);
            assert!(peer.to_string().chars().all(|c| !c.is_control()));
        }
        Err(error) => assert_printable(&error.to_string()),
    }
}

//! The lines that papo writes: exactly the fields of the specification, in its order, ASCII only, each with its
//! newline (protocol text, section 4, *Emit*).

use thiserror::Error;

use super::{ascii_json::append_text, codec::LINE_BYTES_MAX};

/// The largest HELLO or HELLO_OK in bytes: some clients read the handshake with one `recv` of this size.
pub const HELLO_BYTES_MAX: usize = 1024;

/// A text does not fit into one line of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the message is {0} bytes too long")]
pub struct TextTooLong(
    /// How many bytes of the line are too many.
    pub usize,
);

/// Appends `HELLO` or `HELLO_OK` for our own id.
pub fn hello(out: &mut Vec<u8>, kind: &'static str, peer_id: &str) {
    object(out, kind, |out| {
        field(out, "peer_id", peer_id);
        raw(
            out,
            r#","version":"1.0","features":["ack","metrics","stream"]"#,
        );
    });
}

/// Appends a PING.
pub fn ping(out: &mut Vec<u8>, msg_id: &str, timestamp: &str) {
    timed(out, r#"{"type":"PING","msg_id":"#, msg_id, timestamp);
}

/// Appends the PONG to a PING with this id.
pub fn pong(out: &mut Vec<u8>, msg_id: &str, timestamp: &str) {
    timed(out, r#"{"type":"PONG","msg_id":"#, msg_id, timestamp);
}

/// Appends the ACK of a SEND with this id.
pub fn ack(out: &mut Vec<u8>, msg_id: &str, timestamp: &str) {
    timed(out, r#"{"type":"ACK","msg_id":"#, msg_id, timestamp);
}

/// Makes a SEND; an error if its line would be over the protocol's limit.
pub fn send(msg_id: &str, src: &str, dst: &str, payload: &str) -> Result<Vec<u8>, TextTooLong> {
    text_line(
        "SEND",
        [msg_id, src, dst, payload],
        r#","require_ack":true"#,
    )
}

/// Makes a PUB; an error if its line would be over the protocol's limit.
pub fn publish(msg_id: &str, src: &str, dst: &str, payload: &str) -> Result<Vec<u8>, TextTooLong> {
    text_line(
        "PUB",
        [msg_id, src, dst, payload],
        r#","require_ack":false"#,
    )
}

/// Appends a BYE.
pub fn bye(out: &mut Vec<u8>, msg_id: &str, src: &str, dst: &str, reason: &str) {
    object(out, "BYE", |out| {
        field(out, "msg_id", msg_id);
        field(out, "src", src);
        field(out, "dst", dst);
        field(out, "reason", reason);
    });
}

/// Appends the BYE_OK to a BYE with this id.
pub fn bye_ok(out: &mut Vec<u8>, msg_id: &str, src: &str, dst: &str) {
    object(out, "BYE_OK", |out| {
        field(out, "msg_id", msg_id);
        field(out, "src", src);
        field(out, "dst", dst);
    });
}

/// The lines of which there are as many as messages: few pieces each.
fn timed(out: &mut Vec<u8>, lead: &'static str, msg_id: &str, timestamp: &str) {
    out.reserve(lead.len() + msg_id.len() + timestamp.len() + 32);
    raw(out, lead);
    append_text(out, msg_id);
    raw(out, r#","timestamp":"#);
    append_text(out, timestamp);
    raw(out, ",\"ttl\":1}\n");
}

fn text_line(
    kind: &'static str,
    [msg_id, src, dst, payload]: [&str; 4],
    require_ack: &'static str,
) -> Result<Vec<u8>, TextTooLong> {
    let mut line = Vec::with_capacity(192 + payload.len());
    object(&mut line, kind, |out| {
        field(out, "msg_id", msg_id);
        field(out, "src", src);
        field(out, "dst", dst);
        field(out, "payload", payload);
        raw(out, require_ack);
    });
    match line.len().checked_sub(LINE_BYTES_MAX) {
        None | Some(0) => Ok(line),
        Some(over) => Err(TextTooLong(over)),
    }
}

fn object(out: &mut Vec<u8>, kind: &'static str, fields: impl FnOnce(&mut Vec<u8>)) {
    raw(out, r#"{"type":""#);
    raw(out, kind);
    out.push(b'"');
    fields(out);
    raw(out, ",\"ttl\":1}\n");
}

fn field(out: &mut Vec<u8>, name: &'static str, text: &str) {
    raw(out, ",\"");
    raw(out, name);
    raw(out, "\":");
    append_text(out, text);
}

fn raw(out: &mut Vec<u8>, text: &'static str) {
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn appended(append: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        append(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_golden_lines_of_the_protocol() {
        let now = "2025-10-27T10:00:00Z";
        let golden = [
            (
                appended(|out| hello(out, "HELLO", "alice@CIC")),
                r#"{"type":"HELLO","peer_id":"alice@CIC","version":"1.0","features":["ack","metrics","stream"],"ttl":1}"#,
            ),
            (
                appended(|out| hello(out, "HELLO_OK", "bob@CIC")),
                r#"{"type":"HELLO_OK","peer_id":"bob@CIC","version":"1.0","features":["ack","metrics","stream"],"ttl":1}"#,
            ),
            (
                appended(|out| ping(out, "1", now)),
                r#"{"type":"PING","msg_id":"1","timestamp":"2025-10-27T10:00:00Z","ttl":1}"#,
            ),
            (
                appended(|out| pong(out, "a\"b", now)),
                r#"{"type":"PONG","msg_id":"a\"b","timestamp":"2025-10-27T10:00:00Z","ttl":1}"#,
            ),
            (
                appended(|out| ack(out, "1", now)),
                r#"{"type":"ACK","msg_id":"1","timestamp":"2025-10-27T10:00:00Z","ttl":1}"#,
            ),
            (
                String::from_utf8(send("1", "a@X", "b@X", "olá").unwrap()).unwrap(),
                r#"{"type":"SEND","msg_id":"1","src":"a@X","dst":"b@X","payload":"ol\u00e1","require_ack":true,"ttl":1}"#,
            ),
            (
                String::from_utf8(publish("1", "a@X", "#X", "hi").unwrap()).unwrap(),
                r##"{"type":"PUB","msg_id":"1","src":"a@X","dst":"#X","payload":"hi","require_ack":false,"ttl":1}"##,
            ),
            (
                appended(|out| bye(out, "1", "a@X", "b@X", "quit")),
                r#"{"type":"BYE","msg_id":"1","src":"a@X","dst":"b@X","reason":"quit","ttl":1}"#,
            ),
            (
                appended(|out| bye_ok(out, "1", "a@X", "b@X")),
                r#"{"type":"BYE_OK","msg_id":"1","src":"a@X","dst":"b@X","ttl":1}"#,
            ),
        ];
        for (line, expected) in golden {
            assert_eq!(line, format!("{expected}\n"));
        }
    }

    #[test]
    fn the_limit_of_a_text_is_exact_and_says_how_much_is_too_much() {
        let overhead = send("1", "a@X", "b@X", "").unwrap().len();
        let longest = "x".repeat(LINE_BYTES_MAX - overhead);
        assert_eq!(
            send("1", "a@X", "b@X", &longest).unwrap().len(),
            LINE_BYTES_MAX
        );
        let longer = format!("{longest}xyz");
        assert_eq!(send("1", "a@X", "b@X", &longer), Err(TextTooLong(3)));
        assert_eq!(
            send("1", "a@X", "b@X", &format!("{longest}é")),
            Err(TextTooLong(6))
        );
    }
}

//! The three lines of a look at who answers somewhere: HELLO, HELLO_OK and BYE (protocol text, section 1).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ascii_json, identity::PeerId};

#[derive(Serialize)]
#[serde(tag = "type")]
enum Greeting<'a> {
    #[serde(rename = "HELLO")]
    Hello {
        peer_id: &'a str,
        version: &'static str,
        features: [&'static str; 2],
        ttl: u8,
    },
    #[serde(rename = "BYE")]
    Bye {
        msg_id: String,
        src: &'a str,
        dst: &'a str,
        reason: &'a str,
        ttl: u8,
    },
}

/// The HELLO line of a plain peer.
pub fn hello(own: &PeerId) -> Vec<u8> {
    ascii_json::to_line(&Greeting::Hello {
        peer_id: own.as_str(),
        version: "1.0",
        features: ["ack", "metrics"],
        ttl: 1,
    })
}

/// A BYE line.
pub fn bye(own: &PeerId, to: &PeerId, msg_id: Uuid, reason: &str) -> Vec<u8> {
    ascii_json::to_line(&Greeting::Bye {
        msg_id: msg_id.to_string(),
        src: own.as_str(),
        dst: to.as_str(),
        reason,
        ttl: 1,
    })
}

/// Whether a line is a HELLO_OK, from whomever and however odd its other fields.
pub fn is_hello_ok(line: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Typed {
        r#type: String,
    }
    let text = String::from_utf8_lossy(line);
    serde_json::from_str::<Typed>(&text).is_ok_and(|line| line.r#type == "HELLO_OK")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_have_exactly_the_fields_of_the_protocol_text() {
        let (alice, bob) = (
            PeerId::parse("alice@CIC").unwrap(),
            PeerId::parse("bob@CIC").unwrap(),
        );
        let text = |line| String::from_utf8(line).unwrap();
        assert_eq!(
            text(hello(&alice)),
            "{\"type\":\"HELLO\",\"peer_id\":\"alice@CIC\",\"version\":\"1.0\",\"features\":[\"ack\",\"metrics\"],\"ttl\":1}\n"
        );
        assert_eq!(
            text(bye(&alice, &bob, Uuid::nil(), "done")),
            "{\"type\":\"BYE\",\"msg_id\":\"00000000-0000-0000-0000-000000000000\",\"src\":\"alice@CIC\",\"dst\":\"bob@CIC\",\"reason\":\"done\",\"ttl\":1}\n"
        );
    }

    #[test]
    fn any_hello_ok_counts_and_nothing_else() {
        let yes: [&[u8]; 3] = [
            b"{\"type\":\"HELLO_OK\"}\n",
            b"{\"type\": \"HELLO_OK\", \"peer_id\": 7, \"version\": 1.0}",
            b"{\"x\":\"\xff\",\"type\":\"HELLO_OK\"}",
        ];
        let no: [&[u8]; 6] = [
            b"",
            b"HELLO_OK",
            b"[]",
            b"{\"type\":\"hello_ok\"}",
            b"{\"type\":\"HELLO_REJECT\"}",
            b"{\"type\":7}",
        ];
        assert!(yes.iter().all(|line| is_hello_ok(line)));
        assert!(!no.iter().any(|line| is_hello_ok(line)));
    }
}

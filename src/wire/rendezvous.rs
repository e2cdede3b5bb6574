//! The client's side of the rendezvous protocol: requests to bytes, answers to values (protocol text, section 3).

mod answer;

use std::net::SocketAddr;

use serde::Serialize;

pub use self::answer::{Answer, Failure, Listing, Success};
use super::{ascii_json, identity::PeerId};

/// The largest answer that is read, in bytes: an answer to DISCOVER has no limit of its own.
pub const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most records that are taken from one answer.
pub const RECORDS_MAX: usize = 4096;

/// One peer as an answer to DISCOVER lists it. What goes on to the router is already corrected for where the
/// rendezvous is (see `proto::registration`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Who.
    pub peer: PeerId,
    /// Where to dial.
    pub address: SocketAddr,
    /// Seconds until the record ends; a renewal makes it grow.
    pub expires_in: u64,
}

/// One request; a TCP connection carries exactly one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "UPPERCASE")]
pub enum Request {
    /// Adds or renews our record.
    Register {
        /// The namespace of our identity.
        namespace: String,
        /// The name of our identity.
        name: String,
        /// The port on which peers reach us.
        port: u16,
        /// Seconds; the server clamps it to 1 to 86400.
        ttl: u64,
    },
    /// Asks for the live records.
    Discover {
        /// Only this namespace; `None` asks for all.
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
    },
    /// Takes our record away.
    Unregister {
        /// The namespace it was registered under.
        namespace: String,
        /// The name it was registered under.
        name: String,
        /// The port it was registered with.
        port: u16,
    },
}

impl Request {
    /// The line to send, with its newline.
    pub fn to_line(&self) -> Vec<u8> {
        ascii_json::to_line(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(request: Request, line: &str) {
        assert_eq!(String::from_utf8(request.to_line()).unwrap(), line);
    }

    #[test]
    fn requests_have_the_fields_and_the_order_of_the_protocol_text() {
        check(
            Request::Register {
                namespace: "UnB".into(),
                name: "joão".into(),
                port: 4000,
                ttl: 3600,
            },
            "{\"type\":\"REGISTER\",\"namespace\":\"UnB\",\"name\":\"jo\\u00e3o\",\"port\":4000,\"ttl\":3600}\n",
        );
        check(
            Request::Discover { namespace: None },
            "{\"type\":\"DISCOVER\"}\n",
        );
        check(
            Request::Discover {
                namespace: Some("UnB".into()),
            },
            "{\"type\":\"DISCOVER\",\"namespace\":\"UnB\"}\n",
        );
        check(
            Request::Unregister {
                namespace: "UnB".into(),
                name: "alice".into(),
                port: 4000,
            },
            "{\"type\":\"UNREGISTER\",\"namespace\":\"UnB\",\"name\":\"alice\",\"port\":4000}\n",
        );
    }
}

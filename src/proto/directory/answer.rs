//! The answers, to the letter: clients compare the strings with those of the reference server, a Python program.

use std::{
    fmt::Write,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bytes::Bytes;

use super::record::{Lease, RecordKey};
use crate::wire::{
    pyjson::{Text, write_quoted},
    rendezvous::ANSWER_BYTES_MAX,
};

/// The longest request line in bytes, its newline included.
pub const LINE_BYTES_MAX: usize = 32_768;

/// Why a request is refused. The first group is the reference server's, the second papo's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A blank line, or the end of the stream before anything came.
    EmptyLine,
    /// No JSON, no object, or a `type` that is no command.
    UnknownCommand,
    /// More than [`LINE_BYTES_MAX`] bytes.
    LineTooLong,
    /// Nothing came for the idle time.
    Idle,
    /// A `name` that is no text of 1 to 64 code points.
    BadName,
    /// A `ttl` that is no number.
    BadTtl,
    /// A `namespace` of the wrong type or length.
    BadNamespace,
    /// REGISTER with a `port` that is none.
    BadPort,
    /// UNREGISTER with a `port` that is none; it is quoted.
    BadPortValue(Text),
    /// UNREGISTER without a `namespace`.
    NamespaceRequired,
    /// The caller's address has no live record.
    NotRegistered,
    /// UNREGISTER met none of the caller's records.
    NoMatch,
    /// Too many connections from this address.
    Blocked {
        /// The caller.
        from: SocketAddr,
        /// How many connections are allowed in the window.
        limit: u32,
        /// Until the block ends.
        wait: Duration,
    },

    /// The request was not complete in the time it had in all.
    TooSlow,
    /// The directory holds as many records as it may.
    ServerFull,
    /// The caller's address holds as many records as it may.
    AddressFull,
    /// No room for the connection or its answer at the moment.
    Busy,
    /// Something broke on our side; asking again may help.
    Internal,
}

impl Refusal {
    /// The answer line with its newline.
    pub fn line(&self) -> Bytes {
        let mut line = String::from(r#"{"status": "ERROR", "message": "#);
        write_quoted(&mut line, self.message().code_points());
        if *self == Self::LineTooLong {
            append(&mut line, format_args!(", \"limit\": {LINE_BYTES_MAX}"));
        }
        line.push_str("}\n");
        line.into()
    }

    fn message(&self) -> Text {
        let message = match self {
            Self::BadPortValue(value) => return bad_port(value),
            Self::Blocked { from, limit, wait } => return blocked(*from, *limit, *wait),
            Self::EmptyLine => "Empty request line",
            Self::UnknownCommand => "Unknown command",
            Self::LineTooLong => "line_too_long",
            Self::Idle => "Timeout: no data received, closing connection",
            Self::BadName => "bad_name",
            Self::BadTtl => "bad_ttl",
            Self::BadNamespace => "bad_namespace",
            Self::BadPort => "bad_port",
            Self::NamespaceRequired => "namespace_required",
            Self::NotRegistered => "peer_not_registered",
            Self::NoMatch => "peer_credentials_do_not_match",
            Self::TooSlow => "Timeout: request not complete in time, closing connection",
            Self::ServerFull => "server_full",
            Self::AddressFull => "address_full",
            Self::Busy => "Server busy, try again later",
            Self::Internal => "Internal error",
        };
        Text::from(message)
    }
}

/// The answer to a REGISTER that was accepted.
pub(super) fn registered(ip: IpAddr, lease: &Lease) -> Bytes {
    let Lease { port, ttl, .. } = lease;
    let ip = quoted(&ip.to_string());
    format!("{{\"status\": \"OK\", \"ttl\": {ttl}, \"ip\": {ip}, \"port\": {port}}}\n").into()
}

/// The answer to an UNREGISTER that removed something.
pub(super) fn unregistered() -> Bytes {
    Bytes::from_static(b"{\"status\": \"OK\"}\n")
}

/// The answer to a DISCOVER. Ends before it would outgrow what clients accept; the newest records are left out.
pub(super) fn discovered<'a>(
    now: Duration,
    records: impl Iterator<Item = (&'a RecordKey, &'a Lease)>,
) -> Bytes {
    let mut line = String::from(r#"{"status": "OK", "peers": ["#);
    let mut separator = "";
    for (key, lease) in records {
        let peer = listed(now, key, lease);
        if line.len() + separator.len() + peer.len() + END.len() > ANSWER_BYTES_MAX {
            break;
        }
        line.push_str(separator);
        line.push_str(&peer);
        separator = ", ";
    }
    line.push_str(END);
    line.into()
}

const END: &str = "]}\n";

fn listed(now: Duration, key: &RecordKey, lease: &Lease) -> String {
    let ip = quoted(&key.ip.to_string());
    let (name, namespace) = (quoted(&key.name), quoted(&key.namespace));
    let Lease { port, ttl, .. } = lease;
    let expires_in = lease.expires_in(now);
    format!(
        "{{\"ip\": {ip}, \"port\": {port}, \"name\": {name}, \"namespace\": {namespace}, \
         \"ttl\": {ttl}, \"expires_in\": {expires_in}}}"
    )
}

fn bad_port(value: &Text) -> Text {
    let points = |text: &'static str| text.chars().map(u32::from);
    points("bad_port (")
        .chain(value.code_points())
        .chain(points(")"))
        .collect()
}

/// Whole seconds, rounded down as the reference does, but never 0: a client that waits as told is let in.
fn blocked(from: SocketAddr, limit: u32, wait: Duration) -> Text {
    let seconds = wait.as_secs().max(1);
    let from = SocketAddr::new(from.ip().to_canonical(), from.port());
    let message = format!(
        "Connection from {from} has been blocked due to excessive login attempts (limit: {limit}). \
         The block will be lifted in {seconds} seconds."
    );
    Text::from(message.as_str())
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    write_quoted(&mut quoted, text.chars().map(u32::from));
    quoted
}

fn append(line: &mut String, text: std::fmt::Arguments<'_>) {
    line.write_fmt(text)
        .expect("writing to a String cannot fail");
}

//! Every way a connection ends, with its name, and whether the peer is to be dialled again.

use std::time::Duration;

use thiserror::Error;

use crate::wire::identity::PeerId;

/// Why a link ended. `Display` is what events and logs say.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CloseReason {
    /// We leave: `/quit`, a signal, the end of the input.
    #[error("we left")]
    WeLeft,
    /// The peer said BYE.
    #[error("it left{}", in_brackets(.0))]
    PeerLeft(String),
    /// The stream ended without BYE.
    #[error("connection lost")]
    EndOfStream,
    /// The connection broke.
    #[error("connection lost: {0}")]
    Broken(String),
    /// No byte came for the time that a living peer never lets pass.
    #[error("silent for {} s", .0.as_secs())]
    Silent(Duration),
    /// A line over the protocol's limit.
    #[error("it sent a line over 32768 bytes")]
    LineTooLong,
    /// It does not read what it causes.
    #[error("it does not read its answers")]
    Overloaded,
    /// The dial did not get a connection.
    #[error("no connection: {0}")]
    Unreachable(String),
    /// No HELLO or HELLO_OK in time.
    #[error("no handshake within {} s", .0.as_secs())]
    HandshakeTimeout(Duration),
    /// The stream ended, or HELLO_REJECT came, instead of HELLO_OK: a duplicate, or the peer is busy.
    #[error("it refused the link{}", in_brackets(.0))]
    Rejected(String),
    /// What answers does not speak this protocol.
    #[error("it does not speak the protocol")]
    NotAPeer,
    /// Another peer than the one that was dialled answers at its address.
    #[error("{0} answers there")]
    SomeoneElse(PeerId),
    /// The other end is this very node.
    #[error("that is this node itself")]
    Ourselves,
    /// A stranger came under our own id; it was told so.
    #[error("it uses our own name")]
    NameInUse,
    /// Its place was given to a peer that had none (limit of inbound links).
    #[error("its place was needed for a peer without a link")]
    Displaced,
    /// Its user blocked it, or its address: it is told nothing.
    #[error("it is blocked")]
    Blocked,
    /// The actor of the link panicked.
    #[error("internal error: {0}")]
    Panicked(String),
}

/// What the end of a link means for dialling its peer again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redial {
    /// At once, then with backoff.
    AtOnce,
    /// With backoff from the first attempt on.
    Backoff,
    /// It refused us: with backoff, and after five refusals in a row not by ourselves.
    Refused,
    /// Only when its record is new, has moved or was renewed, or on `/reconnect`.
    WhenRenewed,
    /// Only when its record is new or has moved, or on `/reconnect`: it is no peer.
    Failed,
    /// Not at all.
    Never,
}

impl CloseReason {
    /// What this end means for dialling the peer again.
    pub fn redial(&self) -> Redial {
        match self {
            Self::EndOfStream | Self::Broken(_) | Self::Silent(_) => Redial::AtOnce,
            Self::LineTooLong
            | Self::Overloaded
            | Self::Unreachable(_)
            | Self::HandshakeTimeout(_)
            | Self::Displaced
            | Self::Panicked(_) => Redial::Backoff,
            Self::Rejected(_) => Redial::Refused,
            Self::PeerLeft(_) | Self::SomeoneElse(_) => Redial::WhenRenewed,
            Self::NotAPeer | Self::Ourselves | Self::NameInUse => Redial::Failed,
            Self::WeLeft | Self::Blocked => Redial::Never,
        }
    }
}

fn in_brackets(words: &str) -> String {
    if words.is_empty() {
        return String::new();
    }
    let shown = crate::wire::printable::Printable::text(words).to_string();
    format!(" ({})", shown.chars().take(80).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_words_are_shown_short_and_escaped() {
        assert_eq!(CloseReason::PeerLeft(String::new()).to_string(), "it left");
        let reason = CloseReason::PeerLeft(format!("\u{1b}[31m{}", "x".repeat(500)));
        let shown = reason.to_string();
        assert!(shown.starts_with("it left (\\u{1b}[31mxxx") && shown.len() < 100);
    }

    #[test]
    fn only_a_lost_link_is_redialled_at_once() {
        assert_eq!(CloseReason::EndOfStream.redial(), Redial::AtOnce);
        let left = CloseReason::PeerLeft("quit".into());
        assert_eq!(left.redial(), Redial::WhenRenewed);
        let rejected = CloseReason::Rejected("duplicate".into());
        assert_eq!(rejected.redial(), Redial::Refused);
        assert_eq!(CloseReason::NotAPeer.redial(), Redial::Failed);
        assert_eq!(CloseReason::WeLeft.redial(), Redial::Never);
    }
}

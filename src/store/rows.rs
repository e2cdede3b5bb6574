//! What is asked of the store, and what it answers: messages, and the life of an own one.

use std::time::Duration;

use jiff::Timestamp;

use super::facts::{RowId, State};
use crate::wire::{destination::Destination, identity::PeerId};

/// A message, received or our own, with what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its place.
    pub row: RowId,
    /// When it arrived or was accepted.
    pub at: Timestamp,
    /// Whether it is our own.
    pub own: bool,
    /// Its sender; of an own direct message the recipient; none for own publications.
    pub peer: Option<PeerId>,
    /// To whom it is addressed; a direct one that arrived to ourselves.
    pub to: Destination,
    /// The text, unaltered.
    pub text: String,
    /// Its id: the sender's own words.
    pub msg_id: String,
    /// The other end of the link a received one came over.
    pub address: Option<String>,
    /// What became of it, if it is our own.
    pub fate: Option<Fate>,
}

/// What became of an own message.
#[derive(Debug, Clone, PartialEq)]
pub struct Fate {
    /// Its number `#12`.
    pub number: u64,
    /// The `ref` of the command object that caused it.
    pub reference: Option<String>,
    /// Where it stands.
    pub state: State,
    /// Why it failed or was not confirmed, in words.
    pub reason: Option<String>,
    /// From writing it to its ACK.
    pub rtt: Option<Duration>,
    /// To how many peers it went.
    pub peers: u32,
    /// How often it was written on links that were lost.
    pub lost: u32,
}

/// Which messages: all conditions hold together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Only this conversation: all from and to a peer, or what went to everyone or to a namespace.
    pub with: Option<Destination>,
    /// Only those with all of these words; one of two letters or more also finds words that begin with it.
    pub words: Option<String>,
    /// Only those of this time and later.
    pub since: Option<Timestamp>,
    /// Only those before this time.
    pub until: Option<Timestamp>,
    /// At most so many, the newest.
    pub count: usize,
}

/// How a user names an own message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageName {
    /// `#12` or `12`; the newest of this number.
    Number(u64),
    /// The first digits of its id, eight or more.
    Id(String),
    /// `last`: the newest.
    Last,
}

/// Digits of an id that name a message.
const ID_DIGITS_MIN: usize = 8;

/// The longest id.
const ID_DIGITS_MAX: usize = 36;

impl MessageName {
    /// Reads `#12`, `12`, the first 8 digits of an id, or `last`. Eight digits and more without `#` are an id.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "last" {
            return Some(Self::Last);
        }
        if let Some(number) = text.strip_prefix('#') {
            return number.parse().ok().map(Self::Number);
        }
        let is_id = text
            .bytes()
            .all(|digit| digit.is_ascii_hexdigit() || digit == b'-');
        if (ID_DIGITS_MIN..=ID_DIGITS_MAX).contains(&text.len()) && is_id {
            return Some(Self::Id(text.to_ascii_lowercase()));
        }
        text.parse().ok().map(Self::Number)
    }
}

/// An own message and all that happened to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Life {
    /// The message.
    pub row: Row,
    /// What happened after it was accepted, in order; of more than [`STEPS_MAX`] the first and the last.
    pub steps: Vec<Step>,
}

/// Most steps kept of one message.
pub const STEPS_MAX: i64 = 50;

/// One thing that happened to an own message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: Happened,
    /// The address of the link, or a reason in words.
    pub detail: Option<String>,
}

/// What happened to an own message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// Written on a link.
    Sent,
    /// That link ended without an ACK.
    LinkLost,
    /// The peer acknowledged it.
    Delivered,
    /// The peer has not acknowledged it in time.
    TimedOut,
    /// It is not repeated any more.
    Unconfirmed,
    /// It was given up.
    Failed,
}

/// What there is in the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages.
    pub messages: u64,
    /// Bytes of the database, without what is free in it.
    pub bytes: u64,
    /// The newest messages that a search does not find yet.
    pub unindexed: u64,
    /// Direct messages that wait for their peers.
    pub outbox: u64,
}

impl Happened {
    /// Its number in the database; never changed.
    pub(super) fn code(self) -> i64 {
        match self {
            Self::Sent => 1,
            Self::LinkLost => 2,
            Self::Delivered => 3,
            Self::TimedOut => 4,
            Self::Unconfirmed => 5,
            Self::Failed => 6,
        }
    }

    /// Its word, that of the event it was told with, where there is one.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::LinkLost => "link_lost",
            Self::Delivered => "delivered",
            Self::TimedOut => "ack_timeout",
            Self::Unconfirmed => "unconfirmed",
            Self::Failed => "failed",
        }
    }

    /// What has this number.
    pub(super) fn of_code(code: i64) -> Option<Self> {
        let all = [
            Self::Sent,
            Self::LinkLost,
            Self::Delivered,
            Self::TimedOut,
            Self::Unconfirmed,
            Self::Failed,
        ];
        all.into_iter().find(|what| what.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_named_by_number_id_or_last() {
        let id = |digits: &str| Some(MessageName::Id(digits.into()));
        for (text, name) in [
            ("#12", Some(MessageName::Number(12))),
            ("12", Some(MessageName::Number(12))),
            ("last", Some(MessageName::Last)),
            ("6f2c1A9b", id("6f2c1a9b")),
            ("12345678", id("12345678")),
            ("#12345678", Some(MessageName::Number(12_345_678))),
            (
                "6f2c1a9b-0000-4000-8000-000000000000",
                id("6f2c1a9b-0000-4000-8000-000000000000"),
            ),
            ("6f2c1a9", None),
            ("6f2c1a9x", None),
            ("#x", None),
            ("", None),
            ("-1", None),
        ] {
            assert_eq!(MessageName::parse(text), name, "{text:?}");
        }
    }
}

//! What is told to the store: texts that arrived, and the life of own messages as facts in the past tense.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    proto::{outgoing::OwnMessage, texts::Texts},
    wire::identity::PeerId,
};

/// The place of a message in the store; a newer message has a higher one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub i64);

/// A number for each recorded fact, in their order: it is on disk, or failed, once
/// [`Progress::done`](super::Progress) has reached it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// Texts that arrived together, over one link.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// The peer of the link.
    pub from: PeerId,
    /// The address of the link.
    pub address: SocketAddr,
    /// Wall clock; kept in milliseconds.
    pub at: Timestamp,
    /// The texts, in the order in which they came.
    pub texts: Texts,
}

/// What became of an own message (architecture, "durability of outgoing").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// On disk, and not handed to a link yet.
    Queued,
    /// Handed to a link. A direct message may be repeated on the next one; for a publication it is the last state.
    Sent,
    /// The peer acknowledged it.
    Delivered,
    /// Not acknowledged in time on a living link; not repeated, a late ACK still counts.
    TimedOut,
    /// Sent, never acknowledged, and not repeated any more.
    Unconfirmed,
    /// It did not reach the peer.
    Failed,
}

/// Something that happened to an own message. Facts about a message that the store does not know change nothing.
#[derive(Debug, Clone)]
pub enum Fact {
    /// It was accepted: from now on it is the store's too.
    Accepted {
        /// Which.
        message: Arc<OwnMessage>,
        /// [`State::Queued`] or [`State::Sent`].
        state: State,
        /// To how many peers it goes.
        peers: usize,
        /// Wall clock.
        at: Timestamp,
    },
    /// It was written on a link.
    Sent {
        /// Which.
        msg_id: Uuid,
        /// Wall clock.
        at: Timestamp,
        /// The other end of that link.
        address: SocketAddr,
    },
    /// The link on which it was written ended without an ACK: it is *queued* again.
    LinkLost {
        /// Which.
        msg_id: Uuid,
        /// Wall clock.
        at: Timestamp,
    },
    /// It was handed to no link after all: it is *queued* again.
    Parked {
        /// Which.
        msg_id: Uuid,
    },
    /// The peer acknowledged it.
    Delivered {
        /// Which.
        msg_id: Uuid,
        /// Wall clock.
        at: Timestamp,
        /// From writing the line to its ACK.
        rtt: Duration,
    },
    /// The peer has not acknowledged it in time.
    TimedOut {
        /// Which.
        msg_id: Uuid,
        /// Wall clock.
        at: Timestamp,
        /// The time it had.
        after: Duration,
    },
    /// Its last state is *sent*.
    Unconfirmed {
        /// Which.
        msg_id: Uuid,
        /// Wall clock.
        at: Timestamp,
        /// Why, in words.
        reason: String,
    },
    /// It did not reach the peer.
    Failed {
        /// Which.
        msg_id: Uuid,
        /// Wall clock.
        at: Timestamp,
        /// Why, in words.
        reason: String,
    },
    /// A peer was met: it is known from now on, also without a message.
    Met {
        /// Who.
        peer: PeerId,
    },
}

/// A message of the outbox: direct, and in the state *queued* or *sent*.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Its place; ask on with the highest one received.
    pub row: RowId,
    /// The message.
    pub message: OwnMessage,
    /// When it was accepted.
    pub at: Timestamp,
    /// How often it was written on links that were lost.
    pub lost: u32,
    /// Whether it was handed to a link: after a crash that counts as one more lost link.
    pub was_sent: bool,
}

impl State {
    /// Its number in the database; never changed.
    pub(super) fn code(self) -> i64 {
        match self {
            Self::Queued => 0,
            Self::Sent => 1,
            Self::Delivered => 2,
            Self::TimedOut => 3,
            Self::Unconfirmed => 4,
            Self::Failed => 5,
        }
    }

    /// The state with this number.
    pub(super) fn of_code(code: i64) -> Option<Self> {
        let all = [
            Self::Queued,
            Self::Sent,
            Self::Delivered,
            Self::TimedOut,
            Self::Unconfirmed,
            Self::Failed,
        ];
        all.into_iter().find(|state| state.code() == code)
    }

    /// Its word, that of the event it was told with (`docs/json-events.md`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::TimedOut => "ack_timeout",
            Self::Unconfirmed => "unconfirmed",
            Self::Failed => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_found_by_its_number() {
        for code in 0..6 {
            assert_eq!(State::of_code(code).map(State::code), Some(code));
        }
        assert_eq!(State::of_code(6), None);
        assert_eq!(State::of_code(-1), None);
    }
}

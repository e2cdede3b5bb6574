//! What a peer is owed: messages to it alone, one by one, and publications, many lines at once. Knows nothing of links
//! and time.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;

use super::{Outcome, OwnMessage};
use crate::wire::kind::{LineCounts, LineKind};

/// A message to this peer alone (SEND), which it has to acknowledge.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Which message.
    pub message: Arc<OwnMessage>,
    /// Its line.
    pub line: Bytes,
    /// Fails at this time if no link took it; for messages to peers that are not linked yet.
    pub expires: Option<Instant>,
    /// Whether its sender was told that it is on its way.
    pub announced: bool,
    /// How often it was written on links that were lost.
    pub lost: u8,
}

/// Messages to several peers (PUB) that were made together; nobody acknowledges them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publications {
    /// Their lines; encoded once, the bytes are shared by all receivers.
    pub lines: Bytes,
    /// How many lines.
    pub count: usize,
}

/// One place in the queue of a peer.
#[derive(Debug)]
pub(super) enum Owed {
    Text(Entry),
    Publications(Publications),
}

impl Owed {
    pub(super) fn lines(&self) -> usize {
        match self {
            Self::Text(_) => 1,
            Self::Publications(several) => several.count,
        }
    }

    /// Counts its lines by type.
    pub(super) fn count(&self, lines: &mut LineCounts) {
        match self {
            Self::Text(_) => lines.add(LineKind::Send),
            Self::Publications(several) => {
                let count = u32::try_from(several.count).unwrap_or(u32::MAX);
                lines.add_several(LineKind::Pub, count);
            }
        }
    }

    pub(super) fn bytes(&self) -> &Bytes {
        match self {
            Self::Text(entry) => &entry.line,
            Self::Publications(several) => &several.lines,
        }
    }

    pub(super) fn message(&self) -> Option<&Arc<OwnMessage>> {
        match self {
            Self::Text(entry) => Some(&entry.message),
            Self::Publications(_) => None,
        }
    }

    pub(super) fn expires(&self) -> Option<Instant> {
        match self {
            Self::Text(entry) => entry.expires,
            Self::Publications(_) => None,
        }
    }

    /// A message that was written before may have arrived: its last state is *sent*, not *failed*.
    pub(super) fn given_up(self, reason: &'static str) -> Outcome {
        match self {
            Self::Text(entry) if entry.lost > 0 => Outcome::Unconfirmed(entry.message, reason),
            Self::Text(entry) => Outcome::Failed(entry.message, reason),
            Self::Publications(several) => Outcome::Missed(several.count),
        }
    }
}

impl Publications {
    /// Takes the first line off.
    pub(super) fn split_first(&mut self) -> Self {
        let end = memchr::memchr(b'\n', &self.lines).map_or(self.lines.len(), |at| at + 1);
        self.count -= 1;
        Self {
            lines: self.lines.split_to(end),
            count: 1,
        }
    }
}

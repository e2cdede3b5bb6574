//! A short history in memory: the last messages and acknowledgements, for `/history`.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::events::ReceivedText;
use crate::{proto::outgoing::OwnMessage, wire::destination::Destination};

/// How many entries are remembered.
pub const RECENT_MAX: usize = 200;

/// One entry with the time it happened.
#[derive(Debug, Clone, PartialEq)]
pub struct RecentEntry {
    /// Wall clock.
    pub at: Timestamp,
    /// What happened.
    pub what: RecentFact,
}

/// What is remembered.
#[derive(Debug, Clone, PartialEq)]
pub enum RecentFact {
    /// A text that arrived.
    Received(Arc<ReceivedText>),
    /// A text of ours that was accepted.
    Sent(Arc<OwnMessage>),
    /// A text of ours that was acknowledged after this time.
    Delivered(Arc<OwnMessage>, Duration),
}

/// The last [`RECENT_MAX`] entries.
#[derive(Debug, Default)]
pub struct Recent(VecDeque<RecentEntry>);

impl Recent {
    /// Adds an entry; the oldest goes when there is no room.
    pub fn add(&mut self, at: Timestamp, what: RecentFact) {
        if self.0.len() == RECENT_MAX {
            self.0.pop_front();
        }
        self.0.push_back(RecentEntry { at, what });
    }

    /// The last `count` entries, oldest first, of one conversation or of all.
    pub fn last(&self, count: usize, with: Option<&Destination>) -> Vec<RecentEntry> {
        let concerns = |entry: &&RecentEntry| with.is_none_or(|with| entry.what.is_with(with));
        let mut entries: Vec<_> = self.0.iter().rev().filter(concerns).take(count).collect();
        entries.reverse();
        entries.into_iter().cloned().collect()
    }
}

impl RecentFact {
    fn is_with(&self, with: &Destination) -> bool {
        match (self, with) {
            (Self::Received(text), Destination::Peer(peer)) => text.from == *peer,
            (Self::Received(text), _) => text.to == *with,
            (Self::Sent(message) | Self::Delivered(message, _), _) => message.to == *with,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn sent(number: u64, to: &str) -> RecentFact {
        RecentFact::Sent(Arc::new(OwnMessage {
            msg_id: Uuid::nil(),
            number,
            to: Destination::parse(to).unwrap(),
            text: "x".into(),
            reference: None,
        }))
    }

    fn numbers(entries: &[RecentEntry]) -> Vec<u64> {
        let number = |entry: &RecentEntry| match &entry.what {
            RecentFact::Sent(message) => message.number,
            other => panic!("{other:?}"),
        };
        entries.iter().map(number).collect()
    }

    #[test]
    fn the_newest_are_kept_and_given_oldest_first() {
        let mut recent = Recent::default();
        for number in 0..300 {
            recent.add(Timestamp::UNIX_EPOCH, sent(number, "*"));
        }
        assert_eq!(numbers(&recent.last(3, None)), [297, 298, 299]);
        assert_eq!(recent.last(1000, None).len(), RECENT_MAX);
    }

    #[test]
    fn one_conversation_can_be_picked() {
        let mut recent = Recent::default();
        for (number, to) in [(1, "*"), (2, "bob@X"), (3, "#X"), (4, "bob@X")] {
            recent.add(Timestamp::UNIX_EPOCH, sent(number, to));
        }
        let with = Destination::parse("bob@X").unwrap();
        assert_eq!(numbers(&recent.last(10, Some(&with))), [2, 4]);
    }
}

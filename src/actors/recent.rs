//! A short history in memory: the last messages and acknowledgements, for `/history`.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use jiff::Timestamp;

use super::events::ReceivedTexts;
use crate::{
    proto::{outgoing::OwnMessage, texts::Text},
    wire::destination::Destination,
};

/// How many entries are remembered; a few more where several texts arrived together.
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
    /// Texts that arrived together.
    Received(Arc<ReceivedTexts>),
    /// A text of ours that was accepted.
    Sent(Arc<OwnMessage>),
    /// A text of ours that was acknowledged after this time.
    Delivered(Arc<OwnMessage>, Duration),
}

/// The last [`RECENT_MAX`] entries.
#[derive(Debug, Default)]
pub struct Recent {
    entries: VecDeque<RecentEntry>,
    /// Counting each text of those that arrived together.
    count: usize,
}

impl Recent {
    /// Adds an entry; the oldest go when there is no room.
    pub fn add(&mut self, at: Timestamp, what: RecentFact) {
        self.count += what.count();
        self.entries.push_back(RecentEntry { at, what });
        while let Some(oldest) = self.entries.front()
            && self.count - oldest.what.count() >= RECENT_MAX
        {
            self.count -= oldest.what.count();
            self.entries.pop_front();
        }
    }

    /// The last `count` entries, oldest first, of one conversation or of all; each text that arrived is one.
    pub fn last(&self, count: usize, with: Option<&Destination>) -> Vec<RecentEntry> {
        let mut last = Vec::new();
        let mut left = count;
        for entry in self.entries.iter().rev() {
            if left == 0 {
                break;
            }
            let Some(what) = entry.what.last(left, with) else {
                continue;
            };
            left -= what.count();
            last.push(RecentEntry { at: entry.at, what });
        }
        last.reverse();
        last
    }
}

impl RecentFact {
    fn count(&self) -> usize {
        match self {
            Self::Received(received) => received.texts.len(),
            Self::Sent(_) | Self::Delivered(..) => 1,
        }
    }

    /// The last `count` of it that concern this conversation; none if nothing does.
    fn last(&self, count: usize, with: Option<&Destination>) -> Option<Self> {
        match self {
            Self::Received(received) => last_texts(received, count, with).map(Self::Received),
            Self::Sent(message) | Self::Delivered(message, _) => {
                let concerns = with.is_none_or(|with| message.to == *with);
                concerns.then(|| self.clone())
            }
        }
    }
}

fn last_texts(
    received: &Arc<ReceivedTexts>,
    count: usize,
    with: Option<&Destination>,
) -> Option<Arc<ReceivedTexts>> {
    let concerns = |text: &Text<'_>| match with {
        Some(Destination::Peer(peer)) => received.from == *peer,
        Some(with) => received.to(*text) == with,
        None => true,
    };
    let texts: Vec<Text<'_>> = received.texts.iter().filter(concerns).collect();
    let last = &texts[texts.len().saturating_sub(count)..];
    let texts = ReceivedTexts {
        texts: last.iter().copied().collect(),
        ..ReceivedTexts::clone(received)
    };
    (!last.is_empty()).then(|| Arc::new(texts))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{proto::texts::Texts, wire::identity::PeerId};

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

    fn received(from: &str, payloads: &[&str]) -> RecentFact {
        let mut texts = Texts::default();
        for payload in payloads {
            let everyone = payload.starts_with('*').then_some(Destination::Everyone);
            texts.push(everyone, "1", payload);
        }
        RecentFact::Received(Arc::new(ReceivedTexts {
            from: PeerId::parse(from).unwrap(),
            address: "127.0.0.1:1".parse().unwrap(),
            to_us: Destination::parse("me@X").unwrap(),
            texts,
        }))
    }

    fn payloads(entries: &[RecentEntry]) -> Vec<String> {
        let payloads = |entry: &RecentEntry| match &entry.what {
            RecentFact::Received(received) => {
                let payloads = received.texts.iter().map(|text| text.payload.to_owned());
                payloads.collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        };
        entries.iter().flat_map(payloads).collect()
    }

    #[test]
    fn texts_that_arrived_together_count_one_by_one() {
        let mut recent = Recent::default();
        recent.add(Timestamp::UNIX_EPOCH, received("a@X", &["old"; RECENT_MAX]));
        recent.add(Timestamp::UNIX_EPOCH, received("b@X", &["1", "*2", "3"]));
        recent.add(Timestamp::UNIX_EPOCH, received("c@X", &["*4", "5"]));
        assert_eq!(payloads(&recent.last(4, None)), ["*2", "3", "*4", "5"]);
        let with = |to| Destination::parse(to).unwrap();
        assert_eq!(
            payloads(&recent.last(9, Some(&with("b@X")))),
            ["1", "*2", "3"]
        );
        assert_eq!(payloads(&recent.last(9, Some(&with("*")))), ["*2", "*4"]);
        assert_eq!(
            recent.count,
            RECENT_MAX + 5,
            "the oldest still fill the bound"
        );
        recent.add(Timestamp::UNIX_EPOCH, received("d@X", &["new"; RECENT_MAX]));
        assert_eq!(recent.count, RECENT_MAX);
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

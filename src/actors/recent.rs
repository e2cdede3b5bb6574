//! A short history in memory, for `/history` where none is kept on disk.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use jiff::Timestamp;
use uuid::Uuid;

use super::events::ReceivedTexts;
use crate::{
    proto::{outgoing::OwnMessage, texts::Text},
    store::{
        facts::{RowId, State},
        rows::{Fate, Row},
    },
    wire::destination::Destination,
};

/// How many messages are remembered; a few more where several texts arrived together.
pub const RECENT_MAX: usize = 200;

/// What is remembered.
#[derive(Debug, Clone, PartialEq)]
pub enum RecentFact {
    /// Texts that arrived together.
    Received(Arc<ReceivedTexts>),
    /// A text of ours that was accepted, for so many peers.
    Sent(Arc<OwnMessage>, usize),
    /// A text of ours that was acknowledged after this time.
    Delivered(Uuid, Duration),
}

/// The last [`RECENT_MAX`] messages.
#[derive(Debug, Default)]
pub struct Recent {
    entries: VecDeque<(Timestamp, Entry)>,
    /// Counting each text of those that arrived together.
    count: usize,
}

#[derive(Debug)]
enum Entry {
    Received(Arc<ReceivedTexts>),
    Own {
        message: Arc<OwnMessage>,
        peers: usize,
        rtt: Option<Duration>,
    },
}

impl Recent {
    /// Adds a fact; the oldest messages go when there is no room.
    pub fn add(&mut self, at: Timestamp, fact: RecentFact) {
        let entry = match fact {
            RecentFact::Received(received) => Entry::Received(received),
            RecentFact::Sent(message, peers) => Entry::Own {
                message,
                peers,
                rtt: None,
            },
            RecentFact::Delivered(msg_id, rtt) => return self.delivered(msg_id, rtt),
        };
        self.count += entry.count();
        self.entries.push_back((at, entry));
        while let Some((_, oldest)) = self.entries.front()
            && self.count - oldest.count() >= RECENT_MAX
        {
            self.count -= oldest.count();
            self.entries.pop_front();
        }
    }

    /// The last `count` messages, oldest first, of one conversation or of all.
    pub fn last(&self, count: usize, with: Option<&Destination>) -> Vec<Row> {
        let mut last = Vec::new();
        for (at, entry) in self.entries.iter().rev() {
            let left = count - last.len();
            if left == 0 {
                break;
            }
            match entry {
                Entry::Received(received) => last_texts(*at, received, left, with, &mut last),
                Entry::Own {
                    message,
                    peers,
                    rtt,
                } => {
                    let concerns = with.is_none_or(|with| message.to == *with);
                    last.extend(concerns.then(|| own_row(*at, message, *peers, *rtt)));
                }
            }
        }
        last.reverse();
        last
    }

    fn delivered(&mut self, msg_id: Uuid, took: Duration) {
        let own = self.entries.iter_mut().rev();
        let mut same = own.filter_map(|(_, entry)| match entry {
            Entry::Own { message, rtt, .. } if message.msg_id == msg_id => Some(rtt),
            _ => None,
        });
        if let Some(rtt) = same.next() {
            *rtt = Some(took);
        }
    }
}

impl Entry {
    fn count(&self) -> usize {
        match self {
            Self::Received(received) => received.texts.len(),
            Self::Own { .. } => 1,
        }
    }
}

/// Newest first.
fn last_texts(
    at: Timestamp,
    received: &ReceivedTexts,
    count: usize,
    with: Option<&Destination>,
    last: &mut Vec<Row>,
) {
    let concerns = |text: &Text<'_>| match with {
        Some(Destination::Peer(peer)) => received.from == *peer,
        Some(with) => received.to(*text) == with,
        None => true,
    };
    let texts: Vec<Text<'_>> = received.texts.iter().filter(concerns).collect();
    let newest = texts.into_iter().rev().take(count);
    last.extend(newest.map(|text| Row {
        row: RowId::default(),
        at,
        own: false,
        peer: Some(received.from.clone()),
        to: received.to(text).clone(),
        text: text.payload.to_owned(),
        msg_id: text.msg_id.to_owned(),
        address: Some(received.address.to_string()),
        fate: None,
    }));
}

fn own_row(at: Timestamp, message: &OwnMessage, peers: usize, rtt: Option<Duration>) -> Row {
    let peer = match &message.to {
        Destination::Peer(peer) => Some(peer.clone()),
        _ => None,
    };
    let state = match rtt {
        Some(_) => State::Delivered,
        None => State::Sent,
    };
    Row {
        row: RowId::default(),
        at,
        own: true,
        peer,
        to: message.to.clone(),
        text: message.text.as_ref().to_owned(),
        msg_id: message.msg_id.to_string(),
        address: None,
        fate: Some(Fate {
            number: message.number,
            reference: message.reference.as_deref().map(str::to_owned),
            state,
            reason: None,
            rtt,
            peers: u32::try_from(peers).unwrap_or(u32::MAX),
            lost: 0,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{proto::texts::Texts, wire::identity::PeerId};

    fn sent(number: u64, to: &str) -> RecentFact {
        let message = OwnMessage {
            msg_id: Uuid::from_u128(u128::from(number)),
            number,
            to: Destination::parse(to).unwrap(),
            text: "x".into(),
            reference: None,
        };
        RecentFact::Sent(Arc::new(message), 1)
    }

    fn numbers(rows: &[Row]) -> Vec<u64> {
        let number = |row: &Row| row.fate.as_ref().unwrap().number;
        rows.iter().map(number).collect()
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

    fn payloads(rows: &[Row]) -> Vec<&str> {
        rows.iter().map(|row| row.text.as_str()).collect()
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

    #[test]
    fn an_acknowledged_message_says_so() {
        let mut recent = Recent::default();
        recent.add(Timestamp::UNIX_EPOCH, sent(1, "bob@X"));
        recent.add(Timestamp::UNIX_EPOCH, sent(2, "bob@X"));
        let rtt = Duration::from_millis(3);
        recent.add(
            Timestamp::UNIX_EPOCH,
            RecentFact::Delivered(Uuid::from_u128(1), rtt),
        );
        let rows = recent.last(2, None);
        let state = |at: usize| rows[at].fate.as_ref().map(|fate| (fate.state, fate.rtt));
        assert_eq!(state(0), Some((State::Delivered, Some(rtt))));
        assert_eq!(state(1), Some((State::Sent, None)));
    }
}

//! What may not die with RouterActor: the queues of our own messages, the duplicate filters, and what it needs to
//! rebuild its tables. Owned by the composition root and handed to each incarnation.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use uuid::Uuid;

use super::{
    events::NodeEvent,
    link_out::SharedQueue,
    recent::Recent,
    router::{Published, Waiting},
};
use crate::{
    proto::{
        duplicates::Duplicates,
        link::LinkId,
        outgoing::{PeerQueue, QueueLimits},
        peer_table::SEEDS_MAX,
    },
    wire::{identity::PeerId, rendezvous::Record},
};

/// Messages that were accepted lately, so that one given twice to a restarted router is sent once.
const ACCEPTED_MAX: usize = 1024;

/// The limits of what is kept.
#[derive(Debug, Clone, Copy)]
pub struct KeptLimits {
    /// Of each peer's queue.
    pub queue: QueueLimits,
    /// Texts of one peer that are remembered as seen.
    pub seen_max: usize,
    /// For how long.
    pub seen_age: Duration,
}

/// The state that outlives RouterActor's incarnations.
pub struct Kept {
    limits: KeptLimits,
    queues: Mutex<HashMap<PeerId, SharedQueue>>,
    /// The rest is used by the router alone.
    pub(super) inner: Mutex<Inner>,
}

/// What the router alone uses of it.
pub(super) struct Inner {
    pub seen: HashMap<PeerId, Duplicates>,
    /// Links whose opening was told to the front end, and whose end was not.
    pub shown: HashSet<LinkId>,
    /// Accepted messages for which there is no peer yet.
    pub waiting: VecDeque<Waiting>,
    /// Events that the front end had no room for yet.
    pub backlog: VecDeque<NodeEvent>,
    pub recent: Recent,
    /// The last answer of the rendezvous, and when it came.
    pub records: Option<(Instant, Arc<[Record]>)>,
    /// Bare addresses of `--join` and `/connect`.
    pub joined: Vec<(SocketAddr, bool)>,
    accepted: HashMap<Uuid, Published>,
    /// In the order in which they were accepted.
    accepted_order: VecDeque<Uuid>,
}

impl Kept {
    /// Nothing has happened yet.
    pub fn new(limits: KeptLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            queues: Mutex::default(),
            inner: Mutex::new(Inner {
                seen: HashMap::new(),
                shown: HashSet::new(),
                waiting: VecDeque::new(),
                backlog: VecDeque::new(),
                recent: Recent::default(),
                records: None,
                joined: Vec::new(),
                accepted: HashMap::new(),
                accepted_order: VecDeque::new(),
            }),
        })
    }

    /// The queue of one peer, made if there is none.
    pub fn queue_of(&self, peer: &PeerId) -> SharedQueue {
        let mut queues = self.queues.lock();
        let queue = queues
            .entry(peer.clone())
            .or_insert_with(|| Arc::new(Mutex::new(PeerQueue::new(self.limits.queue))));
        Arc::clone(queue)
    }

    /// The queue of one peer, if it has one.
    pub fn known_queue_of(&self, peer: &PeerId) -> Option<SharedQueue> {
        self.queues.lock().get(peer).cloned()
    }

    /// How long a peer has for an ACK.
    pub fn ack_timeout(&self) -> Duration {
        self.limits.queue.ack_timeout
    }

    /// All queues there are.
    pub fn queues(&self) -> Vec<(PeerId, SharedQueue)> {
        let queues = self.queues.lock();
        queues
            .iter()
            .map(|(peer, queue)| (peer.clone(), Arc::clone(queue)))
            .collect()
    }

    /// Forgets all about peers that are not known any more. A queue that a link holds stays: that link is just
    /// opening, and what is sent to its peer from now on has to leave there.
    pub fn forget_unknown(&self, is_known: impl Fn(&PeerId) -> bool) {
        let mut queues = self.queues.lock();
        queues.retain(|peer, queue| is_known(peer) || Arc::strong_count(queue) > 1);
        let mut inner = self.inner.lock();
        inner.seen.retain(|peer, _| queues.contains_key(peer));
    }

    /// Our own messages that have not reached their last state.
    pub fn unsettled(&self) -> usize {
        let queues = self.queues.lock();
        let owed = |queue: &SharedQueue| {
            let queue = queue.lock();
            queue.lines().max(usize::from(!queue.is_settled()))
        };
        queues.values().map(owed).sum::<usize>() + self.inner.lock().waiting.len()
    }
}

impl Inner {
    /// What is remembered of one peer's texts, so that none is shown twice.
    pub fn seen_of(&mut self, limits: &Kept, peer: &PeerId) -> &mut Duplicates {
        let limits = limits.limits;
        let filter = self.seen.entry(peer.clone());
        filter.or_insert_with(|| Duplicates::new(limits.seen_max, limits.seen_age))
    }

    /// Remembers a bare address for the next incarnation; of too many the oldest typed one goes.
    pub fn join(&mut self, address: SocketAddr, lasting: bool) {
        if let Some(known) = self.joined.iter_mut().find(|(it, _)| *it == address) {
            known.1 |= lasting;
            return;
        }
        if self.joined.len() >= SEEDS_MAX {
            let typed = self.joined.iter().position(|(_, lasting)| !lasting);
            self.joined.remove(typed.unwrap_or(0));
        }
        self.joined.push((address, lasting));
    }

    /// What a message was answered that was accepted before.
    pub fn answered(&self, msg_id: Uuid) -> Option<Published> {
        self.accepted.get(&msg_id).cloned()
    }

    /// Remembers what a message was answered.
    pub fn remember(&mut self, msg_id: Uuid, answer: Published) {
        if self.accepted_order.len() == ACCEPTED_MAX
            && let Some(oldest) = self.accepted_order.pop_front()
        {
            self.accepted.remove(&oldest);
        }
        if self.accepted.insert(msg_id, answer).is_none() {
            self.accepted_order.push_back(msg_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::testing::{entry, id, kept};

    #[test]
    fn the_answers_to_the_last_messages_are_remembered() {
        let kept = kept();
        let mut inner = kept.inner.lock();
        let answer = |peers| Published {
            peers,
            ..Published::default()
        };
        for number in 0..=ACCEPTED_MAX {
            let msg_id = Uuid::from_u128(u128::try_from(number).unwrap());
            inner.remember(msg_id, answer(number));
        }
        assert_eq!(inner.answered(Uuid::from_u128(0)), None);
        assert_eq!(inner.answered(Uuid::from_u128(1)), Some(answer(1)));
        assert_eq!(inner.accepted.len(), ACCEPTED_MAX);
    }

    #[test]
    fn of_too_many_addresses_the_oldest_typed_one_is_not_kept() {
        let kept = kept();
        let mut inner = kept.inner.lock();
        let at = |port| SocketAddr::from(([10, 0, 0, 1], port));
        inner.join(at(1), true);
        inner.join(at(2), false);
        inner.join(at(2), false);
        for port in 3..=u16::try_from(SEEDS_MAX).unwrap() + 1 {
            inner.join(at(port), false);
        }
        assert_eq!(inner.joined.len(), SEEDS_MAX);
        assert_eq!(inner.joined[..2], [(at(1), true), (at(3), false)]);
        inner.join(at(3), true);
        assert_eq!(inner.joined[1], (at(3), true));
    }

    #[test]
    fn what_is_owed_is_counted_over_all_peers_and_queues_that_are_held_stay() {
        let kept = kept();
        for (peer, numbers) in [("a@X", 1..=2), ("b@X", 3..=3)] {
            for number in numbers {
                let queue = kept.queue_of(&id(peer));
                queue.lock().push(entry(&id(peer), number)).unwrap();
            }
        }
        assert_eq!(kept.unsettled(), 3);
        let held = kept.queue_of(&id("a@X"));
        kept.forget_unknown(|_| false);
        assert_eq!(kept.unsettled(), 2);
        drop(held);
        kept.forget_unknown(|_| false);
        assert_eq!(kept.queues().len(), 0);
    }
}

//! What may not die with RouterActor: the queues of our own messages, the duplicate filters, and what it needs to
//! rebuild its tables. Owned by the composition root and handed to each incarnation.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::SocketAddr,
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};

use lru::LruCache;
use parking_lot::Mutex;
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    disk::Disk,
    events::NodeEvent,
    link_out::SharedQueue,
    recent::Recent,
    router::{Published, Waiting},
};
use crate::{
    proto::{
        duplicates::Duplicates,
        link::LinkId,
        outbox::Outbox,
        outgoing::{Outcome, PeerQueue, QueueLimits},
        peer_table::SEEDS_MAX,
    },
    store::{
        KNOWN_MAX, Opened, Progress,
        facts::{Fact, Ticket},
    },
    wire::{destination::Destination, identity::PeerId, rendezvous::Record},
};

/// Messages that were accepted lately, so that one given twice to a restarted router is sent once.
const ACCEPTED_MAX: usize = 1024;

/// Piped messages that wait on disk and for whose peers the end of the input waits.
const HOPED_MAX: usize = 4096;

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
    /// The store, if there is one.
    disk: Option<Arc<Disk>>,
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
    pub backlog: VecDeque<Told>,
    /// Peers that were met, in this run or before: a message for them waits on disk.
    pub known: LruCache<PeerId, ()>,
    /// What waits there.
    pub outbox: Outbox,
    /// What of it came from a pipe, and how long its end waits for the peer.
    pub hoped: HashMap<Uuid, Instant>,
    pub recent: Recent,
    /// The last answer of the rendezvous, and when it came.
    pub records: Option<(Instant, Arc<[Record]>)>,
    /// Bare addresses of `--join` and `/connect`.
    pub joined: Vec<(SocketAddr, bool)>,
    accepted: HashMap<Uuid, Published>,
    /// In the order in which they were accepted.
    accepted_order: VecDeque<Uuid>,
}

/// An event on its way to the front end.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// What happened.
    pub event: NodeEvent,
    /// It is told once this is on disk.
    pub ticket: Option<Ticket>,
}

impl Kept {
    /// Nothing has happened yet, and nothing is kept on disk.
    pub fn new(limits: KeptLimits) -> Arc<Self> {
        Arc::new(Self::empty(limits, None))
    }

    /// What an earlier run left on disk, where more is kept.
    pub fn on_disk(limits: KeptLimits, disk: Arc<Disk>, opened: &Opened) -> Arc<Self> {
        let kept = Self::empty(limits, Some(disk));
        {
            let mut inner = kept.inner.lock();
            for (peer, count) in &opened.outbox {
                inner.known.put(peer.clone(), ());
                inner.outbox.restore(peer.clone(), *count);
            }
            for peer in opened.known.iter().rev() {
                inner.known.put(peer.clone(), ());
            }
        }
        Arc::new(kept)
    }

    fn empty(limits: KeptLimits, disk: Option<Arc<Disk>>) -> Self {
        let outbox_max = disk.as_ref().map_or(0, |it| it.limits().outbox_messages);
        let known_max = NonZeroUsize::new(KNOWN_MAX).unwrap_or(NonZeroUsize::MIN);
        Self {
            limits,
            disk,
            queues: Mutex::default(),
            inner: Mutex::new(Inner {
                seen: HashMap::new(),
                shown: HashSet::new(),
                waiting: VecDeque::new(),
                backlog: VecDeque::new(),
                known: LruCache::new(known_max),
                outbox: Outbox::new(outbox_max),
                hoped: HashMap::new(),
                recent: Recent::default(),
                records: None,
                joined: Vec::new(),
                accepted: HashMap::new(),
                accepted_order: VecDeque::new(),
            }),
        }
    }

    /// The store, if there is one.
    pub fn disk(&self) -> Option<&Arc<Disk>> {
        self.disk.as_ref()
    }

    /// Messages that wait on disk for their peers.
    pub fn waiting_on_disk(&self) -> usize {
        self.inner.lock().outbox.total()
    }

    /// Whether all that waited for its commit was told.
    pub fn has_told_all(&self) -> bool {
        let inner = self.inner.lock();
        inner.backlog.iter().all(|told| told.ticket.is_none())
    }

    /// The node ends: what no link took is parked, so that it does not count as written at the next start.
    pub fn park_all(&self) {
        let Some(disk) = &self.disk else { return };
        for (_, queue) in self.queues() {
            for outcome in queue.lock().fail_waiting("the node ends") {
                if let Outcome::Parked(message) = outcome {
                    disk.record(Fact::Parked {
                        msg_id: message.msg_id,
                    });
                }
            }
        }
    }

    /// The queue of one peer, made if there is none.
    pub fn queue_of(&self, peer: &PeerId) -> SharedQueue {
        let mut queues = self.queues.lock();
        let queue = queues
            .entry(peer.clone())
            .or_insert_with(|| Arc::new(Mutex::new(self.new_queue())));
        Arc::clone(queue)
    }

    fn new_queue(&self) -> PeerQueue {
        let queue = PeerQueue::new(self.limits.queue);
        match self.disk.is_some() {
            true => queue.parking(),
            false => queue,
        }
    }

    /// The queue of one peer, if it has one.
    pub fn known_queue_of(&self, peer: &PeerId) -> Option<SharedQueue> {
        self.queues.lock().get(peer).cloned()
    }

    /// The next event that may be told, decided; it stays the first until it is taken out. One that is not on disk yet
    /// is not overtaken; without `progress` it was waited for.
    pub(super) fn next_told(
        &self,
        progress: Option<&watch::Receiver<Progress>>,
    ) -> Option<NodeEvent> {
        let mut inner = self.inner.lock();
        let told = inner.backlog.front()?;
        let Some(ticket) = told.ticket else {
            return Some(told.event.clone());
        };
        if progress.is_some_and(|it| !it.borrow().has(ticket)) {
            return None;
        }
        let told = inner.backlog.pop_front()?;
        let event = self.decided(&mut inner, told);
        // Decided once, however often it is looked at.
        inner.backlog.push_front(Told {
            event: event.clone(),
            ticket: None,
        });
        Some(event)
    }

    /// On what the first event waits; none if there is no event.
    pub(super) fn first_ticket(&self) -> Option<Option<Ticket>> {
        let inner = self.inner.lock();
        inner.backlog.front().map(|told| told.ticket)
    }

    /// A message that could not be put on disk is not queued.
    fn decided(&self, inner: &mut Inner, Told { event, ticket }: Told) -> NodeEvent {
        let (Some(disk), Some(ticket)) = (&self.disk, ticket) else {
            return event;
        };
        let Some(error) = disk.failed(ticket) else {
            return event;
        };
        match event {
            NodeEvent::TextQueued {
                message,
                again: false,
                ..
            } => {
                inner.hoped.remove(&message.msg_id);
                if let Destination::Peer(peer) = &message.to {
                    inner.outbox.removed(peer);
                }
                let reason = format!("it cannot be queued: {error}");
                NodeEvent::TextFailed { message, reason }
            }
            event => event,
        }
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

    /// Our own messages that have not reached their last state; of those on disk the ones that were piped in lately.
    pub fn unsettled(&self) -> usize {
        let queues = self.queues.lock();
        let owed = |queue: &SharedQueue| {
            let queue = queue.lock();
            queue.lines().max(usize::from(!queue.is_settled()))
        };
        let inner = self.inner.lock();
        let untold = inner.backlog.iter().filter(|told| told.ticket.is_some());
        let others = inner.waiting.len() + inner.hoped.len() + untold.count();
        queues.values().map(owed).sum::<usize>() + others
    }
}

impl Inner {
    /// The end of a pipe waits until then for the peer of this message.
    pub fn hope(&mut self, msg_id: Uuid, until: Instant) {
        if self.hoped.len() < HOPED_MAX {
            self.hoped.insert(msg_id, until);
        }
    }

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
    use crate::{
        actors::{
            disk::DiskLimits,
            testing::{QUEUE, entry, id, kept},
        },
        store::{Store, StoreConfig},
    };

    const LIMITS: KeptLimits = KeptLimits {
        queue: QUEUE,
        seen_max: 100,
        seen_age: Duration::from_secs(600),
    };

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

    #[actix_rt::test]
    async fn an_event_waits_for_its_commit_and_those_behind_it_wait_too() {
        let folder = tempfile::tempdir().unwrap();
        let config = StoreConfig::new(folder.path().to_owned(), id("me@X"));
        let (store, opened) = Store::open(config).unwrap();
        let limits = DiskLimits {
            outbox_messages: 10,
            outbox_age: Duration::from_secs(60),
        };
        let disk = Disk::new(store, limits, Arc::default());
        let kept = Kept::on_disk(LIMITS, Arc::clone(&disk), &opened);
        let ticket = disk.record(Fact::Met { peer: id("bob@X") });
        let recovered = |failures| NodeEvent::HistoryRecovered { failures };
        for (failures, ticket) in [(1, Some(ticket)), (2, None)] {
            let event = recovered(failures);
            let told = Told { event, ticket };
            kept.inner.lock().backlog.push_back(told);
        }
        // One that has seen nothing committed yet.
        let (_sender, nothing_yet) = watch::channel(Progress::default());
        assert_eq!(kept.next_told(Some(&nothing_yet)), None);
        assert!(!kept.has_told_all() && kept.unsettled() == 1);
        disk.committed(ticket).await;
        for failures in [1, 2] {
            let progress = disk.progress();
            assert_eq!(kept.next_told(Some(&progress)), Some(recovered(failures)));
            assert_eq!(kept.next_told(Some(&progress)), Some(recovered(failures)));
            kept.inner.lock().backlog.pop_front();
        }
        assert!(kept.has_told_all() && kept.unsettled() == 0);
    }
}

//! What waits on disk for peers: how much of it, and when it comes back into the queue of a linked peer. The disk is the
//! truth for peers that are away, [`PeerQueue`] is the window of a linked one. Knows rows by their place only.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use uuid::Uuid;

use super::{
    outgoing::{Entry, OwnMessage, PeerQueue},
    resend::LinkKind,
};
use crate::wire::identity::PeerId;

/// The most rows of one question to the disk.
pub const LOAD_MAX: usize = 256;

/// What waits on disk, by peer.
#[derive(Debug)]
pub struct Outbox {
    messages_max: usize,
    peers: HashMap<PeerId, Waiting>,
    total: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Messages on disk that are in no queue.
    count: usize,
    /// Rows up to here were taken out already.
    after: i64,
    loading: Option<Loading>,
}

/// A question to the disk that is under way.
#[derive(Debug)]
struct Loading {
    limit: usize,
    /// Messages that were put on disk since it was asked.
    added: usize,
    /// What was in the queue then; it may be delivered before the answer comes, which knows it still.
    held: HashSet<Uuid>,
    /// Older messages were given back since: the answer does not begin with the oldest.
    overtaken: bool,
}

/// Where a new message for a peer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Into the queue of the linked peer.
    Queue,
    /// To the disk.
    Disk,
    /// Nowhere: too many wait there.
    Full,
}

/// A question to the disk: the oldest rows of this peer after `after`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// Whose.
    pub peer: PeerId,
    /// Behind this row.
    pub after: i64,
    /// At most so many.
    pub limit: usize,
}

/// A message that waits on disk.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its place: later ones have a higher one.
    pub row: i64,
    /// Which.
    pub message: Arc<OwnMessage>,
    /// How often it was written on links that were lost.
    pub lost: u8,
    /// It was handed to a link, and what became of that is not known: the process ended.
    pub was_sent: bool,
}

/// What became of a message that came back from disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    /// It had been handed to a link when the process ended: that counts as a lost link.
    Crashed(Arc<OwnMessage>),
    /// It is in the queue.
    Queued(Arc<OwnMessage>),
    /// It was written often enough: it is not written again.
    Unconfirmed(Arc<OwnMessage>, &'static str),
}

impl Outbox {
    /// Nothing waits; at most `messages_max` may, for each peer.
    pub fn new(messages_max: usize) -> Self {
        Self {
            messages_max,
            peers: HashMap::new(),
            total: 0,
        }
    }

    /// So many messages wait for this peer since an earlier run.
    pub fn restore(&mut self, peer: PeerId, count: usize) {
        self.peers.entry(peer).or_default().count += count;
        self.total += count;
    }

    /// Whoever asked the disk is gone: the answers will not come.
    pub fn restarted(&mut self) {
        for waiting in self.peers.values_mut() {
            waiting.loading = None;
        }
    }

    /// Messages that wait on disk, for all peers.
    pub fn total(&self) -> usize {
        self.total
    }

    /// For whom something waits.
    pub fn peers(&self) -> impl Iterator<Item = &PeerId> {
        self.peers.keys()
    }

    /// Messages that wait on disk for this peer.
    pub fn count(&self, peer: &PeerId) -> usize {
        self.peers.get(peer).map_or(0, |waiting| waiting.count)
    }

    /// Where a new message goes. It never overtakes one that waits on disk.
    pub fn route(&self, peer: &PeerId, is_linked: bool) -> Route {
        match self.count(peer) {
            0 if is_linked => Route::Queue,
            count if count >= self.messages_max => Route::Full,
            _ => Route::Disk,
        }
    }

    /// A new message was put on disk.
    pub fn put(&mut self, peer: &PeerId) {
        let waiting = self.one_more(peer);
        if let Some(loading) = &mut waiting.loading {
            loading.added += 1;
        }
    }

    /// A message left the queue for the disk: it is older than those that wait there.
    pub fn given_back(&mut self, peer: &PeerId) {
        let waiting = self.one_more(peer);
        waiting.after = 0;
        if let Some(loading) = &mut waiting.loading {
            loading.overtaken = true;
        }
    }

    /// A message that waited on disk has failed there.
    pub fn removed(&mut self, peer: &PeerId) {
        if let Some(waiting) = self.peers.get_mut(peer).filter(|it| it.count > 0) {
            waiting.count -= 1;
            self.total -= 1;
        }
        self.forget(peer);
    }

    /// The next question for a linked peer, if there is one to be asked: its queue has to be below half.
    pub fn load(&mut self, peer: &PeerId, queue: &PeerQueue) -> Option<Load> {
        let waiting = self.peers.get_mut(peer)?;
        if waiting.count == 0 || waiting.loading.is_some() || queue.above_half() {
            return None;
        }
        waiting.loading = Some(Loading {
            limit: LOAD_MAX,
            added: 0,
            held: queue.owed().collect(),
            overtaken: false,
        });
        Some(Load {
            peer: peer.clone(),
            after: waiting.after,
            limit: LOAD_MAX,
        })
    }

    /// The disk could not be asked, or the peer is gone meanwhile: nothing was taken out.
    pub fn not_loaded(&mut self, peer: &PeerId) {
        if let Some(waiting) = self.peers.get_mut(peer) {
            waiting.loading = None;
        }
    }

    /// The answer for a peer that is linked, oldest first: what fits goes into its queue, as the entry that `entry` makes
    /// of it; with none it cannot be written at all.
    pub fn admit(
        &mut self,
        peer: &PeerId,
        rows: Vec<Stored>,
        queue: &mut PeerQueue,
        kind: LinkKind,
        entry: impl Fn(&Stored) -> Option<Entry>,
    ) -> Vec<Admitted> {
        let mut admitted = Vec::new();
        let Some(waiting) = self.peers.get_mut(peer) else {
            return admitted;
        };
        let loading = waiting.loading.take().filter(|it| !it.overtaken);
        let Some(loading) = loading else {
            return admitted;
        };
        let before = waiting.count;
        let is_all = rows.len() < loading.limit;
        let last = rows.last().map_or(waiting.after, |row| row.row);
        let new = rows
            .into_iter()
            .filter(|row| !loading.held.contains(&row.message.msg_id));
        let taken = waiting.take_out(new.collect(), queue, kind, &entry, &mut admitted);
        if taken {
            waiting.after = last;
        }
        if taken && is_all {
            // It saw all that was recorded before it was asked.
            waiting.count = loading.added;
        }
        self.total = self.total + waiting.count - before;
        self.forget(peer);
        admitted
    }

    fn one_more(&mut self, peer: &PeerId) -> &mut Waiting {
        let waiting = self.peers.entry(peer.clone()).or_default();
        waiting.count += 1;
        self.total += 1;
        waiting
    }

    fn forget(&mut self, peer: &PeerId) {
        let is_over = |it: &Waiting| it.count == 0 && it.loading.is_none();
        if self.peers.get(peer).is_some_and(is_over) {
            self.peers.remove(peer);
        }
    }
}

impl Waiting {
    /// Whether all of them fitted.
    fn take_out(
        &mut self,
        rows: Vec<Stored>,
        queue: &mut PeerQueue,
        kind: LinkKind,
        entry: &impl Fn(&Stored) -> Option<Entry>,
        admitted: &mut Vec<Admitted>,
    ) -> bool {
        for mut stored in rows {
            let (row, message) = (stored.row, Arc::clone(&stored.message));
            let crashed = std::mem::take(&mut stored.was_sent);
            stored.lost = stored.lost.saturating_add(u8::from(crashed));
            let fate = match entry(&stored) {
                None => Admitted::Unconfirmed(message, "it does not fit into a line"),
                Some(_) if !kind.takes_again(stored.lost, queue.resends()) => {
                    let reason = "the connection was lost before its acknowledgement";
                    Admitted::Unconfirmed(message, reason)
                }
                Some(entry) => match queue.push(entry) {
                    Ok(()) => Admitted::Queued(message),
                    Err(_) => return false,
                },
            };
            if crashed {
                admitted.push(Admitted::Crashed(stored.message));
            }
            admitted.push(fate);
            self.count = self.count.saturating_sub(1);
            self.after = row;
        }
        true
    }
}

#[cfg(test)]
mod tests;

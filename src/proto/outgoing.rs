//! What we originate and owe to one peer: a bounded queue that outlives links and actors. A message leaves it when
//! it is acknowledged, when a living link has not acknowledged it in time, or when it has failed; so the last state
//! of each is exactly one of *delivered*, *sent* and *failed*. With a history on disk it may also leave *parked*: then
//! it waits there, and comes back through [`outbox`](super::outbox).

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use thiserror::Error;
use uuid::Uuid;

use super::link::LinkId;
pub use super::resend::LinkKind;
use crate::wire::destination::Destination;

/// One of our own messages, as commands, events and their `ref` name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnMessage {
    /// Its id on the wire.
    pub msg_id: Uuid,
    /// Its number `#12` in this run of the node.
    pub number: u64,
    /// To whom.
    pub to: Destination,
    /// Its text.
    pub text: Arc<str>,
    /// The `ref` of the command object that caused it.
    pub reference: Option<Arc<str>>,
}

/// The bounds of one peer's queue (settings section `connection`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Lines that wait or are not acknowledged.
    pub lines_max: usize,
    /// Their bytes.
    pub bytes_max: usize,
    /// How long a peer has for an ACK after the line was written.
    pub ack_timeout: Duration,
    /// Whether unacknowledged messages of a lost link are sent again.
    pub resend: bool,
    /// Messages whose late ACK still counts.
    pub late_max: usize,
    /// How long a late ACK still counts.
    pub late_age: Duration,
}

/// What a lost link gave back waits this long for the next one: a little longer than redialling takes to call a peer
/// that refuses stale. Without it a message to a peer that is not redialled would never reach its last state.
pub const RETURN_WAIT: Duration = Duration::from_secs(20);

/// After so many links in a row on which not one line was written as a whole, a further one is no reason to wait longer:
/// this peer does not read, or keeps nothing open.
const FRUITLESS_LINKS_MAX: u32 = 3;

/// The queue has no room; nothing was put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the queue of this peer is full")]
pub struct QueueFull;

/// One message on its way to this peer.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Which message; shared by all receivers of a publication.
    pub message: Arc<OwnMessage>,
    /// Its line; encoded once for all receivers.
    pub line: Bytes,
    /// Whether the peer has to acknowledge it (SEND) or not (PUB).
    pub acknowledged: bool,
    /// Fails at this time if no link took it; for messages to peers that are not linked yet.
    pub expires: Option<Instant>,
    /// Whether its sender was told that it is on its way.
    pub announced: bool,
    /// How often it was written on links that were lost.
    pub lost: u8,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The peer acknowledged it, this long after it was written.
    Delivered(Arc<OwnMessage>, Duration),
    /// Not acknowledged in time on a living link; a late ACK still counts.
    AckTimedOut(Arc<OwnMessage>),
    /// Written, and nothing more will be heard of it.
    Unconfirmed(Arc<OwnMessage>, &'static str),
    /// It did not reach the peer.
    Failed(Arc<OwnMessage>, &'static str),
    /// It was written on a link that was lost, and waits here for the next one; only told by a queue that parks.
    LinkLost(Arc<OwnMessage>),
    /// No link takes it: it waits on disk from now on.
    Parked(Arc<OwnMessage>),
}

#[derive(Debug)]
struct InFlight {
    entry: Entry,
    link: LinkId,
    /// None until the line was written as a whole.
    written: Option<Instant>,
}

/// The messages owed to one peer.
#[derive(Debug)]
pub struct PeerQueue {
    limits: QueueLimits,
    /// Whether what finds no link is kept on disk.
    parks: bool,
    waiting: VecDeque<Entry>,
    in_flight: HashMap<Uuid, InFlight>,
    /// The order in which lines were taken: of deadlines, and of resends.
    order: VecDeque<Uuid>,
    late: VecDeque<(Instant, Instant, Arc<OwnMessage>)>,
    /// What ended while only the writer looked on; told by the next [`PeerQueue::expire`].
    ended: Vec<Outcome>,
    bytes: usize,
    /// The link that writes; others of the same peer are only read.
    writer: Option<LinkId>,
    /// Since when messages wait without any link.
    stranded_since: Option<Instant>,
    /// Links in a row that ended before a line was written.
    fruitless_links: u32,
}

impl PeerQueue {
    /// An empty queue.
    pub fn new(limits: QueueLimits) -> Self {
        Self {
            limits,
            parks: false,
            waiting: VecDeque::new(),
            in_flight: HashMap::new(),
            order: VecDeque::new(),
            late: VecDeque::new(),
            ended: Vec::new(),
            bytes: 0,
            writer: None,
            stranded_since: None,
            fruitless_links: 0,
        }
    }

    /// The same; direct messages that find no link are parked instead of failed.
    pub fn parking(mut self) -> Self {
        self.parks = true;
        self
    }

    /// Puts a message at the end.
    pub fn push(&mut self, entry: Entry) -> Result<(), QueueFull> {
        if !self.has_room(entry.line.len()) {
            return Err(QueueFull);
        }
        self.bytes += entry.line.len();
        self.waiting.push_back(entry);
        Ok(())
    }

    /// Whether a line of so many bytes fits now.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.lines() < self.limits.lines_max
            && (self.lines() == 0 || self.bytes + bytes <= self.limits.bytes_max)
    }

    /// Whether the queue is so full that its sources should pause.
    pub fn above_half(&self) -> bool {
        self.lines() * 2 > self.limits.lines_max || self.bytes * 2 > self.limits.bytes_max
    }

    /// Whether unacknowledged messages of a lost link are sent again.
    pub fn resends(&self) -> bool {
        self.limits.resend
    }

    /// Whether every message has reached its last state, and that was told.
    pub fn is_settled(&self) -> bool {
        self.lines() == 0 && self.ended.is_empty()
    }

    /// Lines that wait or are not acknowledged.
    pub fn lines(&self) -> usize {
        self.waiting.len() + self.in_flight.len()
    }

    /// What waits or is not acknowledged.
    pub fn owed(&self) -> impl Iterator<Item = Uuid> {
        let waiting = self.waiting.iter().map(|entry| entry.message.msg_id);
        waiting.chain(self.in_flight.keys().copied())
    }

    /// Takes a message out that no link has taken; false if it is not here, or on its way.
    pub fn withdraw(&mut self, msg_id: Uuid) -> bool {
        let at = self
            .waiting
            .iter()
            .position(|it| it.message.msg_id == msg_id);
        let withdrawn = at.and_then(|at| self.waiting.remove(at));
        withdrawn
            .inspect(|it| self.bytes -= it.line.len())
            .is_some()
    }

    /// What waits here after it was written on links that were lost.
    pub fn returned(&self) -> impl Iterator<Item = &Arc<OwnMessage>> {
        let returned = self.waiting.iter().filter(|entry| entry.lost > 0);
        returned.map(|entry| &entry.message)
    }

    /// Names the link that writes from now on.
    pub fn set_writer(&mut self, link: Option<LinkId>) {
        self.writer = link;
        if self.fruitless_links < FRUITLESS_LINKS_MAX {
            self.stranded_since = None;
        }
    }

    /// The link that writes.
    pub fn writer(&self) -> Option<LinkId> {
        self.writer
    }

    /// The next message for this link, which is now being written.
    pub fn take(&mut self, link: LinkId) -> Option<(Uuid, Bytes)> {
        if self.writer != Some(link) {
            return None;
        }
        let entry = self.waiting.pop_front()?;
        let (msg_id, line) = (entry.message.msg_id, entry.line.clone());
        self.order.push_back(msg_id);
        let in_flight = InFlight {
            entry,
            link,
            written: None,
        };
        self.in_flight.insert(msg_id, in_flight);
        Some((msg_id, line))
    }

    /// A taken message was written as a whole. A publication is then done; so is a SEND to a peer that does not
    /// acknowledge, which the next [`PeerQueue::expire`] tells.
    pub fn written(&mut self, now: Instant, msg_id: Uuid, kind: LinkKind) {
        let Some(in_flight) = self.in_flight.get_mut(&msg_id) else {
            return;
        };
        in_flight.written = Some(now);
        self.fruitless_links = 0;
        if in_flight.entry.acknowledged && kind.acks {
            return;
        }
        if let Some(entry) = self.remove(msg_id).filter(|entry| entry.acknowledged) {
            self.remember_late(now, now, Arc::clone(&entry.message));
            let reason = "this peer does not acknowledge";
            self.ended.push(Outcome::Unconfirmed(entry.message, reason));
        }
    }

    /// The peer acknowledged this id; none for a stray.
    pub fn acknowledged(&mut self, now: Instant, msg_id: Uuid) -> Option<Outcome> {
        if let Some(written) = self.in_flight.get(&msg_id).map(|it| it.written) {
            let entry = self.remove(msg_id)?;
            let rtt = now.saturating_duration_since(written.unwrap_or(now));
            return Some(Outcome::Delivered(entry.message, rtt));
        }
        let at = self
            .late
            .iter()
            .position(|(_, _, it)| it.msg_id == msg_id)?;
        let (_, written, message) = self.late.remove(at)?;
        // Its last state is *delivered*, whatever was still to be told.
        self.ended
            .retain(|outcome| !is_unconfirmed(outcome, msg_id));
        let rtt = now.saturating_duration_since(written);
        Some(Outcome::Delivered(message, rtt))
    }

    /// A link is gone. What was not written, or may be sent again, waits for the next one, in its old order.
    pub fn link_lost(&mut self, link: LinkId, kind: LinkKind) -> Vec<Outcome> {
        if self.writer == Some(link) {
            self.fruitless_links = self.fruitless_links.saturating_add(1);
            self.set_writer(None);
        }
        let lost: Vec<Uuid> = self
            .order
            .iter()
            .filter(|id| self.in_flight.get(id).is_some_and(|it| it.link == link))
            .copied()
            .collect();
        let mut outcomes = Vec::new();
        for msg_id in lost.into_iter().rev() {
            let Some(in_flight) = self.in_flight.remove(&msg_id) else {
                continue;
            };
            self.order.retain(|id| *id != msg_id);
            self.back_or_out(in_flight, kind, &mut outcomes);
        }
        outcomes.reverse();
        outcomes
    }

    /// What ended by itself, and what is overdue at `now`: ACKs, and messages for which no link came.
    pub fn expire(&mut self, now: Instant) -> Vec<Outcome> {
        let mut outcomes = std::mem::take(&mut self.ended);
        self.expire_acks(now, &mut outcomes);
        self.expire_waiting(now, &mut outcomes);
        let oldest = now.checked_sub(self.limits.late_age);
        while self.late.front().is_some_and(|(at, ..)| oldest > Some(*at)) {
            self.late.pop_front();
        }
        outcomes
    }

    /// Gives everything up that no link took, or parks it.
    pub fn fail_waiting(&mut self, reason: &'static str) -> Vec<Outcome> {
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        waiting.map(|entry| self.given_up(entry, reason)).collect()
    }

    /// A link is open: the messages whose sender was not told yet that they are on their way.
    pub fn announce(&mut self) -> Vec<Arc<OwnMessage>> {
        let mut announced = Vec::new();
        for entry in &mut self.waiting {
            entry.expires = None;
            if !std::mem::replace(&mut entry.announced, true) {
                announced.push(Arc::clone(&entry.message));
            }
        }
        announced
    }

    fn remove(&mut self, msg_id: Uuid) -> Option<Entry> {
        let entry = self.in_flight.remove(&msg_id)?.entry;
        self.bytes -= entry.line.len();
        // ACKs come in the order of writing, so this is the front in all but odd cases.
        if let Some(at) = self.order.iter().position(|id| *id == msg_id) {
            self.order.remove(at);
        }
        Some(entry)
    }

    fn back_or_out(&mut self, in_flight: InFlight, kind: LinkKind, outcomes: &mut Vec<Outcome>) {
        let mut entry = in_flight.entry;
        // A line to a plain peer is written alone: if not as a whole, it did not arrive. Lines to a stream are written
        // together, and those in front may have arrived.
        let may_have_arrived = kind.stream && entry.acknowledged;
        if in_flight.written.is_none() && !may_have_arrived {
            return self.waiting.push_front(entry);
        }
        if kind.takes_again(entry.lost.saturating_add(1), self.limits.resend) {
            entry.lost += 1;
            if self.parks && entry.acknowledged {
                outcomes.push(Outcome::LinkLost(Arc::clone(&entry.message)));
            }
            return self.waiting.push_front(entry);
        }
        self.bytes -= entry.line.len();
        if let Some(written) = in_flight.written {
            self.remember_late(written, written, Arc::clone(&entry.message));
        }
        let reason = "the connection was lost before its acknowledgement";
        outcomes.push(Outcome::Unconfirmed(entry.message, reason));
    }

    fn expire_acks(&mut self, now: Instant, outcomes: &mut Vec<Outcome>) {
        while let Some((msg_id, written)) = self.oldest_written() {
            if now < written + self.limits.ack_timeout {
                return;
            }
            if let Some(entry) = self.remove(msg_id) {
                self.remember_late(now, written, Arc::clone(&entry.message));
                outcomes.push(Outcome::AckTimedOut(entry.message));
            }
        }
    }

    fn oldest_written(&self) -> Option<(Uuid, Instant)> {
        let msg_id = *self.order.front()?;
        Some((msg_id, self.in_flight.get(&msg_id)?.written?))
    }

    fn expire_waiting(&mut self, now: Instant, outcomes: &mut Vec<Outcome>) {
        let stranded = self.stranded(now).map(|since| since + RETURN_WAIT);
        let is_over = |entry: &Entry| entry.expires.or(stranded).is_some_and(|at| at <= now);
        if !self.waiting.iter().any(is_over) {
            return;
        }
        let (over, kept): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(is_over);
        self.waiting = kept;
        let reason = "no connection to this peer in time";
        outcomes.extend(over.into_iter().map(|it| self.given_up(it, reason)));
    }

    /// Since when messages wait without any link.
    fn stranded(&mut self, now: Instant) -> Option<Instant> {
        if self.writer.is_some() || self.waiting.is_empty() {
            return None;
        }
        Some(*self.stranded_since.get_or_insert(now))
    }

    /// A message that was written before may have arrived: its last state is *sent*, not *failed*.
    fn given_up(&mut self, entry: Entry, reason: &'static str) -> Outcome {
        self.bytes -= entry.line.len();
        if self.parks && entry.acknowledged {
            Outcome::Parked(entry.message)
        } else if entry.lost > 0 {
            Outcome::Unconfirmed(entry.message, reason)
        } else {
            Outcome::Failed(entry.message, reason)
        }
    }

    fn remember_late(&mut self, now: Instant, written: Instant, message: Arc<OwnMessage>) {
        if self.late.len() >= self.limits.late_max {
            self.late.pop_front();
        }
        self.late.push_back((now, written, message));
    }
}

fn is_unconfirmed(outcome: &Outcome, msg_id: Uuid) -> bool {
    matches!(outcome, Outcome::Unconfirmed(message, _) if message.msg_id == msg_id)
}

#[cfg(test)]
#[path = "outgoing_tests.rs"]
mod tests;

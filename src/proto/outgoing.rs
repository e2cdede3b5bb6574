//! What we originate and owe to one peer: a bounded queue that outlives links and actors. A message leaves it when
//! it is acknowledged, when a living link has not acknowledged it in time, or when it has failed; so the last state
//! of each is exactly one of *delivered*, *sent* and *failed*.

mod owed;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use thiserror::Error;
use uuid::Uuid;

pub use owed::{Entry, Publications};

use self::owed::Owed;
use super::link::LinkId;
use crate::wire::{destination::Destination, kind::LineCounts};

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

/// How often a message is written again after lost links, to a plain peer and to one that announced `stream`:
/// plain clients show a repeated message twice.
const RESENDS_PLAIN: u8 = 1;
const RESENDS_STREAM: u8 = 3;

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
    /// So many publications did not reach the peer.
    Missed(usize),
}

/// How a link of this peer writes: decides on resends and ACKs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkKind {
    /// The peer announced `stream`.
    pub stream: bool,
    /// The peer announced `ack`.
    pub acks: bool,
}

#[derive(Debug)]
struct InFlight {
    owed: Owed,
    link: LinkId,
    /// None until it was written as a whole.
    written: Option<Instant>,
}

/// The messages owed to one peer.
#[derive(Debug)]
pub struct PeerQueue {
    limits: QueueLimits,
    waiting: VecDeque<Owed>,
    /// In the order in which they were taken: of deadlines, and of resends.
    in_flight: VecDeque<InFlight>,
    late: VecDeque<(Instant, Instant, Arc<OwnMessage>)>,
    /// What ended while only the writer looked on; told by the next [`PeerQueue::expire`].
    ended: Vec<Outcome>,
    /// Of all that waits or is in flight.
    lines: usize,
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
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            late: VecDeque::new(),
            ended: Vec::new(),
            lines: 0,
            bytes: 0,
            writer: None,
            stranded_since: None,
            fruitless_links: 0,
        }
    }

    /// Puts a message at the end.
    pub fn push(&mut self, entry: Entry) -> Result<(), QueueFull> {
        if self.room(&[entry.line.len()]) == 0 {
            return Err(QueueFull);
        }
        self.put(Owed::Text(entry));
        Ok(())
    }

    /// Puts publications at the end, for which the caller has found room.
    pub fn publish(&mut self, publications: Publications) {
        self.put(Owed::Publications(publications));
    }

    /// For how many of these lines there is room now, by where each ends in their common bytes.
    pub fn room(&self, ends: &[usize]) -> usize {
        let bytes = self.limits.bytes_max.saturating_sub(self.bytes);
        let lines = self.limits.lines_max.saturating_sub(self.lines);
        // A line that is larger than the limit goes alone.
        let fitting = ends.partition_point(|end| *end <= bytes);
        fitting
            .max(usize::from(self.lines == 0))
            .min(lines)
            .min(ends.len())
    }

    /// Whether the queue is so full that its sources should pause.
    pub fn above_half(&self) -> bool {
        self.lines() * 2 > self.limits.lines_max || self.bytes * 2 > self.limits.bytes_max
    }

    /// Whether every message has reached its last state, and that was told.
    pub fn is_settled(&self) -> bool {
        self.lines() == 0 && self.ended.is_empty()
    }

    /// Lines that wait or are not acknowledged.
    pub fn lines(&self) -> usize {
        self.lines
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

    /// What this link is to write next: a line, or several at once if `together`.
    pub fn take(&mut self, link: LinkId, together: bool) -> Option<Bytes> {
        if self.writer != Some(link) {
            return None;
        }
        let owed = match self.waiting.front_mut()? {
            Owed::Publications(several) if several.count > 1 && !together => {
                Owed::Publications(several.split_first())
            }
            _ => self.waiting.pop_front()?,
        };
        let lines = owed.bytes().clone();
        self.in_flight.push_back(InFlight {
            owed,
            link,
            written: None,
        });
        Some(lines)
    }

    /// All that this link has taken was written as a whole. Publications are then done; so is a SEND to a peer that
    /// does not acknowledge, which the next [`PeerQueue::expire`] tells. Gives what was written.
    pub fn written(&mut self, now: Instant, link: LinkId, kind: LinkKind) -> LineCounts {
        let mut lines = LineCounts::default();
        // What a link has taken lies behind what it wrote before.
        let before = |it: &InFlight| it.link == link && it.written.is_some();
        let first = self
            .in_flight
            .iter()
            .rposition(before)
            .map_or(0, |at| at + 1);
        for mut in_flight in self.in_flight.split_off(first) {
            if in_flight.link == link {
                self.fruitless_links = 0;
                in_flight.written = Some(now);
                in_flight.owed.count(&mut lines);
                if !(kind.acks && matches!(in_flight.owed, Owed::Text(_))) {
                    self.done(now, in_flight.owed);
                    continue;
                }
            }
            self.in_flight.push_back(in_flight);
        }
        lines
    }

    /// The peer acknowledged this id; none for a stray.
    pub fn acknowledged(&mut self, now: Instant, msg_id: Uuid) -> Option<Outcome> {
        // ACKs come in the order of writing, so this is the front in all but odd cases.
        let is_it = |it: &InFlight| it.message().is_some_and(|it| it.msg_id == msg_id);
        if let Some(in_flight) = self.in_flight.iter().position(is_it)
            && let Some(InFlight { owed, written, .. }) = self.in_flight.remove(in_flight)
        {
            self.drop_from_bounds(&owed);
            let rtt = now.saturating_duration_since(written.unwrap_or(now));
            return owed
                .message()
                .map(|it| Outcome::Delivered(Arc::clone(it), rtt));
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
        let in_flight = std::mem::take(&mut self.in_flight).into_iter();
        let (lost, kept): (VecDeque<_>, _) = in_flight.partition(|it| it.link == link);
        self.in_flight = kept;
        let mut outcomes = Vec::new();
        for in_flight in lost.into_iter().rev() {
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

    /// Gives everything up that no link took.
    pub fn fail_waiting(&mut self, reason: &'static str) -> Vec<Outcome> {
        let failed = std::mem::take(&mut self.waiting);
        failed
            .into_iter()
            .map(|owed| {
                self.drop_from_bounds(&owed);
                owed.given_up(reason)
            })
            .collect()
    }

    /// A link is open: the messages whose sender was not told yet that they are on their way.
    pub fn announce(&mut self) -> Vec<Arc<OwnMessage>> {
        let mut announced = Vec::new();
        for owed in &mut self.waiting {
            let Owed::Text(entry) = owed else { continue };
            entry.expires = None;
            if !std::mem::replace(&mut entry.announced, true) {
                announced.push(Arc::clone(&entry.message));
            }
        }
        announced
    }

    fn put(&mut self, owed: Owed) {
        self.lines += owed.lines();
        self.bytes += owed.bytes().len();
        self.waiting.push_back(owed);
    }

    fn drop_from_bounds(&mut self, owed: &Owed) {
        self.lines -= owed.lines();
        self.bytes -= owed.bytes().len();
    }

    /// Written, and nothing more will be heard of it.
    fn done(&mut self, now: Instant, owed: Owed) {
        self.drop_from_bounds(&owed);
        if let Owed::Text(entry) = owed {
            self.remember_late(now, now, Arc::clone(&entry.message));
            let reason = "this peer does not acknowledge";
            self.ended.push(Outcome::Unconfirmed(entry.message, reason));
        }
    }

    fn back_or_out(&mut self, in_flight: InFlight, kind: LinkKind, outcomes: &mut Vec<Outcome>) {
        let InFlight { owed, written, .. } = in_flight;
        let mut entry = match owed {
            Owed::Text(entry) => entry,
            // Receivers know the ones that arrived from a half-written batch.
            publications @ Owed::Publications(_) => return self.waiting.push_front(publications),
        };
        let resends_max = match kind.stream {
            true => RESENDS_STREAM,
            false => RESENDS_PLAIN,
        };
        // A line to a plain peer is written alone: if not as a whole, it did not arrive. Lines to a stream are written
        // together, and those in front may have arrived.
        if written.is_none() && !kind.stream {
            return self.waiting.push_front(Owed::Text(entry));
        }
        if self.limits.resend && entry.lost < resends_max {
            entry.lost += 1;
            return self.waiting.push_front(Owed::Text(entry));
        }
        if let Some(written) = written {
            self.remember_late(written, written, Arc::clone(&entry.message));
        }
        let message = Arc::clone(&entry.message);
        self.drop_from_bounds(&Owed::Text(entry));
        let reason = "the connection was lost before its acknowledgement";
        outcomes.push(Outcome::Unconfirmed(message, reason));
    }

    fn expire_acks(&mut self, now: Instant, outcomes: &mut Vec<Outcome>) {
        while let Some(written) = self.in_flight.front().and_then(|it| it.written)
            && now >= written + self.limits.ack_timeout
            && let Some(InFlight { owed, .. }) = self.in_flight.pop_front()
        {
            self.drop_from_bounds(&owed);
            if let Owed::Text(Entry { message, .. }) = owed {
                self.remember_late(now, written, Arc::clone(&message));
                outcomes.push(Outcome::AckTimedOut(message));
            }
        }
    }

    fn expire_waiting(&mut self, now: Instant, outcomes: &mut Vec<Outcome>) {
        let stranded = self.stranded(now).map(|since| since + RETURN_WAIT);
        let is_over = |owed: &Owed| owed.expires().or(stranded).is_some_and(|at| at <= now);
        if !self.waiting.iter().any(is_over) {
            return;
        }
        let (over, kept): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(is_over);
        self.waiting = kept;
        for owed in over {
            self.drop_from_bounds(&owed);
            outcomes.push(owed.given_up("no connection to this peer in time"));
        }
    }

    /// Since when messages wait without any link.
    fn stranded(&mut self, now: Instant) -> Option<Instant> {
        if self.writer.is_some() || self.waiting.is_empty() {
            return None;
        }
        Some(*self.stranded_since.get_or_insert(now))
    }

    fn remember_late(&mut self, now: Instant, written: Instant, message: Arc<OwnMessage>) {
        if self.late.len() >= self.limits.late_max {
            self.late.pop_front();
        }
        self.late.push_back((now, written, message));
    }
}

impl InFlight {
    fn message(&self) -> Option<&Arc<OwnMessage>> {
        self.owed.message()
    }
}

fn is_unconfirmed(outcome: &Outcome, msg_id: Uuid) -> bool {
    matches!(outcome, Outcome::Unconfirmed(message, _) if message.msg_id == msg_id)
}

#[cfg(test)]
#[path = "outgoing_tests.rs"]
mod tests;

//! A router with one peer and its disk, as small as they can be.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use uuid::Uuid;

use crate::proto::outbox::{Admitted, Load, Outbox, Route, Stored};

use crate::{
    proto::{
        link::LinkId,
        outgoing::{Entry, Outcome, OwnMessage, PeerQueue, QueueLimits},
        resend::LinkKind,
    },
    wire::{destination::Destination, identity::PeerId},
};

const LIMITS: QueueLimits = QueueLimits {
    lines_max: 6,
    bytes_max: 1000,
    ack_timeout: Duration::from_secs(3600),
    resend: true,
    late_max: 100,
    late_age: Duration::from_secs(3600),
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Queued,
    Sent,
    Ended(&'static str),
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) message: Arc<OwnMessage>,
    pub(super) state: State,
    pub(super) lost: u8,
    /// How often it was handed to a link.
    pub(super) written: u8,
    /// Last states that were told; behind one other a late *delivered* may come.
    pub(super) ends: Vec<&'static str>,
}

/// A router with one peer, and its disk.
pub(super) struct Model {
    pub(super) outbox: Outbox,
    pub(super) queue: PeerQueue,
    pub(super) disk: Vec<Row>,
    kind: LinkKind,
    pub(super) link: Option<LinkId>,
    links: u64,
    now: Instant,
    pub(super) load: Option<(Load, Vec<Stored>)>,
    /// What the link that is open has begun to write.
    begun: Vec<u64>,
    /// What was handed to the link that is open, in order.
    pub(super) taken: Vec<u64>,
}

pub(super) fn bob() -> PeerId {
    PeerId::parse("bob@X").unwrap()
}

fn entry(stored: &Stored) -> Option<Entry> {
    Some(Entry {
        message: Arc::clone(&stored.message),
        line: Bytes::from(vec![u8::try_from(stored.message.number).unwrap(); 10]),
        expires: None,
        announced: true,
        lost: stored.lost,
    })
}

impl Model {
    pub(super) fn new(stream: bool) -> Self {
        Self {
            outbox: Outbox::new(10),
            queue: PeerQueue::new(LIMITS).parking(),
            disk: Vec::new(),
            kind: LinkKind { stream, acks: true },
            link: None,
            links: 0,
            now: Instant::now(),
            load: None,
            begun: Vec::new(),
            taken: Vec::new(),
        }
    }

    /// What the router does with a new message; whether it was accepted.
    pub(super) fn send(&mut self) -> bool {
        let number = u64::try_from(self.disk.len()).unwrap();
        let message = Arc::new(OwnMessage {
            msg_id: Uuid::from_u128(u128::from(number)),
            number,
            to: Destination::Peer(bob()),
            text: "x".into(),
            reference: None,
        });
        let stored = Stored {
            row: i64::try_from(number).unwrap() + 1,
            message: Arc::clone(&message),
            lost: 0,
            was_sent: false,
        };
        let state = match self.outbox.route(&bob(), self.link.is_some()) {
            Route::Full => return false,
            Route::Disk => State::Queued,
            Route::Queue => State::Sent,
        };
        match state {
            State::Queued => self.outbox.put(&bob()),
            _ if self.queue.push(entry(&stored).unwrap()).is_err() => return false,
            _ => {}
        }
        self.disk.push(Row {
            message,
            state,
            lost: 0,
            written: 0,
            ends: Vec::new(),
        });
        true
    }

    fn row(&mut self, message: &OwnMessage) -> &mut Row {
        &mut self.disk[usize::try_from(message.number).unwrap()]
    }

    fn end(&mut self, message: &OwnMessage, how: &'static str) {
        let row = self.row(message);
        row.ends.push(how);
        row.state = State::Ended(how);
    }

    pub(super) fn apply(&mut self, outcomes: Vec<Outcome>) {
        for outcome in outcomes {
            match outcome {
                Outcome::Delivered(message, _) => self.end(&message, "delivered"),
                Outcome::AckTimedOut(message) => self.end(&message, "timeout"),
                Outcome::Unconfirmed(message, _) => self.end(&message, "sent"),
                Outcome::Failed(message, _) => self.end(&message, "failed"),
                Outcome::Missed(_) => {}
                Outcome::LinkLost(message) => {
                    let row = self.row(&message);
                    (row.lost, row.state) = (row.lost + 1, State::Queued);
                }
                Outcome::Parked(message) => {
                    self.row(&message).state = State::Queued;
                    self.outbox.given_back(&bob());
                }
            }
        }
    }

    pub(super) fn open(&mut self) {
        if self.link.is_some() {
            return;
        }
        self.links += 1;
        self.link = Some(LinkId(self.links));
        self.queue.set_writer(self.link);
        self.taken.clear();
        self.begun.clear();
        let returned: Vec<_> = self.queue.returned().cloned().collect();
        for message in returned {
            self.row(&message).state = State::Sent;
        }
    }

    pub(super) fn lose(&mut self) {
        if let Some(link) = self.link.take() {
            let outcomes = self.queue.link_lost(link, self.kind);
            self.apply(outcomes);
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        let outcomes = self.queue.expire(self.now);
        self.apply(outcomes);
    }

    /// The writer takes one and writes it, or only begins to.
    pub(super) fn take(&mut self, whole: bool) -> bool {
        let taken = self.link.and_then(|link| self.queue.take(link, false));
        let Some(line) = taken else {
            return false;
        };
        let number = u64::from(line[0]);
        self.taken.push(number);
        self.begun.push(number);
        if whole {
            for number in std::mem::take(&mut self.begun) {
                self.disk[usize::try_from(number).unwrap()].written += 1;
            }
            let link = self.link.unwrap();
            self.queue.written(self.now, link, self.kind);
        }
        true
    }

    pub(super) fn acknowledge(&mut self) -> bool {
        let Some(number) = self.taken.first().copied() else {
            return false;
        };
        self.taken.remove(0);
        let id = Uuid::from_u128(u128::from(number));
        let outcome = self.queue.acknowledged(self.now, id);
        self.apply(outcome.into_iter().collect());
        true
    }

    /// Asks the disk, which answers from what is on it now.
    pub(super) fn ask(&mut self) {
        if self.link.is_none() || self.load.is_some() {
            return;
        }
        let Some(load) = self.outbox.load(&bob(), &self.queue) else {
            return;
        };
        let rows = self.disk.iter().zip(1i64..);
        let waits = rows.filter(|(row, at)| {
            *at > load.after && matches!(row.state, State::Queued | State::Sent)
        });
        let stored = waits.map(|(row, at)| Stored {
            row: at,
            message: Arc::clone(&row.message),
            lost: row.lost,
            was_sent: row.state == State::Sent,
        });
        let rows = stored.take(load.limit).collect();
        self.load = Some((load, rows));
    }

    pub(super) fn answer(&mut self) {
        let Some((load, rows)) = self.load.take() else {
            return;
        };
        if self.link.is_none() {
            return self.outbox.not_loaded(&load.peer);
        }
        let admitted = self
            .outbox
            .admit(&bob(), rows, &mut self.queue, self.kind, entry);
        for fate in admitted {
            match fate {
                Admitted::Crashed(message) => self.row(&message).lost += 1,
                Admitted::Queued(message) => self.row(&message).state = State::Sent,
                Admitted::Unconfirmed(message, _) => self.end(&message, "sent"),
            }
        }
    }

    /// The process ends without a word, and begins anew with what is on disk.
    pub(super) fn crash(&mut self) {
        self.queue = PeerQueue::new(LIMITS).parking();
        (self.link, self.load) = (None, None);
        self.taken.clear();
        self.begun.clear();
        let waits = |row: &&Row| matches!(row.state, State::Queued | State::Sent);
        let count = self.disk.iter().filter(waits).count();
        self.outbox = Outbox::new(10);
        self.outbox.restore(bob(), count);
    }

    /// The peer comes, and acknowledges all that it gets.
    pub(super) fn deliver_all(&mut self) {
        self.open();
        for _ in 0..200 {
            self.ask();
            self.answer();
            while self.take(true) {}
            while self.acknowledge() {}
        }
    }

    pub(super) fn fates(&self) -> Vec<&'static str> {
        let fate = |row: &Row| match row.state {
            State::Ended(how) => how,
            State::Queued => "queued",
            State::Sent => "under way",
        };
        self.disk.iter().map(fate).collect()
    }
}

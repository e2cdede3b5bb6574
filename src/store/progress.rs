//! How far the writer is with recorded facts, and which of them failed.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;

use super::{StoreError, facts::Ticket};

/// Failed facts that are remembered; of older ones the reason is forgotten.
pub(super) const FAILED_MAX: usize = 10_000;

/// How far the writer is. Every ticket up to `done` is on disk, except those that [`Progress::failed`] names.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// The last ticket that was decided.
    pub done: Ticket,
    failed: Arc<Failed>,
}

/// Gives the tickets. Held while a fact is put in, so that tickets stand in the queue in their order.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    /// The last one given.
    pub last: Ticket,
    /// The writer has ended: nobody decides on further ones.
    pub is_closed: bool,
}

/// The facts that could not be kept, in the order of their tickets.
#[derive(Debug, Default)]
pub(super) struct Failed(Mutex<VecDeque<(Ticket, StoreError)>>);

impl Progress {
    /// Nothing decided yet.
    pub(super) fn new(failed: Arc<Failed>) -> Self {
        Self {
            done: Ticket::default(),
            failed,
        }
    }

    /// Whether this fact was decided: kept, or failed.
    pub fn has(&self, ticket: Ticket) -> bool {
        ticket <= self.done
    }

    /// Why this fact is not on disk; none if it is, or is not decided yet.
    pub fn failed(&self, ticket: Ticket) -> Option<StoreError> {
        let failed = self.failed.0.lock();
        let at = failed.binary_search_by_key(&ticket, |(of, _)| *of).ok()?;
        failed.get(at).map(|(_, error)| error.clone())
    }
}

impl Failed {
    /// Notes a failed fact; the oldest is forgotten when there is no room.
    pub(super) fn note(&self, ticket: Ticket, error: StoreError) {
        let mut failed = self.0.lock();
        if failed.len() == FAILED_MAX {
            failed.pop_front();
        }
        failed.push_back((ticket, error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_failures_are_remembered() {
        let failed = Arc::new(Failed::default());
        let progress = Progress::new(Arc::clone(&failed));
        let last = FAILED_MAX as u64 + 1;
        for ticket in (0..=last).filter(|ticket| *ticket != 7) {
            failed.note(Ticket(ticket), StoreError::Busy);
        }
        assert_eq!(progress.failed(Ticket(0)), None);
        assert_eq!(progress.failed(Ticket(7)), None);
        assert_eq!(progress.failed(Ticket(8)), Some(StoreError::Busy));
        assert_eq!(progress.failed(Ticket(last)), Some(StoreError::Busy));
        assert!(!progress.has(Ticket(1)));
    }
}

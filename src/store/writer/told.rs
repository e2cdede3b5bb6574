//! What the writer tells of recorded facts, shared with the handle.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::store::{
    Progress, StoreError,
    facts::Ticket,
    progress::{Failed, Tickets},
};

/// The tickets, and how far they are decided.
#[derive(Debug)]
pub struct Told {
    pub(super) tickets: Arc<Mutex<Tickets>>,
    progress: Arc<watch::Sender<Progress>>,
    failed: Arc<Failed>,
    /// The last fact that was decided.
    pub(super) decided: Ticket,
}

impl Told {
    /// Nothing told yet.
    pub fn new(
        tickets: Arc<Mutex<Tickets>>,
        progress: Arc<watch::Sender<Progress>>,
        failed: Arc<Failed>,
    ) -> Self {
        Self {
            tickets,
            progress,
            failed,
            decided: Ticket::default(),
        }
    }

    /// This fact could not be kept.
    pub(super) fn failed(&mut self, ticket: Ticket, error: StoreError) {
        self.failed.note(ticket, error);
        self.decided = ticket;
    }

    /// Tells once for all facts of a batch.
    pub(super) fn tell(&self) {
        self.progress.send_if_modified(|progress| {
            let is_news = progress.done < self.decided;
            progress.done = progress.done.max(self.decided);
            is_news
        });
    }
}

//! The store as the actors share it: links keep what came, the router what we sent, HistoryActor looks after both. It
//! knows whether the store works, so that a failure is told once, and outlives every actor.

use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::clock;
use crate::{
    metrics::Metrics,
    proto::texts::Texts,
    store::{
        Progress, Store, StoreError,
        facts::{Fact, Incoming, Ticket},
    },
};

/// The settings of what waits on disk (section `history`).
#[derive(Debug, Clone, Copy)]
pub struct DiskLimits {
    /// Messages that wait for one peer.
    pub outbox_messages: usize,
    /// How long one waits.
    pub outbox_age: Duration,
}

/// The store of a running node, and how it is.
pub struct Disk {
    store: Store,
    limits: DiskLimits,
    metrics: Arc<Metrics>,
    health: watch::Sender<Health>,
    /// What was told of it last; outlives HistoryActor.
    told: Mutex<Health>,
}

/// Whether the store does what it is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Why it does not; none while it works.
    pub error: Option<StoreError>,
    /// How many times it did not, since it worked last.
    pub failures: u64,
}

impl Disk {
    /// The opened store.
    pub fn new(store: Store, limits: DiskLimits, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Self {
            store,
            limits,
            metrics,
            health: watch::Sender::default(),
            told: Mutex::default(),
        })
    }

    /// The store itself, for questions.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The settings.
    pub fn limits(&self) -> DiskLimits {
        self.limits
    }

    /// How it is, now and later.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// Keeps texts that came, and gives those that are new; an error means that none was kept. Waits for COMMIT.
    /// Called by the reader of a link.
    pub async fn keep(&self, incoming: Incoming) -> Result<Texts, StoreError> {
        let texts = incoming.texts.clone();
        let begun = clock::now();
        let kept = self.store.receive(incoming).await;
        let waited = clock::now().saturating_duration_since(begun);
        self.metrics.commit_latency.record(waited);
        self.note(kept.as_ref().map(drop));
        let is_new = kept?;
        if is_new.iter().all(|it| *it) {
            return Ok(texts);
        }
        let duplicates = is_new.iter().filter(|it| !**it).count();
        let duplicates = u64::try_from(duplicates).unwrap_or(0);
        self.metrics.texts_duplicate.add(duplicates);
        let new = texts.iter().zip(is_new);
        Ok(new
            .filter_map(|(text, is_new)| is_new.then_some(text))
            .collect())
    }

    /// Notes something about an own message. Called by the router.
    pub fn record(&self, fact: Fact) -> Ticket {
        self.store.record(fact)
    }

    /// How far recorded facts are.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.store.progress()
    }

    /// Waits until this fact is on disk, or has failed.
    pub async fn committed(&self, ticket: Ticket) {
        let mut progress = self.progress();
        // An error means that the store is closed: nothing more is decided.
        drop(progress.wait_for(|it| it.has(ticket)).await);
    }

    /// Why this decided fact is not on disk; none if it is.
    pub fn failed(&self, ticket: Ticket) -> Option<StoreError> {
        let error = self.progress().borrow().failed(ticket);
        self.note(error.as_ref().map_or(Ok(()), Err));
        error
    }

    /// Notes whether the store did what it was asked for.
    pub fn note(&self, result: Result<(), &StoreError>) {
        let is_news = |health: &Health| match result {
            Ok(()) => health.error.is_some(),
            // The node is ending; or it was a question too many.
            Err(StoreError::Closed | StoreError::Busy) => false,
            Err(_) => true,
        };
        if !is_news(&self.health.borrow()) {
            return;
        }
        self.metrics.store_failures.add(u64::from(result.is_err()));
        self.health.send_modify(|health| match result {
            Ok(()) => health.error = None,
            Err(error) => {
                let before = if health.error.is_some() {
                    health.failures
                } else {
                    0
                };
                health.failures = before + 1;
                health.error = Some(error.clone());
            }
        });
    }

    /// What changed of its health since it was told last; that is told now.
    pub(super) fn news(&self) -> Option<Health> {
        let now = self.health.borrow().clone();
        let mut told = self.told.lock();
        let is_news = now.error.is_some() != told.error.is_some();
        *told = now.clone();
        is_news.then_some(now)
    }
}

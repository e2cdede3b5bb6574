//! The thread that writes: takes jobs, puts those that wait into one transaction, and answers after COMMIT.
//!
//! With durability *full* a transaction waits a moment for company, since a commit costs a wait for the disk; with
//! *normal* it takes what is there. One bad job does not take the others with it; a full disk is told to all of them,
//! and the next one tries again.

mod answer;
mod apply;
mod batch;
mod index;
mod outbox;
mod peer_ids;
mod prune;
mod told;
mod upkeep;

use std::{
    collections::VecDeque,
    sync::{Arc, mpsc::Receiver},
};

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

pub(super) use self::told::Told;
use self::{peer_ids::PeerIds, upkeep::Upkeep};
use super::{
    Durability, StoreConfig, StoreError,
    facts::{Fact, Incoming, Queued, RowId, Ticket},
    opening::{Database, set_meta},
};
use crate::{proto::outgoing::OwnMessage, wire::identity::PeerId};

/// Where the answer to a job goes.
type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Job {
    Receive {
        incoming: Incoming,
        reply: Reply<Vec<bool>>,
        /// Its share of the queue, free again when the job is done.
        _room: OwnedSemaphorePermit,
    },
    Record {
        fact: Fact,
        ticket: Ticket,
    },
    /// A fact that could not be kept before.
    Again {
        fact: Fact,
    },
    Outbox {
        peer: PeerId,
        after: RowId,
        limit: usize,
        reply: Reply<Vec<Queued>>,
    },
    Expire {
        before: Timestamp,
        max: usize,
        reply: Reply<Vec<OwnMessage>>,
    },
    CatchUp {
        reply: Reply<()>,
    },
    Close {
        reply: Reply<()>,
    },
}

/// What a job came to within a transaction.
#[derive(Debug)]
enum Done {
    Received(Vec<bool>),
    Recorded,
    Queued(Vec<Queued>),
    Expired(Vec<OwnMessage>),
    Nothing,
}

/// The writer and all that it remembers.
#[derive(Debug)]
pub(super) struct Writer {
    database: Database,
    jobs: Receiver<Job>,
    durability: Durability,
    /// How long an id that is no UUID marks duplicates, in ms.
    dedup_ms: i64,
    told: Told,
    /// Facts that could not be kept and are tried again with the next jobs.
    owed: VecDeque<Fact>,
    peer_ids: PeerIds,
    upkeep: Upkeep,
}

impl Writer {
    /// A writer for an opened database.
    pub fn new(
        database: Database,
        config: &StoreConfig,
        jobs: Receiver<Job>,
        told: Told,
    ) -> Result<Self, StoreError> {
        let upkeep = Upkeep::new(&database.connection, config)
            .map_err(|error| StoreError::of(&database.path, &error))?;
        Ok(Self {
            database,
            jobs,
            durability: config.durability,
            dedup_ms: i64::try_from(config.dedup_age.as_millis()).unwrap_or(i64::MAX),
            told,
            owed: VecDeque::new(),
            peer_ids: PeerIds::default(),
            upkeep,
        })
    }

    /// Works until the store is closed or all its handles are gone.
    pub fn run(mut self) {
        let mut batch = VecDeque::new();
        let mut closing = None;
        while closing.is_none() && self.collect(&mut batch) {
            if matches!(batch.back(), Some(Job::Close { .. })) {
                closing = batch.pop_back();
            }
            self.work(&mut batch);
        }
        self.work(&mut batch);
        let ended = self.end();
        if let Some(job) = closing {
            self.answer(job, ended.map(|()| Done::Nothing));
        }
    }

    /// Notes that this run ended as it should, and carries the log over.
    fn end(&mut self) -> Result<(), StoreError> {
        let ended = self.finish_upkeep();
        let connection = &self.database.connection;
        let ended = ended
            .and_then(|()| set_meta(connection, "clean", 1))
            .and_then(|()| {
                // A reader beside us may keep the log from being cut, which is no loss.
                connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            });
        ended.map_err(|error| StoreError::of(&self.database.path, &error))
    }
}

impl Drop for Writer {
    /// What was put in behind the closing gets its answer too; and so it is if this thread ends by a panic.
    fn drop(&mut self) {
        let tickets = Arc::clone(&self.told.tickets);
        let mut tickets = tickets.lock();
        tickets.is_closed = true;
        while let Ok(job) = self.jobs.try_recv() {
            self.answer(job, Err(StoreError::Closed));
        }
        self.told.decided = tickets.last;
        self.told.tell();
    }
}

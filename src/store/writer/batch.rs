//! Which jobs become one transaction, and how each of them gets its own answer.

use std::{
    sync::mpsc::{RecvTimeoutError, TryRecvError},
    time::{Duration, Instant},
};

use super::{Done, Job, Writer};
use crate::store::{Durability, StoreError};

/// Rows in one transaction, after which it is committed; one job may bring more.
const ROWS_MAX: usize = 256;

/// How long a transaction waits for company with durability *full*.
const LINGER: Duration = Duration::from_millis(1);

impl Writer {
    /// Waits for jobs and takes those that belong together; upkeep is done meanwhile. False: all handles are gone.
    pub(super) fn collect(&mut self, batch: &mut Vec<Job>) -> bool {
        let Some(first) = self.first() else {
            return false;
        };
        let mut rows = rows_of(&first);
        let until = Instant::now() + LINGER;
        batch.push(first);
        while rows < ROWS_MAX && !matches!(batch.last(), Some(Job::Close { .. })) {
            let next = match self.durability {
                Durability::Full => {
                    let left = until.saturating_duration_since(Instant::now());
                    self.jobs.recv_timeout(left).ok()
                }
                Durability::Normal => self.jobs.try_recv().ok(),
            };
            let Some(job) = next else { break };
            rows += rows_of(&job);
            batch.push(job);
        }
        true
    }

    /// Does all jobs of a batch and answers them.
    pub(super) fn work(&mut self, batch: &mut Vec<Job>) {
        if batch.is_empty() {
            return;
        }
        match self.together(batch) {
            Ok(done) => {
                for (job, done) in batch.drain(..).zip(done) {
                    self.answer(job, Ok(done));
                }
            }
            Err(error) if error.concerns_all() || batch.len() == 1 => {
                for job in batch.drain(..) {
                    self.answer(job, Err(error.clone()));
                }
            }
            Err(_) => self.one_by_one(batch),
        }
        self.upkeep_under_load();
    }

    /// Answers one job; a fact through the progress.
    pub(super) fn answer(&mut self, job: Job, result: Result<Done, StoreError>) {
        // Who asked may have gone away; what was committed stays.
        match (job, result) {
            (Job::Record { ticket, .. }, result) => {
                if let Err(error) = result {
                    self.failed.note(ticket, error);
                }
                self.progress.send_modify(|progress| progress.done = ticket);
            }
            (Job::Receive { reply, .. }, Ok(Done::Received(new))) => drop(reply.send(Ok(new))),
            (Job::Receive { reply, .. }, result) => drop(reply.send(Err(error_of(result)))),
            (Job::Outbox { reply, .. }, Ok(Done::Queued(queued))) => drop(reply.send(Ok(queued))),
            (Job::Outbox { reply, .. }, result) => drop(reply.send(Err(error_of(result)))),
            (Job::Expire { reply, .. }, Ok(Done::Expired(failed))) => drop(reply.send(Ok(failed))),
            (Job::Expire { reply, .. }, result) => drop(reply.send(Err(error_of(result)))),
            (Job::CatchUp { reply }, Ok(_)) => drop(reply.send(self.catch_up())),
            (Job::CatchUp { reply } | Job::Close { reply }, result) => {
                drop(reply.send(result.map(drop)));
            }
        }
    }

    fn first(&mut self) -> Option<Job> {
        loop {
            match self.jobs.try_recv() {
                Ok(job) => return Some(job),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => {}
            }
            let Some(wait) = self.upkeep_when_idle() else {
                return self.jobs.recv().ok();
            };
            match self.jobs.recv_timeout(wait) {
                Ok(job) => return Some(job),
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => self.upkeep_at_leisure(),
            }
        }
    }

    fn one_by_one(&mut self, batch: &mut Vec<Job>) {
        for job in batch.drain(..) {
            let done = self.together(std::slice::from_ref(&job));
            let done = done.map(|mut done| done.pop().unwrap_or(Done::Nothing));
            self.answer(job, done);
        }
    }

    /// All jobs in one transaction, or none of them.
    fn together(&mut self, jobs: &[Job]) -> Result<Vec<Done>, StoreError> {
        let done = self.transaction(jobs);
        let done = done.map_err(|error| StoreError::of(&self.database.path, &error));
        if done.is_err() {
            self.roll_back();
        }
        done
    }

    fn transaction(&mut self, jobs: &[Job]) -> rusqlite::Result<Vec<Done>> {
        self.execute("BEGIN IMMEDIATE")?;
        let mut done = Vec::with_capacity(jobs.len());
        for job in jobs {
            done.push(self.apply(job)?);
        }
        self.execute("COMMIT")?;
        Ok(done)
    }

    /// After some errors SQLite has rolled back itself.
    fn roll_back(&mut self) {
        if !self.database.connection.is_autocommit()
            && let Err(error) = self.execute("ROLLBACK")
        {
            tracing::error!(%error, "a transaction could not be rolled back");
        }
        self.peer_ids.forget();
        self.upkeep.forget_uncommitted();
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        let mut statement = self.database.connection.prepare_cached(sql)?;
        statement.execute([]).map(drop)
    }
}

fn rows_of(job: &Job) -> usize {
    match job {
        Job::Receive { incoming, .. } => incoming.texts.len(),
        _ => 1,
    }
}

/// The error of a job that did not come to what it should have.
fn error_of(result: Result<Done, StoreError>) -> StoreError {
    result.err().unwrap_or(StoreError::Closed)
}

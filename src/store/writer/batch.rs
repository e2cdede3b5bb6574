//! Which jobs become one transaction, and how each of them gets its own answer.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
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
    pub(super) fn collect(&mut self, batch: &mut VecDeque<Job>) -> bool {
        let Some(first) = self.first() else {
            return false;
        };
        let mut rows = rows_of(&first);
        let until = Instant::now() + LINGER;
        batch.push_back(first);
        while rows < ROWS_MAX && !matches!(batch.back(), Some(Job::Close { .. })) {
            let next = match self.durability {
                Durability::Full => {
                    let left = until.saturating_duration_since(Instant::now());
                    self.jobs.recv_timeout(left).ok()
                }
                Durability::Normal => self.jobs.try_recv().ok(),
            };
            let Some(job) = next else { break };
            rows += rows_of(&job);
            batch.push_back(job);
        }
        true
    }

    /// Does all jobs of a batch and answers them, whatever happens: a panic is answered too.
    pub(super) fn work(&mut self, batch: &mut VecDeque<Job>) {
        self.put_owed_first(batch);
        if batch.is_empty() {
            return;
        }
        if catch_unwind(AssertUnwindSafe(|| self.do_all(batch))).is_err() {
            self.roll_back();
            let detail = "internal error".to_owned();
            self.answer_all(batch, &StoreError::Refused { detail });
        }
        self.told.tell();
        self.upkeep_under_load();
    }

    fn do_all(&mut self, batch: &mut VecDeque<Job>) {
        match self.together(batch.make_contiguous()) {
            Ok(done) => {
                for done in done {
                    self.answer_next(batch, Ok(done));
                }
            }
            // Where there is no room for a message there is some for what becomes of others.
            Err(StoreError::Full(_)) => {
                self.upkeep.look_soon();
                self.one_by_one(batch);
            }
            Err(error) if error.concerns_all() => self.answer_all(batch, &error),
            Err(_) => self.one_by_one(batch),
        }
    }

    fn one_by_one(&mut self, batch: &mut VecDeque<Job>) {
        while let Some(job) = batch.front() {
            let done = self.together(std::slice::from_ref(job));
            let done = done.map(|mut done| done.pop().unwrap_or(Done::Nothing));
            self.answer_next(batch, done);
        }
    }

    fn answer_all(&mut self, batch: &mut VecDeque<Job>, error: &StoreError) {
        while !batch.is_empty() {
            self.answer_next(batch, Err(error.clone()));
        }
    }

    fn answer_next(&mut self, batch: &mut VecDeque<Job>, result: Result<Done, StoreError>) {
        if let Some(job) = batch.pop_front() {
            self.answer(job, result);
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

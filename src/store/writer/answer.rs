//! The answers to jobs, and the facts that are owed: those that could not be kept, and are true all the same.

use std::collections::VecDeque;

use super::{Done, Job, Reply, Writer};
use crate::store::{
    StoreError,
    facts::{Fact, State, Ticket},
};

/// Facts that are tried again with the next jobs; of more the oldest are lost.
const OWED_MAX: usize = 10_000;

impl Writer {
    /// Answers one job; a fact through the progress. Who asked may have gone away: what was committed stays.
    pub(super) fn answer(&mut self, job: Job, result: Result<Done, StoreError>) {
        match (job, result) {
            (Job::Record { ticket, .. }, Ok(_)) => self.told.decided = ticket,
            (Job::Record { ticket, fact }, Err(error)) => self.not_kept(ticket, fact, error),
            (Job::Again { .. }, Ok(_)) => {}
            (Job::Again { fact }, Err(error)) => self.owe(fact, &error),
            (Job::Receive { reply, .. }, Ok(Done::Received(new))) => drop(reply.send(Ok(new))),
            (Job::Outbox { reply, .. }, Ok(Done::Queued(queued))) => drop(reply.send(Ok(queued))),
            (Job::Expire { reply, .. }, Ok(Done::Expired(failed))) => drop(reply.send(Ok(failed))),
            (Job::CatchUp { reply }, Ok(_)) => drop(reply.send(self.catch_up())),
            (Job::Close { reply }, result) => drop(reply.send(result.map(drop))),
            (Job::Receive { reply, .. }, result) => refuse(reply, result),
            (Job::Outbox { reply, .. }, result) => refuse(reply, result),
            (Job::Expire { reply, .. }, result) => refuse(reply, result),
            (Job::CatchUp { reply }, result) => refuse(reply, result),
        }
    }

    /// Facts that are owed come before all others, in their order.
    pub(super) fn put_owed_first(&mut self, batch: &mut VecDeque<Job>) {
        while let Some(fact) = self.owed.pop_back() {
            batch.push_front(Job::Again { fact });
        }
    }

    fn not_kept(&mut self, ticket: Ticket, fact: Fact, error: StoreError) {
        self.owe(fact, &error);
        self.told.failed(ticket, error);
    }

    /// What was refused for itself is refused again; what was to wait here and could not has failed.
    fn owe(&mut self, fact: Fact, error: &StoreError) {
        let waits = matches!(
            fact,
            Fact::Accepted {
                state: State::Queued,
                ..
            }
        );
        if waits || !error.concerns_all() {
            return;
        }
        if self.owed.len() == OWED_MAX {
            self.owed.pop_front();
        }
        self.owed.push_back(fact);
    }
}

fn refuse<T>(reply: Reply<T>, result: Result<Done, StoreError>) {
    drop(reply.send(Err(result.err().unwrap_or(StoreError::Closed))));
}

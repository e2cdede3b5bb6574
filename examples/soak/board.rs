//! What all threads of the soak look at: the books, who is linked with whom, and answers to questions.

use std::{
    collections::{HashMap, HashSet},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::ledger::{Ledger, Life};

/// The shared state, and the bell that is rung when it changes.
#[derive(Default)]
pub struct Board {
    state: Mutex<State>,
    changed: Condvar,
}

/// The shared state.
#[derive(Default)]
pub struct State {
    /// The books.
    pub ledger: Ledger,
    /// The peers each process is linked with.
    pub linked: HashMap<Life, HashSet<String>>,
    /// Answers that somebody waits for, by process and `ref`.
    pub answers: HashMap<(Life, String), Value>,
    /// The first event of each process.
    pub ready: HashMap<Life, Value>,
}

impl Board {
    /// The state, for a short while.
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until this finds something; none when the time is over.
    pub fn wait<T>(
        &self,
        limit: Duration,
        mut find: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let end = Instant::now() + limit;
        let mut state = self.state();
        loop {
            if let Some(found) = find(&mut state) {
                return Some(found);
            }
            let left = end.checked_duration_since(Instant::now())?;
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A process printed this event.
    pub fn event(&self, life: Life, event: Value) {
        let mut state = self.state();
        state.ledger.event(life, &event, Instant::now());
        state.note(life, event);
        drop(state);
        self.changed.notify_all();
    }
}

impl State {
    fn note(&mut self, life: Life, event: Value) {
        let peer = event["peer"].as_str().unwrap_or_default();
        match event["event"].as_str().unwrap_or_default() {
            "peer_connected" => {
                self.linked.entry(life).or_default().insert(peer.to_owned());
            }
            "peer_disconnected" if event["still_linked"] == false => {
                self.linked.entry(life).or_default().remove(peer);
            }
            "reply" => {
                // Only questions have no number as `ref`.
                let question = event["ref"]
                    .as_str()
                    .filter(|it| it.parse::<usize>().is_err());
                if let Some(question) = question.map(str::to_owned) {
                    self.answers.insert((life, question), event);
                }
            }
            "ready" => drop(self.ready.insert(life, event)),
            _ => {}
        }
    }
}

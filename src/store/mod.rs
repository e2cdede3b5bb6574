//! The store: what was said and what became of it, on disk, and the messages that wait there for absent peers.
//!
//! SQLite in one file, and the only place that knows SQL. One thread owns the connection that writes and answers after
//! COMMIT; another one reads. Knows texts, identities and own messages, and nothing of links, actors or settings: what
//! is acknowledged when, and shown to whom, is decided above.
//!
//! Where to look: [`Store`] is the handle of a running node, [`Reader`] reads the same file beside it, [`facts`] is
//! what is told to the store and [`rows`] what is asked of it. `docs/store.md` says what users may rely on.

mod error;
pub mod facts;
mod handle;
mod key;
mod opening;
mod place;
mod progress;
mod reading;
pub mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use std::{path::PathBuf, time::Duration};

pub use error::StoreError;
pub use handle::{Opened, Store};
pub use place::{DATABASE, MARKER, is_there};
pub use progress::Progress;
pub use reading::Reader;

use crate::wire::identity::PeerId;

/// How many peers [`Opened`] names, those of the newest messages: so many a node knows at once.
pub const KNOWN_MAX: usize = 10_000;

/// What an ACK promises (`history.durability`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// What was acknowledged survives a crash of the process and the loss of power.
    Full,
    /// It survives a crash of the process; the loss of power may take the last commits.
    Normal,
}

/// What a store is opened with (settings section `history`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The folder of the identity; it must be there.
    pub folder: PathBuf,
    /// The identity itself: to whom texts without an audience are addressed.
    pub own: PeerId,
    /// What an ACK promises.
    pub durability: Durability,
    /// How long a message id that is no UUID marks duplicates (`connection.dedup_age`).
    pub dedup_age: Duration,
    /// Most messages kept; the oldest go, but none of the outbox. 0: no limit.
    pub max_messages: u64,
    /// Most bytes of the database; from 90 % on the oldest messages go.
    pub max_bytes: u64,
}

impl StoreConfig {
    /// The built-in values of all that is not the identity's.
    pub fn new(folder: PathBuf, own: PeerId) -> Self {
        Self {
            folder,
            own,
            durability: Durability::Full,
            dedup_age: Duration::from_secs(600),
            max_messages: 1_000_000,
            max_bytes: 1 << 30,
        }
    }
}

//! What the writer does when nobody waits for it, and under load just so much that nothing grows without bound: the
//! index of words, and removing the oldest messages.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::{Writer, index::Index, prune};
use crate::store::{Durability, StoreConfig, StoreError};

/// Messages that are indexed at once when the queue is empty: few, since somebody may come.
const INDEX_SMALL: usize = 32;

/// Messages that are indexed at once when nobody came for a while, or the index is too far behind.
const INDEX_LARGE: usize = 1024;

/// Messages the index may be behind under load: a burst is taken at full speed, and indexed later.
pub(super) const LAG_MAX: i64 = 100_000;

/// Messages that one search, or closing, has indexed at most.
const CATCH_UP_MAX: i64 = 20_000;

/// Quiet time after which a few messages are indexed too.
const LEISURE: Duration = Duration::from_millis(20);

/// The wait after upkeep that failed, as on a full disk.
const FAILED_WAIT: Duration = Duration::from_secs(5);

/// Messages removed in one portion.
const PRUNE_ROWS: usize = 256;

/// Messages added between two looks at the size.
const LOOK_ROWS: u64 = 1024;

/// From this share of the largest size on the oldest messages go.
const FULL_PERCENT: u64 = 90;

/// What upkeep knows of the database.
#[derive(Debug)]
pub(super) struct Upkeep {
    index: Index,
    /// The newest message that is committed.
    newest: i64,
    /// The newest message of the transaction under way, and how many it added.
    pending: (i64, u64),
    /// How many messages there are; counted when it is first needed.
    count: Option<u64>,
    /// Messages added since the last look at the size.
    unseen: u64,
    count_max: u64,
    bytes_max: u64,
    too_many: bool,
    rest_until: Option<Instant>,
}

impl Upkeep {
    /// What the database says.
    pub fn new(connection: &Connection, config: &StoreConfig) -> rusqlite::Result<Self> {
        let newest = connection.query_row("SELECT max(id) FROM messages", [], |row| {
            row.get::<_, Option<i64>>(0)
        })?;
        Ok(Self {
            index: Index::read(connection)?,
            newest: newest.unwrap_or(0),
            pending: (0, 0),
            count: None,
            unseen: LOOK_ROWS,
            count_max: config.max_messages,
            bytes_max: config.max_bytes,
            too_many: false,
            rest_until: None,
        })
    }

    /// The transaction under way added this message.
    pub fn added(&mut self, id: i64) {
        self.pending = (id, self.pending.1 + 1);
    }

    /// The transaction under way was rolled back.
    pub fn forget_uncommitted(&mut self) {
        self.pending = (0, 0);
    }

    /// Indexes what is left, as far as that is soon done.
    pub fn finish(
        &mut self,
        connection: &Connection,
        durability: Durability,
    ) -> rusqlite::Result<()> {
        self.commit_seen();
        let enough = self.index.to + CATCH_UP_MAX;
        while self.index.to < self.newest.min(enough) {
            self.index.portion(connection, INDEX_LARGE, durability)?;
        }
        Ok(())
    }

    fn commit_seen(&mut self) {
        let (newest, added) = std::mem::take(&mut self.pending);
        self.newest = self.newest.max(newest);
        self.count = self.count.map(|count| count + added);
        self.unseen += added;
    }

    fn lag(&self) -> i64 {
        self.newest - self.index.to
    }

    fn rests(&self) -> bool {
        self.rest_until.is_some_and(|until| Instant::now() < until)
    }

    /// Whether there is too much, by number or size.
    fn look(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.unseen = 0;
        let count = match self.count {
            Some(count) => count,
            None => number(connection, "SELECT count(*) FROM messages")?,
        };
        self.count = Some(count);
        let bytes = bytes(connection)?;
        let too_large = bytes / FULL_PERCENT >= self.bytes_max / 100;
        self.too_many = too_large || (self.count_max > 0 && count > self.count_max);
        Ok(())
    }

    fn prune(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        let removed = prune::portion(connection, self.newest, PRUNE_ROWS)?;
        self.count = self.count.map(|count| count.saturating_sub(removed));
        self.look(connection)?;
        if removed == 0 {
            // All that is left is the outbox.
            self.too_many = false;
        }
        prune::peers(connection)
    }
}

impl Writer {
    /// After each batch: only what cannot wait.
    pub(super) fn upkeep_under_load(&mut self) {
        self.upkeep.commit_seen();
        if self.upkeep.rests() {
            return;
        }
        if self.upkeep.lag() > LAG_MAX {
            self.index_some(INDEX_LARGE);
        }
        if self.upkeep.unseen >= LOOK_ROWS || self.upkeep.too_many {
            self.prune_some();
        }
    }

    /// When the queue is empty: a little, then how long to wait for the next job; none if there is nothing to do.
    pub(super) fn upkeep_when_idle(&mut self) -> Option<Duration> {
        if self.upkeep.rests() {
            return Some(FAILED_WAIT);
        }
        if self.upkeep.lag() >= INDEX_SMALL as i64 {
            self.index_some(INDEX_SMALL);
            return Some(Duration::ZERO);
        }
        let has_work = self.upkeep.lag() > 0 || self.upkeep.too_many || self.upkeep.count.is_none();
        has_work.then_some(LEISURE)
    }

    /// When nobody came for a while: more.
    pub(super) fn upkeep_at_leisure(&mut self) {
        if self.upkeep.rests() {
            return;
        }
        if self.upkeep.lag() > 0 {
            self.index_some(INDEX_LARGE);
        }
        if self.upkeep.too_many || self.upkeep.count.is_none() {
            self.prune_some();
        }
    }

    /// Brings the index up to date for a search.
    pub(super) fn catch_up(&mut self) -> Result<(), StoreError> {
        let finished = self
            .upkeep
            .finish(&self.database.connection, self.durability);
        finished.map_err(|error| StoreError::of(&self.database.path, &error))
    }

    fn index_some(&mut self, rows_max: usize) {
        let connection = &self.database.connection;
        let done = self
            .upkeep
            .index
            .portion(connection, rows_max, self.durability);
        self.rest_after(done, "the history could not be indexed");
    }

    fn prune_some(&mut self) {
        let connection = &self.database.connection;
        let mut done = self.upkeep.look(connection);
        if done.is_ok() && self.upkeep.too_many {
            done = self.upkeep.prune(connection).map(|peers_went| {
                if peers_went {
                    self.peer_ids.forget();
                }
            });
        }
        self.rest_after(done, "old messages could not be removed");
    }

    fn rest_after(&mut self, done: rusqlite::Result<()>, words: &'static str) {
        if let Err(error) = done {
            tracing::warn!(%error, "{words}");
            self.upkeep.rest_until = Some(Instant::now() + FAILED_WAIT);
        }
    }
}

/// Bytes of the database, without what is free in it.
fn bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pages = number(connection, "PRAGMA page_count")?;
    let free = number(connection, "PRAGMA freelist_count")?;
    Ok(pages.saturating_sub(free) * number(connection, "PRAGMA page_size")?)
}

fn number(connection: &Connection, sql: &str) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row([], |row| Ok(row.get::<_, i64>(0)?.unsigned_abs()))
}

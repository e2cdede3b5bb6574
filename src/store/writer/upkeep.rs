//! What the writer does when nobody waits for it, and under load just so much that nothing grows without bound: the
//! index of words, and removing the oldest messages.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::{Writer, index::Index, prune};
use crate::store::{Durability, StoreConfig, StoreError, opening::set_quota};

/// Messages that are indexed at once when the queue is empty: few, since somebody may come.
const INDEX_SMALL: usize = 32;

/// The pause between two such portions: where links wait for their ACKs the queue is empty after each commit.
const INDEX_PAUSE: Duration = Duration::from_millis(20);

/// Messages that are indexed at once when nobody came for a while, or the index is too far behind.
const INDEX_LARGE: usize = 1024;

/// Messages the index may be behind under load: a burst is taken at full speed, and indexed later.
pub(super) const LAG_MAX: i64 = 100_000;

/// Messages that one search, or closing, has indexed at most.
const CATCH_UP_MAX: i64 = 20_000;

/// Quiet time after which a few messages are indexed too.
const LEISURE: Duration = Duration::from_millis(20);

/// The wait after upkeep that failed, as on a full disk.
const FAILED_WAIT: Duration = Duration::from_secs(30);

/// Messages removed in one portion.
const PRUNE_ROWS: u64 = 256;

/// Portions removed at the end of a run; the rest goes in the next one.
const PRUNE_AT_END: usize = 40;

/// Beyond the largest size no message is taken, but what becomes of those that are there still finds this room.
pub(super) const RESERVE_BYTES: u64 = 1 << 20;

/// The index leaves half of the reserve to others.
const INDEX_RESERVE_BYTES: u64 = RESERVE_BYTES / 2;

/// Removing takes room at first: it may take more than all others.
const PRUNE_RESERVE_BYTES: u64 = 2 * RESERVE_BYTES;

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
    /// How many messages are to go.
    excess: u64,
    /// Indexing failed, as on a full disk: not again before.
    index_rests_until: Option<Instant>,
    /// When a portion was indexed last.
    indexed_at: Option<Instant>,
    /// Removing failed: not again before.
    prune_rests_until: Option<Instant>,
}

impl Upkeep {
    /// What the database says.
    pub fn new(connection: &Connection, config: &StoreConfig) -> rusqlite::Result<Self> {
        let newest = connection.query_row("SELECT max(id) FROM messages", [], |row| {
            row.get::<_, Option<i64>>(0)
        })?;
        set_quota(connection, config.max_bytes.saturating_add(RESERVE_BYTES))?;
        Ok(Self {
            index: Index::read(connection)?,
            newest: newest.unwrap_or(0),
            pending: (0, 0),
            count: None,
            unseen: LOOK_ROWS,
            count_max: config.max_messages,
            bytes_max: config.max_bytes,
            excess: 0,
            index_rests_until: None,
            indexed_at: None,
            prune_rests_until: None,
        })
    }

    /// Whether there is room for another message. That there is none is an error like that of a full disk.
    pub fn check_room(&self, connection: &Connection) -> rusqlite::Result<()> {
        match bytes(connection)? < self.bytes_max {
            true => Ok(()),
            false => Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL),
                Some("history.max_size is reached".into()),
            )),
        }
    }

    /// The transaction under way added this message.
    pub fn added(&mut self, id: i64) {
        self.pending = (id, self.pending.1 + 1);
    }

    /// The transaction under way was rolled back.
    pub fn forget_uncommitted(&mut self) {
        self.pending = (0, 0);
    }

    /// There was no room: look at the next occasion whether old messages can go.
    pub fn look_soon(&mut self) {
        self.unseen = LOOK_ROWS;
        self.count = None;
    }

    /// Indexes what is left, as far as that is soon done.
    pub fn index_rest(
        &mut self,
        connection: &Connection,
        durability: Durability,
    ) -> rusqlite::Result<()> {
        self.commit_seen();
        let enough = self.index.to + CATCH_UP_MAX;
        while self.index.to < self.newest.min(enough) {
            self.index_portion(connection, INDEX_LARGE, durability)?;
        }
        Ok(())
    }

    fn index_portion(
        &mut self,
        connection: &Connection,
        rows_max: usize,
        durability: Durability,
    ) -> rusqlite::Result<()> {
        let portion = || self.index.portion(connection, rows_max, durability);
        self.index.to = self.with_reserve(connection, INDEX_RESERVE_BYTES, portion)?;
        self.indexed_at = Some(Instant::now());
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

    /// Messages to index, if that is not to rest.
    fn to_index(&self) -> i64 {
        if rests(self.index_rests_until) {
            0
        } else {
            self.lag()
        }
    }

    fn is_to_prune(&self) -> bool {
        (self.excess > 0 || self.count.is_none()) && !rests(self.prune_rests_until)
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
        let limit = if self.count_max == 0 {
            u64::MAX
        } else {
            self.count_max
        };
        self.excess = match bytes / FULL_PERCENT >= self.bytes_max / 100 {
            true => count,
            false => count.saturating_sub(limit),
        };
        Ok(())
    }

    /// With another share of the reserve than messages and facts have.
    fn with_reserve<T>(
        &self,
        connection: &Connection,
        reserve: u64,
        work: impl FnOnce() -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        set_quota(connection, self.bytes_max.saturating_add(reserve))?;
        let done = work();
        set_quota(connection, self.bytes_max.saturating_add(RESERVE_BYTES))?;
        done
    }

    /// Removes a portion of the oldest messages, if there are too many; says whether peers went too.
    fn prune(&mut self, connection: &Connection) -> rusqlite::Result<bool> {
        self.look(connection)?;
        if self.excess == 0 {
            return Ok(false);
        }
        let rows = self.excess.min(PRUNE_ROWS);
        let newest = self.newest;
        let portion = || prune::portion(connection, newest, rows);
        let removed = self.with_reserve(connection, PRUNE_RESERVE_BYTES, portion)?;
        self.count = self.count.map(|count| count.saturating_sub(removed));
        self.look(connection)?;
        if removed == 0 {
            // All that is left is the outbox.
            self.excess = 0;
        }
        prune::peers(connection)
    }
}

impl Writer {
    /// After each batch: only what cannot wait.
    pub(super) fn upkeep_under_load(&mut self) {
        self.upkeep.commit_seen();
        if self.upkeep.to_index() > LAG_MAX {
            self.index_some(INDEX_LARGE);
        }
        if self.upkeep.unseen >= LOOK_ROWS || self.upkeep.excess > 0 {
            self.prune_some();
        }
    }

    /// When the queue is empty: a little, then how long to wait for the next job; none if there is nothing to do.
    pub(super) fn upkeep_when_idle(&mut self) -> Option<Duration> {
        let to_index = self.upkeep.to_index();
        let paused = self.upkeep.indexed_at;
        let paused = paused.is_none_or(|at| at.elapsed() >= INDEX_PAUSE);
        if to_index >= INDEX_SMALL as i64 && paused {
            self.index_some(INDEX_SMALL);
            return Some(Duration::ZERO);
        }
        if to_index > 0 || self.upkeep.is_to_prune() {
            return Some(LEISURE);
        }
        (self.upkeep.lag() > 0 || self.upkeep.excess > 0).then_some(FAILED_WAIT)
    }

    /// When nobody came for a while: more.
    pub(super) fn upkeep_at_leisure(&mut self) {
        if self.upkeep.to_index() > 0 {
            self.index_some(INDEX_LARGE);
        }
        if self.upkeep.is_to_prune() {
            self.prune_some();
        }
    }

    /// Before the end of a run: the index, and what is too much.
    pub(super) fn finish_upkeep(&mut self) -> rusqlite::Result<()> {
        let connection = &self.database.connection;
        self.upkeep.index_rest(connection, self.durability)?;
        for _ in 0..PRUNE_AT_END {
            self.upkeep.prune(connection)?;
            if self.upkeep.excess == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Brings the index up to date for a search.
    pub(super) fn catch_up(&mut self) -> Result<(), StoreError> {
        let finished = self
            .upkeep
            .index_rest(&self.database.connection, self.durability);
        finished.map_err(|error| StoreError::of(&self.database.path, &error))
    }

    fn index_some(&mut self, rows_max: usize) {
        let connection = &self.database.connection;
        if let Err(error) = self
            .upkeep
            .index_portion(connection, rows_max, self.durability)
        {
            tracing::warn!(%error, "the history could not be indexed");
            self.upkeep.index_rests_until = Some(Instant::now() + FAILED_WAIT);
        }
    }

    fn prune_some(&mut self) {
        if rests(self.upkeep.prune_rests_until) {
            return;
        }
        match self.upkeep.prune(&self.database.connection) {
            Ok(true) => self.peer_ids.forget(),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "old messages could not be removed");
                self.upkeep.prune_rests_until = Some(Instant::now() + FAILED_WAIT);
            }
        }
    }
}

fn rests(until: Option<Instant>) -> bool {
    until.is_some_and(|until| Instant::now() < until)
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

//! Reading the store: beside a running node or without one. Never writes.

mod life;
mod query;
mod row;
mod words;

use std::{
    path::{Path, PathBuf},
    sync::mpsc::Receiver,
};

use rusqlite::Connection;

use self::row::read_row;
use super::{
    StoreError,
    facts::RowId,
    handle::Question,
    opening::{Database, open_reader},
    rows::{Life, MessageName, Query, Row, Stats},
};
use crate::wire::{destination::Destination, identity::PeerId};

/// Messages read at once by [`Reader::each`]; between two such portions the writer can tidy up its log.
const PORTION: usize = 500;

/// A connection that reads.
#[derive(Debug)]
pub struct Reader {
    database: Database,
    /// The identity whose store it is.
    own: Destination,
}

impl Reader {
    /// Opens the store in the folder of an identity.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let database = open_reader(folder)?;
        let own =
            own(&database.connection).map_err(|error| StoreError::of(&database.path, &error))?;
        let own = PeerId::parse(&own).map_err(|error| StoreError::Damaged {
            path: database.path.clone(),
            detail: error.to_string(),
        })?;
        let own = Destination::Peer(own);
        Ok(Self { database, own })
    }

    /// The newest messages a query asks for, oldest first.
    pub fn rows(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
        let mut rows = self.select(query, query::Order::NewestFirst, None, query.count)?;
        rows.reverse();
        Ok(rows)
    }

    /// The same one after the other, so that not all are in memory; ends when `each` says so.
    pub fn each(&self, query: &Query, mut each: impl FnMut(Row) -> bool) -> Result<(), StoreError> {
        let Some(first) = self.first(query)? else {
            return Ok(());
        };
        let mut after = RowId(first.0 - 1);
        loop {
            let rows = self.select(query, query::Order::OldestFirst, Some(after), PORTION)?;
            let is_last = rows.len() < PORTION;
            for row in rows {
                after = row.row;
                if !each(row) {
                    return Ok(());
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }

    /// An own message and all that happened to it.
    pub fn life(&self, name: &MessageName) -> Result<Option<Life>, StoreError> {
        let life = life::of(&self.database.connection, &self.own, name);
        life.map_err(|error| self.error(&error))
    }

    /// The peers of this name, in whatever namespace.
    pub fn peers_named(&self, name: &str) -> Result<Vec<PeerId>, StoreError> {
        let read = || -> rusqlite::Result<Vec<String>> {
            let sql = "SELECT peer FROM peers WHERE substr(peer, 1, length(?1)) = ?1 ORDER BY id";
            let mut statement = self.database.connection.prepare_cached(sql)?;
            let peers = statement.query_map([format!("{name}@")], |row| row.get(0))?;
            peers.collect()
        };
        let peers = read().map_err(|error| self.error(&error))?;
        let peers = peers.iter().filter_map(|peer| PeerId::parse(peer).ok());
        Ok(peers.filter(|peer| peer.name() == name).collect())
    }

    /// What there is.
    pub fn stats(&self) -> Result<Stats, StoreError> {
        stats(&self.database.connection).map_err(|error| self.error(&error))
    }

    fn select(
        &self,
        query: &Query,
        order: query::Order,
        after: Option<RowId>,
        count: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let Some(select) = query::select(query, order, after, count) else {
            return Ok(Vec::new());
        };
        let read = || -> rusqlite::Result<Vec<Row>> {
            let mut statement = self.database.connection.prepare_cached(&select.sql)?;
            let values = rusqlite::params_from_iter(&select.values);
            let rows = statement.query_map(values, |row| read_row(row, &self.own))?;
            rows.collect()
        };
        read().map_err(|error| self.error(&error))
    }

    /// The oldest of the newest messages a query asks for.
    fn first(&self, query: &Query) -> Result<Option<RowId>, StoreError> {
        let Some(select) = query::first(query) else {
            return Ok(None);
        };
        let values = rusqlite::params_from_iter(&select.values);
        let first = self
            .database
            .connection
            .query_row(&select.sql, values, |row| row.get::<_, Option<i64>>(0));
        let first = first.map_err(|error| self.error(&error))?;
        Ok(first.map(RowId))
    }

    fn error(&self, error: &rusqlite::Error) -> StoreError {
        StoreError::of(&self.database.path, error)
    }
}

/// Answers questions until nobody can ask any more.
pub(super) fn serve(mut reader: Reader, questions: &Receiver<Question>) {
    while let Ok(question) = questions.recv() {
        question(&mut reader);
    }
}

/// Looks whether the database in this folder is sound.
pub(super) fn check(folder: &Path) -> Result<(), StoreError> {
    let Database { connection, path } = open_reader(folder)?;
    let found = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    match found {
        Ok(words) if words == "ok" => Ok(()),
        Ok(detail) => Err(StoreError::Damaged { path, detail }),
        Err(error) => Err(StoreError::of(&path, &error)),
    }
}

fn own(connection: &Connection) -> rusqlite::Result<String> {
    let sql = "SELECT value FROM meta WHERE name = 'peer_id'";
    connection.query_row(sql, [], |row| row.get(0))
}

fn stats(connection: &Connection) -> rusqlite::Result<Stats> {
    let number = |sql: &str| {
        let number = connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
        Ok::<_, rusqlite::Error>(number?.unwrap_or(0).unsigned_abs())
    };
    let pages = number("PRAGMA page_count")?.saturating_sub(number("PRAGMA freelist_count")?);
    Ok(Stats {
        messages: number("SELECT count(*) FROM messages")?,
        bytes: pages * number("PRAGMA page_size")?,
        unindexed: number(
            "SELECT count(*) FROM messages
             WHERE id > (SELECT value FROM meta WHERE name = 'indexed_to')",
        )?,
        outbox: number(
            "SELECT count(*) FROM messages WHERE own = 1 AND audience IS NULL AND state <= 1",
        )?,
    })
}

impl Reader {
    /// The identity whose store it is.
    pub fn own(&self) -> &Destination {
        &self.own
    }

    /// Where the database lies.
    pub fn path(&self) -> &PathBuf {
        &self.database.path
    }
}

//! The index of words, built behind the writer: what is not indexed yet is what a search does not find yet.

use rusqlite::{Connection, params};

use crate::store::{
    Durability,
    opening::{set_durability, set_meta},
};

/// Bytes of text indexed in one portion, whatever its rows: about 10 ms.
const BYTES_MAX: usize = 256 * 1024;

const BEHIND: &str = "SELECT id, text FROM messages WHERE id > ?1 ORDER BY id LIMIT ?2";
const ADD: &str = "INSERT INTO words (rowid, text) VALUES (?1, ?2)";

/// How far the index is.
#[derive(Debug)]
pub(super) struct Index {
    /// Every message up to this one is indexed.
    pub to: i64,
}

impl Index {
    /// As far as the database says.
    pub fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let sql = "SELECT value FROM meta WHERE name = 'indexed_to'";
        let to = connection.query_row(sql, [], |row| row.get(0))?;
        Ok(Self { to })
    }

    /// Indexes at most so many messages in a transaction of its own, and says how far the index is then. It does not
    /// wait for the disk: what a loss of power takes of the index is indexed again.
    pub fn portion(
        &self,
        connection: &Connection,
        rows_max: usize,
        durability: Durability,
    ) -> rusqlite::Result<i64> {
        set_durability(connection, Durability::Normal)?;
        let done = self.transaction(connection, rows_max);
        if done.is_err() && !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK")?;
        }
        set_durability(connection, durability)?;
        done
    }

    fn transaction(&self, connection: &Connection, rows_max: usize) -> rusqlite::Result<i64> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        let to = self.add(connection, rows_max)?;
        set_meta(connection, "indexed_to", to)?;
        connection.prepare_cached("COMMIT")?.execute([])?;
        Ok(to)
    }

    fn add(&self, connection: &Connection, rows_max: usize) -> rusqlite::Result<i64> {
        let mut behind = connection.prepare_cached(BEHIND)?;
        let mut add = connection.prepare_cached(ADD)?;
        let limit = i64::try_from(rows_max).unwrap_or(i64::MAX);
        let mut rows = behind.query(params![self.to, limit])?;
        let (mut to, mut bytes) = (self.to, 0);
        while bytes < BYTES_MAX
            && let Some(row) = rows.next()?
        {
            to = row.get(0)?;
            let text = row.get_ref(1)?.as_str()?;
            bytes += text.len();
            add.execute(params![to, text])?;
        }
        Ok(to)
    }
}

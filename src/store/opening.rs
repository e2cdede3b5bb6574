//! Opening the database: for the one writer of a node, and for readers beside it.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::{Durability, KNOWN_MAX, StoreConfig, StoreError, handle::Opened, place, schema};
use crate::wire::identity::PeerId;

/// How long a connection waits for another program that holds the database.
const BUSY_WAIT: Duration = Duration::from_millis(if cfg!(test) { 20 } else { 2000 });

/// Statements kept ready per connection: more than there are.
const STATEMENTS: usize = 64;

/// Pages of the write-ahead log after which a commit carries them into the database: 16 MiB.
const CHECKPOINT_PAGES: i64 = 4096;

/// The write-ahead log is cut to so many bytes when it was carried over.
const LOG_BYTES_MAX: i64 = 64 << 20;

/// A connection and where it leads.
#[derive(Debug)]
pub(super) struct Database {
    pub connection: Connection,
    pub path: PathBuf,
}

/// Opens the database of this folder to write, creating it the first time.
pub(super) fn open_writer(config: &StoreConfig) -> Result<(Database, Opened), StoreError> {
    let path = place::database(&config.folder, true)?;
    let failed = |error| StoreError::of(&path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
    prepare(&connection).map_err(failed)?;
    set_durability(&connection, config.durability).map_err(failed)?;
    schema::migrate(&connection, &path)?;
    let opened = begin(&connection, config).map_err(failed)?;
    place::mark_created(&config.folder)?;
    Ok((Database { connection, path }, opened))
}

/// Opens the database of this folder to read, beside a node or without one.
pub(super) fn open_reader(folder: &Path) -> Result<Database, StoreError> {
    let path = place::database(folder, false)?;
    match read(&path, path.as_os_str(), OpenFlags::empty()) {
        // Where nothing may be written, as in a backup, and nothing is: no log is needed to read.
        Err(StoreError::NotWritable { .. }) if !place::has_log(&path) => {
            let encoded = percent_encoding::percent_encode(
                path.as_os_str().as_encoded_bytes(),
                percent_encoding::NON_ALPHANUMERIC,
            );
            let uri = format!("file:{encoded}?immutable=1");
            read(&path, uri.as_ref(), OpenFlags::SQLITE_OPEN_URI)
        }
        opened => opened,
    }
}

fn read(path: &Path, name: &OsStr, more: OpenFlags) -> Result<Database, StoreError> {
    let failed = |error| StoreError::of(path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | more;
    let connection = Connection::open_with_flags(name, flags).map_err(failed)?;
    connection.busy_timeout(BUSY_WAIT).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    schema::check_readable(&connection, path)?;
    Ok(Database {
        connection,
        path: path.to_owned(),
    })
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Answers with the mode it is in, so it cannot be a plain update.
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_MAX)
}

/// Whether commits wait for the disk.
pub(super) fn set_durability(
    connection: &Connection,
    durability: Durability,
) -> rusqlite::Result<()> {
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)
}

/// A hard bound that SQLite keeps itself; a database that is larger already grows no more.
pub(super) fn set_quota(connection: &Connection, bytes_max: u64) -> rusqlite::Result<()> {
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let pages = i64::try_from(bytes_max).unwrap_or(i64::MAX) / page.max(1);
    connection.pragma_update_and_check(None, "max_page_count", pages.max(1), |_| Ok(()))
}

/// Notes that a run began, and reads what a node has to know of the earlier ones.
fn begin(connection: &Connection, config: &StoreConfig) -> rusqlite::Result<Opened> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let clean: Option<bool> = connection
        .query_row("SELECT value FROM meta WHERE name = 'clean'", [], |row| {
            row.get(0)
        })
        .optional()?;
    set_meta(connection, "clean", 0)?;
    set_meta(connection, "peer_id", config.own.as_str())?;
    let opened = Opened {
        last_number: last_number(connection)?,
        known: known(connection)?,
        outbox: outbox(connection)?,
        unclean: clean == Some(false),
    };
    connection.execute_batch("COMMIT")?;
    Ok(opened)
}

/// Notes a value of the database itself.
pub(super) fn set_meta(
    connection: &Connection,
    name: &str,
    value: impl rusqlite::ToSql,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO meta (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE value IS NOT excluded.value",
    )?;
    statement.execute(rusqlite::params![name, value]).map(drop)
}

fn last_number(connection: &Connection) -> rusqlite::Result<u64> {
    let last: Option<i64> = connection.query_row(
        "SELECT max(number) FROM messages WHERE own = 1",
        [],
        |row| row.get(0),
    )?;
    Ok(last.map_or(0, i64::cast_unsigned))
}

fn known(connection: &Connection) -> rusqlite::Result<Vec<PeerId>> {
    let mut statement = connection.prepare(
        "SELECT peer FROM peers
         ORDER BY (SELECT max(m.id) FROM messages m WHERE m.peer = peers.id) DESC, id DESC LIMIT ?1",
    )?;
    let peers = statement.query_map([i64::try_from(KNOWN_MAX).unwrap_or(0)], |row| {
        row.get::<_, String>(0)
    })?;
    let peers = peers.filter_map(|peer| peer.map(|peer| PeerId::parse(&peer).ok()).transpose());
    peers.collect()
}

fn outbox(connection: &Connection) -> rusqlite::Result<Vec<(PeerId, usize)>> {
    let mut statement = connection.prepare(
        "SELECT p.peer, o.count FROM (
             SELECT peer, count(*) AS count FROM messages
             WHERE own = 1 AND audience IS NULL AND state <= 1 GROUP BY peer
         ) o JOIN peers p ON p.id = o.peer",
    )?;
    let rows = statement.query_map([], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
    })?;
    let mut outbox = Vec::new();
    for row in rows {
        let (peer, count) = row?;
        if let Ok(peer) = PeerId::parse(&peer) {
            outbox.push((peer, usize::try_from(count).unwrap_or(0)));
        }
    }
    Ok(outbox)
}

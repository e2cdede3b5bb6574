//! The tables, and how a database of an older format becomes one of this format: one transaction a step.

use std::path::Path;

use rusqlite::Connection;

use super::StoreError;

/// Says that a database is ours: "papo".
pub(super) const APPLICATION_ID: i64 = 0x7061_706f;

/// From each format to the next, the first from nothing. Steps that were released never change.
const STEPS: &[&str] = &[FIRST];

/// The format this papo writes.
pub(super) const FORMAT: i64 = STEPS.len() as i64;

/// `key` finds repeated texts; `state <= 1` is the outbox (queued, sent). `words` holds no text of its own and is filled
/// behind the writer, up to `meta.indexed_to`.
const FIRST: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
    INSERT INTO meta VALUES ('indexed_to', 0), ('clean', 1);
    CREATE TABLE peers (id INTEGER PRIMARY KEY, peer TEXT NOT NULL UNIQUE);
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        own INTEGER NOT NULL,
        peer INTEGER,
        audience TEXT,
        key INTEGER,
        number INTEGER,
        state INTEGER,
        peers INTEGER,
        lost INTEGER,
        rtt INTEGER,
        reason TEXT,
        reference TEXT,
        address TEXT,
        msg_id TEXT NOT NULL,
        text TEXT NOT NULL
    );
    CREATE INDEX messages_by_peer ON messages (peer);
    CREATE INDEX messages_by_audience ON messages (audience) WHERE audience IS NOT NULL;
    CREATE INDEX received_by_key ON messages (peer, key) WHERE own = 0;
    CREATE INDEX own_by_id ON messages (msg_id) WHERE own = 1;
    CREATE INDEX own_by_number ON messages (number) WHERE own = 1;
    CREATE INDEX outbox ON messages (peer) WHERE own = 1 AND audience IS NULL AND state <= 1;
    CREATE TABLE steps (
        message INTEGER NOT NULL,
        n INTEGER NOT NULL,
        at INTEGER NOT NULL,
        what INTEGER NOT NULL,
        detail TEXT,
        PRIMARY KEY (message, n)
    ) WITHOUT ROWID;
    CREATE VIRTUAL TABLE words USING fts5 (
        text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2'
    );
";

/// Brings the database to this format; its journal is then the write-ahead log. A new one is made ours.
pub(super) fn migrate(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |error| StoreError::of(path, &error);
    let found = format_of(connection).map_err(failed)?;
    if found == 0 && !is_empty(connection).map_err(failed)? {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    if found > 0 {
        check_ours(connection, path)?;
    }
    if found > FORMAT {
        return Err(newer(path, found));
    }
    run_steps(connection, STEPS, found).map_err(failed)
}

/// Whether a reader can use the database as it is.
pub(super) fn check_readable(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    check_ours(connection, path)?;
    match format_of(connection).map_err(|error| StoreError::of(path, &error))? {
        found if found > FORMAT => Err(newer(path, found)),
        found if found < FORMAT => Err(StoreError::Older(path.to_owned())),
        _ => Ok(()),
    }
}

fn run_steps(connection: &Connection, steps: &[&str], found: i64) -> rusqlite::Result<()> {
    let done = usize::try_from(found).unwrap_or(0);
    for (at, step) in steps.iter().enumerate().skip(done) {
        let next = at + 1;
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID}; {step}; PRAGMA user_version = {next}; COMMIT;"
        ))?;
    }
    Ok(())
}

fn format_of(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn is_empty(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)",
        [],
        |row| row.get(0),
    )
}

fn check_ours(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let id = connection.pragma_query_value(None, "application_id", |row| row.get::<_, i64>(0));
    match id.map_err(|error| StoreError::of(path, &error))? {
        APPLICATION_ID => Ok(()),
        _ => Err(StoreError::Foreign(path.to_owned())),
    }
}

fn newer(path: &Path, found: i64) -> StoreError {
    StoreError::Newer {
        path: path.to_owned(),
        found,
        known: FORMAT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_memory() -> Connection {
        Connection::open_in_memory().unwrap()
    }

    fn migrated(connection: &Connection) -> Result<(), StoreError> {
        migrate(connection, Path::new("history.db"))
    }

    #[test]
    fn a_new_database_gets_every_table_and_an_up_to_date_one_stays() {
        let connection = in_memory();
        migrated(&connection).unwrap();
        assert_eq!(format_of(&connection).unwrap(), FORMAT);
        migrated(&connection).unwrap();
        check_readable(&connection, Path::new("history.db")).unwrap();
    }

    #[test]
    fn each_step_is_done_once_and_in_order() {
        let connection = in_memory();
        let steps = [
            "CREATE TABLE a (x); INSERT INTO a VALUES (1)",
            "ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x + 1",
        ];
        run_steps(&connection, &steps[..1], 0).unwrap();
        connection.execute("INSERT INTO a VALUES (5)", []).unwrap();
        run_steps(&connection, &steps, 1).unwrap();
        let sum: i64 = connection
            .query_row("SELECT sum(y) FROM a", [], |row| row.get(0))
            .unwrap();
        assert_eq!((sum, format_of(&connection).unwrap()), (8, 2));
    }

    #[test]
    fn a_step_that_fails_changes_nothing() {
        let connection = in_memory();
        let steps = [
            "CREATE TABLE a (x)",
            "CREATE TABLE b (x); CREATE TABLE a (x)",
        ];
        run_steps(&connection, &steps, 0).unwrap_err();
        connection.execute_batch("ROLLBACK").unwrap();
        assert_eq!(format_of(&connection).unwrap(), 1);
        assert!(connection.execute("INSERT INTO b VALUES (1)", []).is_err());
    }

    #[test]
    fn a_newer_format_and_a_foreign_database_are_refused() {
        let connection = in_memory();
        migrated(&connection).unwrap();
        connection
            .pragma_update(None, "user_version", FORMAT + 1)
            .unwrap();
        let expected = newer(Path::new("history.db"), FORMAT + 1);
        assert_eq!(migrated(&connection), Err(expected.clone()));
        let path = Path::new("history.db");
        assert_eq!(check_readable(&connection, path), Err(expected));

        let foreign = in_memory();
        foreign.execute_batch("CREATE TABLE a (x)").unwrap();
        let expected = StoreError::Foreign("history.db".into());
        assert_eq!(migrated(&foreign), Err(expected.clone()));
        foreign.pragma_update(None, "user_version", 1).unwrap();
        assert_eq!(migrated(&foreign), Err(expected));
    }
}

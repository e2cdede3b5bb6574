//! What goes when there is too much: the oldest messages, but none of the outbox and never the newest one.

use rusqlite::{Connection, params};

/// Peers without any message that are remembered; of more the oldest go.
const MET_MAX: i64 = 10_000;

const OLDEST: &str = "DELETE FROM messages WHERE id IN (
        SELECT id FROM messages
        WHERE id < ?1 AND NOT (own = 1 AND audience IS NULL AND state <= 1) ORDER BY id LIMIT ?2
    ) RETURNING id, own";

const PEERS: &str = "DELETE FROM peers WHERE id IN (
        SELECT id FROM peers p WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.peer = p.id)
        ORDER BY id DESC LIMIT -1 OFFSET ?1
    )";

/// Removes at most so many of the oldest messages before `newest`, with all that belongs to them; says how many. Within
/// a transaction of its own.
pub(super) fn portion(
    connection: &Connection,
    newest: i64,
    rows_max: u64,
) -> rusqlite::Result<u64> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let removed = remove(connection, newest, rows_max);
    if removed.is_err() {
        if !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK")?;
        }
        return removed;
    }
    connection.prepare_cached("COMMIT")?.execute([])?;
    removed
}

/// Removes peers that were only met, if there are too many.
pub(super) fn peers(connection: &Connection) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(PEERS)?;
    Ok(statement.execute([MET_MAX])? > 0)
}

fn remove(connection: &Connection, newest: i64, rows_max: u64) -> rusqlite::Result<u64> {
    let limit = i64::try_from(rows_max).unwrap_or(i64::MAX);
    let mut oldest = connection.prepare_cached(OLDEST)?;
    let removed = oldest.query_map(params![newest, limit], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?))
    })?;
    let removed: Vec<(i64, bool)> = removed.collect::<rusqlite::Result<_>>()?;
    let mut words = connection.prepare_cached("DELETE FROM words WHERE rowid = ?1")?;
    let mut steps = connection.prepare_cached("DELETE FROM steps WHERE message = ?1")?;
    for (id, own) in &removed {
        words.execute([id])?;
        if *own {
            steps.execute([id])?;
        }
    }
    Ok(removed.len() as u64)
}

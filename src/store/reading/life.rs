//! The life of an own message.

use rusqlite::{Connection, OptionalExtension, types::FromSqlError};

use super::{
    query::COLUMNS,
    row::{read_row, time},
};
use crate::{
    store::rows::{Happened, Life, MessageName, Step},
    wire::destination::Destination,
};

/// The message of this name, the newest if several have it, and its steps in order.
pub(super) fn of(
    connection: &Connection,
    own: &Destination,
    name: &MessageName,
) -> rusqlite::Result<Option<Life>> {
    let Some(id) = find(connection, name)? else {
        return Ok(None);
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM messages m LEFT JOIN peers p ON p.id = m.peer WHERE m.id = ?1"
    );
    let row = connection
        .prepare_cached(&sql)?
        .query_row([id], |row| read_row(row, own))?;
    let mut statement = connection
        .prepare_cached("SELECT at, what, detail FROM steps WHERE message = ?1 ORDER BY n")?;
    let steps = statement.query_map([id], step)?;
    let steps = steps.collect::<rusqlite::Result<_>>()?;
    Ok(Some(Life { row, steps }))
}

fn find(connection: &Connection, name: &MessageName) -> rusqlite::Result<Option<i64>> {
    let id = match name {
        MessageName::Number(number) => {
            let sql = "SELECT max(id) FROM messages WHERE own = 1 AND number = ?1";
            let number = i64::try_from(*number).unwrap_or(-1);
            connection.query_row(sql, [number], |row| row.get(0))
        }
        MessageName::Id(begin) => {
            // Ids are hexadecimal: behind all that begin so stands the same with a `g`.
            let sql =
                "SELECT max(id) FROM messages WHERE own = 1 AND msg_id BETWEEN ?1 AND ?1 || 'g'";
            connection.query_row(sql, [begin], |row| row.get(0))
        }
        MessageName::Last => {
            let sql = "SELECT id FROM messages WHERE own = 1 ORDER BY number DESC, id DESC LIMIT 1";
            connection.query_row(sql, [], |row| row.get(0))
        }
    };
    id.optional().map(Option::flatten)
}

fn step(row: &rusqlite::Row<'_>) -> rusqlite::Result<Step> {
    let what: i64 = row.get(1)?;
    Ok(Step {
        at: time(row.get(0)?),
        what: Happened::of_code(what).ok_or(FromSqlError::OutOfRange(what))?,
        detail: row.get(2)?,
    })
}

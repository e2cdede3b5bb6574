//! A row of the table as a message.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::types::{FromSqlError, Type};

use crate::{
    store::{
        facts::{RowId, State},
        rows::{Fate, Row},
    },
    wire::{destination::Destination, identity::PeerId},
};

/// Reads the columns of [`super::query::COLUMNS`]; `own` is whose store it is.
pub(super) fn read_row(row: &rusqlite::Row<'_>, own: &Destination) -> rusqlite::Result<Row> {
    let is_own: bool = row.get(2)?;
    let peer = row.get_ref(3)?.as_str_or_null()?;
    let peer = peer.map(PeerId::parse).transpose();
    let peer = peer.map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(3, Type::Text, Box::new(error))
    })?;
    let audience = row.get_ref(4)?.as_str_or_null()?;
    let to = match (audience, &peer) {
        (Some(audience), _) => destination(audience),
        (None, Some(peer)) if is_own => Destination::Peer(peer.clone()),
        (None, _) => own.clone(),
    };
    Ok(Row {
        row: RowId(row.get(0)?),
        at: time(row.get(1)?),
        own: is_own,
        peer,
        to,
        address: row.get(12)?,
        msg_id: row.get(13)?,
        text: row.get(14)?,
        fate: if is_own { Some(fate(row)?) } else { None },
    })
}

/// A time as the tables hold it.
pub(super) fn time(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap_or_default()
}

fn fate(row: &rusqlite::Row<'_>) -> rusqlite::Result<Fate> {
    let count = |at| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at)?.unwrap_or(0));
    let state = count(6)?;
    let state = State::of_code(state).ok_or(FromSqlError::OutOfRange(state))?;
    Ok(Fate {
        number: count(5)?.unsigned_abs(),
        state,
        peers: u32::try_from(count(7)?).unwrap_or(u32::MAX),
        lost: u32::try_from(count(8)?).unwrap_or(u32::MAX),
        rtt: row
            .get::<_, Option<i64>>(9)?
            .map(|rtt| Duration::from_micros(rtt.unsigned_abs())),
        reason: row.get(10)?,
        reference: row.get(11)?,
    })
}

/// An audience as it was received: its namespace may break the rules for our own.
fn destination(audience: &str) -> Destination {
    match audience.strip_prefix('#') {
        Some(namespace) => Destination::Namespace(namespace.to_owned()),
        None => Destination::parse(audience).unwrap_or(Destination::Everyone),
    }
}

//! The outbox: direct own messages that are *queued* or *sent*.

use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::{apply::step, peer_ids::PeerIds};
use crate::{
    proto::outgoing::OwnMessage,
    store::{
        facts::{Queued, RowId, State},
        rows::Happened,
    },
    wire::{destination::Destination, identity::PeerId},
};

const BEHIND: &str = "SELECT id, at, number, reference, msg_id, text, lost, state FROM messages
    WHERE own = 1 AND audience IS NULL AND state <= 1 AND peer = ?1 AND id > ?2 ORDER BY id LIMIT ?3";

const OLD: &str =
    "SELECT m.id, m.at, m.number, m.reference, m.msg_id, m.text, m.lost, m.state, p.peer
    FROM messages m JOIN peers p ON p.id = m.peer
    WHERE m.own = 1 AND m.audience IS NULL AND m.state <= 1 AND m.at < ?1 LIMIT ?2";

const FAIL: &str = "UPDATE messages SET state = 5, reason = ?2 WHERE id = ?1";

/// Why a message of the outbox was given up.
const TOO_OLD: &str = "the peer did not come back in time";

/// The messages for this peer behind `after`, oldest first.
pub(super) fn behind(
    connection: &Connection,
    peer: &PeerId,
    after: RowId,
    limit: usize,
) -> rusqlite::Result<Vec<Queued>> {
    let Some(id) = PeerIds::find(connection, peer)? else {
        return Ok(Vec::new());
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(BEHIND)?;
    let rows = statement.query_map(params![id, after.0, limit], |row| queued(row, peer))?;
    rows.collect()
}

/// Gives up what was accepted before this time.
pub(super) fn expire(
    connection: &Connection,
    before: Timestamp,
    max: usize,
) -> rusqlite::Result<Vec<OwnMessage>> {
    let limit = i64::try_from(max).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(OLD)?;
    let old = statement.query_map(params![before.as_millisecond(), limit], |row| {
        let peer: String = row.get(8)?;
        queued(row, &parsed(&peer, PeerId::parse)?)
    })?;
    let old: Vec<Queued> = old.collect::<rusqlite::Result<_>>()?;
    let now = Timestamp::now().as_millisecond();
    for queued in &old {
        let mut fail = connection.prepare_cached(FAIL)?;
        fail.execute(params![queued.row.0, TOO_OLD])?;
        step(
            connection,
            queued.row.0,
            now,
            Happened::Failed,
            Some(TOO_OLD),
        )?;
    }
    Ok(old.into_iter().map(|queued| queued.message).collect())
}

fn queued(row: &Row<'_>, peer: &PeerId) -> rusqlite::Result<Queued> {
    let text = |at| row.get_ref(at).and_then(|text| Ok(text.as_str()?));
    let message = OwnMessage {
        msg_id: parsed(text(4)?, Uuid::try_parse)?,
        number: row.get::<_, i64>(2)?.unsigned_abs(),
        to: Destination::Peer(peer.clone()),
        text: text(5)?.into(),
        reference: row.get::<_, Option<String>>(3)?.map(Into::into),
    };
    Ok(Queued {
        row: RowId(row.get(0)?),
        message,
        at: Timestamp::from_millisecond(row.get(1)?).unwrap_or_default(),
        lost: u32::try_from(row.get::<_, i64>(6)?).unwrap_or(0),
        was_sent: row.get::<_, i64>(7)? == State::Sent.code(),
    })
}

fn parsed<T, E: std::error::Error + Send + Sync + 'static>(
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> rusqlite::Result<T> {
    let wrong = |error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(0, kind, Box::new(error))
    };
    parse(text).map_err(wrong)
}

//! What each job changes, within the transaction it is part of.

use std::borrow::Cow;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::{Done, Job, Writer, outbox};
use crate::{
    proto::{outgoing::OwnMessage, texts::Text},
    store::{
        facts::{Fact, Incoming, State},
        key,
        rows::{Happened, STEPS_MAX},
    },
    wire::destination::Destination,
};

const SEEN: &str = "SELECT max(at) FROM messages
    WHERE own = 0 AND peer = ?1 AND key = ?2 AND msg_id = ?3 AND text = ?4";

const RECEIVE: &str = "INSERT INTO messages (at, own, peer, audience, key, address, msg_id, text)
    VALUES (?1, 0, ?2, ?3, ?4, ?5, ?6, ?7)";

const ACCEPT: &str = "INSERT INTO messages
    (at, own, peer, audience, number, state, peers, lost, reference, msg_id, text)
    VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?9)";

const FIND: &str = "SELECT max(id) FROM messages WHERE own = 1 AND msg_id = ?1";

const PARK: &str = "UPDATE messages SET state = 0 WHERE own = 1 AND msg_id = ?1 AND state = 1";

/// The newest step takes the place of the last one when there are too many.
const STEP: &str = "INSERT OR REPLACE INTO steps (message, n, at, what, detail) VALUES
    (?1, min(?5, 1 + coalesce((SELECT max(n) FROM steps WHERE message = ?1), 0)), ?2, ?3, ?4)";

impl Writer {
    /// Does one job; what it wrote counts only if the transaction is committed.
    pub(super) fn apply(&mut self, job: &Job) -> rusqlite::Result<Done> {
        let connection = &self.database.connection;
        match job {
            Job::Receive { incoming, .. } => self.receive(incoming).map(Done::Received),
            Job::Record { fact, .. } | Job::Again { fact } => {
                self.record(fact).map(|()| Done::Recorded)
            }
            Job::Outbox {
                peer, after, limit, ..
            } => outbox::behind(connection, peer, *after, *limit).map(Done::Queued),
            Job::Expire { before, max, .. } => {
                outbox::expire(connection, *before, *max).map(Done::Expired)
            }
            Job::CatchUp { .. } | Job::Close { .. } => Ok(Done::Nothing),
        }
    }

    fn receive(&mut self, incoming: &Incoming) -> rusqlite::Result<Vec<bool>> {
        let connection = &self.database.connection;
        self.upkeep.check_room(connection)?;
        let peer = self.peer_ids.of(connection, &incoming.from)?;
        let (at, address) = (incoming.at.as_millisecond(), incoming.address.to_string());
        let mut seen = connection.prepare_cached(SEEN)?;
        let mut receive = connection.prepare_cached(RECEIVE)?;
        let mut new = Vec::with_capacity(incoming.texts.len());
        for Text {
            audience,
            msg_id,
            payload,
        } in incoming.texts.iter()
        {
            let key = key::of(msg_id, payload);
            let last: Option<i64> =
                seen.query_row(params![peer, key, msg_id, payload], |row| row.get(0))?;
            let is_new = last.is_none_or(|last| {
                !key::is_unique(msg_id) && last.abs_diff(at) > self.dedup_ms.unsigned_abs()
            });
            if is_new {
                let audience = audience.map(written);
                let row = params![at, peer, audience, key, address, msg_id, payload];
                self.upkeep.added(receive.insert(row)?);
            }
            new.push(is_new);
        }
        Ok(new)
    }

    fn record(&mut self, fact: &Fact) -> rusqlite::Result<()> {
        let connection = &self.database.connection;
        match fact {
            Fact::Accepted {
                message,
                state,
                peers,
                at,
            } => self.accept(message, *state, *peers, *at),
            Fact::Sent {
                msg_id,
                at,
                address,
            } => {
                let sql = "UPDATE messages SET state = 1 WHERE id = ?1 AND state = 0";
                let step = (Happened::Sent, Some(address.to_string()));
                happened(connection, msg_id, *at, step, sql, None)
            }
            Fact::LinkLost { msg_id, at } => {
                let sql = "UPDATE messages SET lost = lost + 1, state = iif(state = 1, 0, state)
                    WHERE id = ?1";
                happened(
                    connection,
                    msg_id,
                    *at,
                    (Happened::LinkLost, None),
                    sql,
                    None,
                )
            }
            Fact::Parked { msg_id } => {
                let mut park = connection.prepare_cached(PARK)?;
                let mut buffer = Uuid::encode_buffer();
                park.execute([id_text(msg_id, &mut buffer)]).map(drop)
            }
            Fact::Delivered { msg_id, at, rtt } => {
                let sql = "UPDATE messages SET state = 2, rtt = ?2, reason = NULL WHERE id = ?1";
                let rtt = i64::try_from(rtt.as_micros()).unwrap_or(i64::MAX);
                let step = (Happened::Delivered, None);
                happened(connection, msg_id, *at, step, sql, Some(&rtt))
            }
            Fact::TimedOut { msg_id, at, after } => {
                let sql = "UPDATE messages SET state = 3, reason = ?2 WHERE id = ?1 AND state <= 1";
                let reason = format!("not acknowledged after {} s", after.as_secs_f64());
                let step = (Happened::TimedOut, Some(reason.clone()));
                happened(connection, msg_id, *at, step, sql, Some(&reason))
            }
            Fact::Unconfirmed { msg_id, at, reason } => {
                let sql = "UPDATE messages SET state = 4, reason = ?2 WHERE id = ?1 AND state <= 3 AND state <> 2";
                let step = (Happened::Unconfirmed, Some(reason.clone()));
                happened(connection, msg_id, *at, step, sql, Some(reason))
            }
            Fact::Failed { msg_id, at, reason } => {
                let sql = "UPDATE messages SET state = 5, reason = ?2 WHERE id = ?1 AND state <> 2";
                let step = (Happened::Failed, Some(reason.clone()));
                happened(connection, msg_id, *at, step, sql, Some(reason))
            }
            Fact::Met { peer } => self.peer_ids.of(connection, peer).map(drop),
        }
    }

    fn accept(
        &mut self,
        message: &OwnMessage,
        state: State,
        peers: usize,
        at: Timestamp,
    ) -> rusqlite::Result<()> {
        let connection = &self.database.connection;
        self.upkeep.check_room(connection)?;
        let (peer, audience) = match &message.to {
            Destination::Peer(peer) => (Some(self.peer_ids.of(connection, peer)?), None),
            to => (None, Some(written(to))),
        };
        let number = i64::try_from(message.number).unwrap_or(i64::MAX);
        let row = connection.prepare_cached(ACCEPT)?.insert(params![
            at.as_millisecond(),
            peer,
            audience,
            number,
            state.code(),
            i64::try_from(peers).unwrap_or(i64::MAX),
            message.reference,
            id_text(&message.msg_id, &mut Uuid::encode_buffer()),
            message.text,
        ])?;
        self.upkeep.added(row);
        Ok(())
    }
}

/// Notes one step in the life of a message and changes its row; an unknown message changes nothing.
fn happened(
    connection: &Connection,
    msg_id: &Uuid,
    at: Timestamp,
    (what, detail): (Happened, Option<String>),
    update: &str,
    value: Option<&dyn rusqlite::ToSql>,
) -> rusqlite::Result<()> {
    let mut buffer = Uuid::encode_buffer();
    let id = id_text(msg_id, &mut buffer);
    let mut find = connection.prepare_cached(FIND)?;
    let message: Option<i64> = find.query_row([id], |row| row.get(0)).optional()?.flatten();
    let Some(message) = message else {
        return Ok(());
    };
    let mut update = connection.prepare_cached(update)?;
    match value {
        Some(value) => update.execute(params![message, value])?,
        None => update.execute([message])?,
    };
    let at = at.as_millisecond();
    step(connection, message, at, what, detail.as_deref())
}

/// Notes one step in the life of a message.
pub(super) fn step(
    connection: &Connection,
    message: i64,
    at: i64,
    what: Happened,
    detail: Option<&str>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(STEP)?;
    statement
        .execute(params![message, at, what.code(), detail, STEPS_MAX])
        .map(drop)
}

/// The text of an id, as it stands on the wire.
fn id_text<'a>(id: &Uuid, buffer: &'a mut [u8; uuid::fmt::Urn::LENGTH]) -> &'a str {
    id.hyphenated().encode_lower(buffer)
}

/// A destination as it stands in the table.
fn written(to: &Destination) -> Cow<'static, str> {
    match to {
        Destination::Everyone => Cow::Borrowed("*"),
        to => Cow::Owned(to.to_wire()),
    }
}

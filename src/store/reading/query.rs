//! Queries as SQL. The statements differ only in which conditions they have, so few of them are prepared.

use rusqlite::types::Value;

use super::words;
use crate::{
    store::{facts::RowId, rows::Query},
    wire::destination::Destination,
};

/// A statement and what is bound to it.
#[derive(Debug)]
pub(super) struct Select {
    pub sql: String,
    pub values: Vec<Value>,
}

/// In which order rows come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    NewestFirst,
    OldestFirst,
}

/// The columns that [`super::row::read_row`] reads.
pub(super) const COLUMNS: &str = "m.id, m.at, m.own, p.peer, m.audience, m.number, m.state, m.peers, m.lost, m.rtt, \
     m.reason, m.reference, m.address, m.msg_id, m.text";

/// At most `count` messages of a query, behind `after`; none if nothing can be found.
pub(super) fn select(
    query: &Query,
    order: Order,
    after: Option<RowId>,
    count: usize,
) -> Option<Select> {
    let mut select = conditions(query, COLUMNS)?;
    if let Some(RowId(after)) = after {
        select.add(" AND m.id > ?", after);
    }
    select.order(query, order, count);
    Some(select)
}

/// The id of the oldest of the newest messages a query asks for.
pub(super) fn first(query: &Query) -> Option<Select> {
    let mut select = conditions(query, "m.id AS found")?;
    select.order(query, Order::NewestFirst, query.count);
    select.sql = format!("SELECT min(found) FROM ({})", select.sql);
    Some(select)
}

/// The joins are written so that the words, if there are any, lead: in the order of the index, newest or oldest first.
fn conditions(query: &Query, columns: &str) -> Option<Select> {
    let from = match query.words {
        Some(_) => "words w CROSS JOIN messages m ON m.id = w.rowid",
        None => "messages m",
    };
    let mut select = Select {
        sql: format!("SELECT {columns} FROM {from} LEFT JOIN peers p ON p.id = m.peer WHERE TRUE"),
        values: Vec::new(),
    };
    if let Some(typed) = &query.words {
        select.add(" AND words MATCH ?", words::expression(typed)?);
    }
    match &query.with {
        Some(Destination::Peer(peer)) => {
            let peer = peer.as_str().to_owned();
            select.add(" AND m.peer = (SELECT id FROM peers WHERE peer = ?)", peer);
        }
        Some(audience) => select.add(" AND m.audience = ?", audience.to_wire()),
        None => {}
    }
    if let Some(since) = query.since {
        select.add(" AND m.at >= ?", since.as_millisecond());
    }
    if let Some(until) = query.until {
        select.add(" AND m.at < ?", until.as_millisecond());
    }
    Some(select)
}

impl Select {
    fn add(&mut self, condition: &str, value: impl Into<Value>) {
        self.sql.push_str(condition);
        self.values.push(value.into());
    }

    fn order(&mut self, query: &Query, order: Order, count: usize) {
        let by = if query.words.is_some() {
            "w.rowid"
        } else {
            "m.id"
        };
        let direction = match order {
            Order::NewestFirst => "DESC",
            Order::OldestFirst => "ASC",
        };
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.add(&format!(" ORDER BY {by} {direction} LIMIT ?"), count);
    }
}

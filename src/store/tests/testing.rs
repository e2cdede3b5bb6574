//! What the tests of the store share.

use std::{path::Path, sync::Arc};

use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    proto::{outgoing::OwnMessage, texts::Texts},
    store::{
        Opened, Store, StoreConfig, StoreError,
        facts::{Fact, Incoming, State, Ticket},
        rows::{Query, Row},
    },
    wire::{destination::Destination, identity::PeerId},
};

pub const UUID: &str = "6f2c1a9b-0000-4000-8000-000000000001";

pub fn peer(id: &str) -> PeerId {
    PeerId::parse(id).unwrap()
}

pub fn to(destination: &str) -> Destination {
    Destination::parse(destination).unwrap()
}

/// Milliseconds since the epoch.
pub fn at(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

pub fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub fn config(folder: &Path) -> StoreConfig {
    StoreConfig::new(folder.to_owned(), peer("me@X"))
}

pub fn open(folder: &Path) -> (Store, Opened) {
    Store::open(config(folder)).unwrap()
}

/// Texts with the ids and payloads given; `*` before a payload makes it one for everyone.
pub fn incoming(from: &str, ms: i64, texts: &[(&str, &str)]) -> Incoming {
    let mut all = Texts::default();
    for (msg_id, payload) in texts {
        let everyone = payload.starts_with('*').then_some(Destination::Everyone);
        all.push(everyone, msg_id, payload);
    }
    Incoming {
        from: peer(from),
        address: "127.0.0.1:4001".parse().unwrap(),
        at: at(ms),
        texts: all,
    }
}

/// The id of our own message of this number.
pub fn id(number: u64) -> Uuid {
    Uuid::from_u64_pair(number, 1)
}

pub fn own(number: u64, destination: &str, text: &str) -> Arc<OwnMessage> {
    Arc::new(OwnMessage {
        msg_id: id(number),
        number,
        to: to(destination),
        text: text.into(),
        reference: None,
    })
}

pub fn accepted(number: u64, destination: &str, state: State) -> Fact {
    Fact::Accepted {
        message: own(number, destination, &format!("text {number}")),
        state,
        peers: 1,
        at: at(1000),
    }
}

/// Waits until a fact is decided, and says whether it failed.
pub async fn decided(store: &Store, ticket: Ticket) -> Option<StoreError> {
    let mut progress = store.progress();
    let progress = progress.wait_for(|it| it.has(ticket)).await.unwrap();
    progress.failed(ticket)
}

/// Records a fact and waits until it is on disk.
pub async fn kept(store: &Store, fact: Fact) {
    assert_eq!(decided(store, store.record(fact)).await, None);
}

pub fn newest(count: usize) -> Query {
    Query {
        count,
        ..Query::default()
    }
}

pub fn texts(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row.text.as_str()).collect()
}

/// The texts of the newest messages.
pub async fn last(store: &Store, count: usize) -> Vec<String> {
    let rows = store.last(newest(count)).await.unwrap();
    rows.into_iter().map(|row| row.text).collect()
}

/// The newest messages with these words.
pub fn words(typed: &str) -> Query {
    Query {
        words: Some(typed.into()),
        ..newest(10)
    }
}

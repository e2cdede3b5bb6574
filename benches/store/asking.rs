//! How fast a history of 100,000 messages answers.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use papo::{
    store::{Durability, Reader, Store, StoreConfig, rows::Query},
    wire::{destination::Destination, identity::PeerId},
};

use crate::{incoming, percentile, store};

/// Messages in the history.
const MESSAGES: usize = 100_000;

/// An answer may take so long, in milliseconds.
const ANSWER_MAX_MS: f64 = 50.0;

/// Each question is asked so often.
const TIMES: usize = 20;

/// Prints the table.
pub async fn run(folder: &Path) {
    let (guard, store) = store(folder, Durability::Normal);
    for number in (0..MESSAGES).step_by(500) {
        let texts = incoming(number / 500 % 50, number, 500);
        store.receive(texts).await.unwrap();
    }
    while store.stats().await.unwrap().unindexed > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let bytes = store.stats().await.unwrap().bytes / MESSAGES as u64;
    store.close().await;
    println!("\n{MESSAGES} messages of 200 bytes, {bytes} bytes each on disk\n");
    println!("| question | p50, ms | p99, ms | within 50 ms |\n|---|---:|---:|---|");
    ask("start of a node: open, and last 100", || {
        let own = PeerId::parse("me@bench").unwrap();
        Store::open(StoreConfig::new(guard.path().to_owned(), own)).unwrap();
        rows(guard.path(), &Query::default());
    });
    for (name, query) in questions() {
        ask(name, || rows(guard.path(), &query));
    }
}

fn questions() -> Vec<(&'static str, Query)> {
    let words = |words: &str| Query {
        words: Some(words.into()),
        ..Query::default()
    };
    let of_peer = |query| Query {
        with: Some(Destination::parse("peer7@bench").unwrap()),
        ..query
    };
    let until = Query {
        until: Some(jiff::Timestamp::UNIX_EPOCH),
        ..Query::default()
    };
    vec![
        ("last 100", Query::default()),
        ("last 100 of a peer", of_peer(Query::default())),
        ("search: in one message", words("rare77777")),
        ("search: in every message", words("often")),
        ("search: two letters many words begin with", words("ka")),
        ("search: four letters many words begin with", words("kale")),
        (
            "search: two words of a tenth and a hundredth",
            words("tenth7 hundredth77"),
        ),
        (
            "search: in every message, of a peer",
            of_peer(words("often")),
        ),
        ("search: in no message", words("nobodysaidthis")),
        ("before a time, none", until),
    ]
}

fn rows(folder: &Path, query: &Query) {
    let query = Query {
        count: 100,
        ..query.clone()
    };
    Reader::open(folder).unwrap().rows(&query).unwrap();
}

fn ask(name: &str, mut question: impl FnMut()) {
    let times = (0..TIMES).map(|_| {
        let begin = Instant::now();
        question();
        begin.elapsed()
    });
    let mut times: Vec<Duration> = times.collect();
    let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
    let within = if p99 <= ANSWER_MAX_MS { "yes" } else { "NO" };
    println!("| {name} | {p50:.1} | {p99:.1} | {within} |");
}

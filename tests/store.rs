//! The promise of an ACK: a process that keeps texts and acknowledges them over a pipe is killed at random moments, and
//! nothing that it acknowledged is lost or there twice.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test program: what fails there fails the test"
)]

use std::{
    collections::HashMap,
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use jiff::Timestamp;
use papo::{
    proto::{outgoing::OwnMessage, texts::Texts},
    store::{
        Reader, Store, StoreConfig,
        facts::{Fact, Incoming, State},
        rows::Query,
    },
    wire::identity::PeerId,
};
use uuid::Uuid;

/// Set for the process that is killed: the folder of its store.
const CHILD: &str = "PAPO_STORE_TEST_CHILD";

/// Texts that arrive together.
const CHUNK: u64 = 7;

/// Texts of the end of the last life that are sent again, as a peer without an ACK does.
const AGAIN: u64 = 50;

/// The text with this number, with an id of its own.
fn id(number: u64) -> String {
    Uuid::from_u64_pair(0xabcd, number).to_string()
}

fn config(folder: &Path) -> StoreConfig {
    StoreConfig::new(folder.to_owned(), PeerId::parse("me@X").unwrap())
}

/// Not a test but the process that is killed, when it is one.
#[test]
#[ignore = "the other test runs it"]
fn child_process() {
    let Some(folder) = env::var_os(CHILD) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(receive_for_ever(Path::new(&folder)));
}

async fn receive_for_ever(folder: &Path) {
    let (store, opened) = Store::open(config(folder)).unwrap();
    let mut number = opened.last_number;
    let mut next = number.saturating_sub(AGAIN);
    loop {
        let mut texts = Texts::default();
        for number in next..next + CHUNK {
            texts.push(None, &id(number), &format!("text {number} of so many"));
        }
        let incoming = Incoming {
            from: PeerId::parse("bob@X").unwrap(),
            address: "127.0.0.1:1".parse().unwrap(),
            at: Timestamp::now(),
            texts,
        };
        store.receive(incoming).await.unwrap();
        next += CHUNK;
        // The own message carries the count over the restarts; its ticket is its ACK.
        number = number.max(next);
        let ticket = store.record(Fact::Accepted {
            message: Arc::new(OwnMessage {
                msg_id: Uuid::from_u64_pair(0xef, number),
                number,
                to: papo::wire::destination::Destination::Everyone,
                text: "own".into(),
                reference: None,
            }),
            state: State::Sent,
            peers: 1,
            at: Timestamp::now(),
        });
        // Acknowledged before the own message is: both are true for themselves.
        say(&format!("received {next}"));
        let mut progress = store.progress();
        progress.wait_for(|it| it.has(ticket)).await.unwrap();
        say(&format!("own {number}"));
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

/// Lets the process live for so many lines; says up to where it acknowledged texts and own messages.
fn live_and_kill(folder: &Path, lines: usize) -> (u64, u64) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["child_process", "--exact", "--ignored", "--nocapture"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let (mut received, mut own) = (0, 0);
    let mut seen = 0;
    let mut line = String::new();
    while out.read_line(&mut line).unwrap() > 0 {
        let number = |kind| line.strip_prefix(kind)?.trim().parse().ok();
        received = number("received ").unwrap_or(received);
        own = number("own ").unwrap_or(own);
        line.clear();
        seen += 1;
        // What it says between this and its death is read too.
        if seen == lines {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(seen >= lines, "the process ended by itself");
    (received, own)
}

#[test]
fn what_was_acknowledged_survives_any_kill_and_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for round in 0..20 {
        let (received, own) = live_and_kill(folder.path(), random.usize(5..120));
        check(folder.path(), received, own, round);
    }
    found_and_sound(folder.path());
}

fn check(folder: &Path, received: u64, own: u64, round: u32) {
    let reader = Reader::open(folder).unwrap();
    let (mut counts, mut numbers) = (HashMap::<String, u32>::new(), Vec::new());
    let all = Query {
        count: usize::MAX,
        ..Query::default()
    };
    let each = |row: papo::store::rows::Row| {
        match row.fate {
            Some(fate) => numbers.push(fate.number),
            None => *counts.entry(row.msg_id).or_default() += 1,
        }
        true
    };
    reader.each(&all, each).unwrap();
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "round {round}: {twice:?}");
    let lost: Vec<_> = (0..received)
        .filter(|number| !counts.contains_key(&id(*number)))
        .collect();
    assert!(lost.is_empty(), "round {round}: {lost:?} of {received}");
    assert!(
        own == 0 || numbers.contains(&own),
        "round {round}: own {own}"
    );
}

/// After the last kill: the database is sound, and the index finds what it had not reached yet.
fn found_and_sound(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (store, opened) = Store::open(config(folder)).unwrap();
        assert!(opened.unclean);
        assert_eq!(store.check().await, Ok(()));
        let query = Query {
            words: Some("text many".into()),
            count: 1,
            ..Query::default()
        };
        let found = store.search(query).await.unwrap();
        let newest = Query {
            with: Some(papo::wire::destination::Destination::parse("bob@X").unwrap()),
            count: 1,
            ..Query::default()
        };
        assert_eq!(found, store.last(newest).await.unwrap());
        store.close().await;
    });
}

//! `papo history` and `papo why` on real stores: with and beside a node, for people and for programs.

#![allow(
    clippy::unwrap_used,
    reason = "a test program: what fails there fails the test"
)]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use papo::{
    proto::{outgoing::OwnMessage, texts::Texts},
    store::{
        Store, StoreConfig,
        facts::{Fact, Incoming, State},
    },
    wire::{destination::Destination, identity::PeerId},
};
use serde_json::Value;
use uuid::Uuid;

fn papo(home: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_papo"))
        .args(arguments)
        .args(["--data-dir", home.to_str().unwrap()])
        .env_clear()
        .env("TZ", "UTC")
        .env("LOGNAME", "alice")
        .output()
        .unwrap()
}

/// Runs it; what it printed, if it ended as it should.
fn printed(home: &Path, arguments: &[&str]) -> String {
    let output = papo(home, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(home: &Path, arguments: &[&str], code: i32) -> String {
    let output = papo(home, arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

/// A store of this name with a talk in it, still open.
async fn talk(home: &Path, name: &str) -> Store {
    let folder = home.join(format!("{name}%40lobby"));
    fs::create_dir_all(&folder).unwrap();
    let own = PeerId::own(name, "lobby").unwrap();
    let (store, _) = Store::open(StoreConfig::new(folder, own)).unwrap();
    let mut texts = Texts::default();
    texts.push(None, "1", "shall we have lunch?\u{1b}[2J");
    texts.push(Some(Destination::Everyone), "2", "hello\nall");
    let incoming = Incoming {
        from: PeerId::parse("bob@lobby").unwrap(),
        address: "10.0.0.2:4000".parse().unwrap(),
        at: at("2026-01-02T03:04:05.678Z"),
        texts,
    };
    store.receive(incoming).await.unwrap();
    let msg_id = Uuid::from_u64_pair(0xabcd_ef01_0000_0000, 1);
    let message = Arc::new(OwnMessage {
        msg_id,
        number: 12,
        to: Destination::parse("bob@lobby").unwrap(),
        text: "lunch at noon".into(),
        reference: None,
    });
    let at = at("2026-02-03T04:05:06.789Z");
    store.record(Fact::Accepted {
        message,
        state: State::Sent,
        peers: 1,
        at,
    });
    let address = "10.0.0.2:4000".parse().unwrap();
    store.record(Fact::Sent {
        msg_id,
        at,
        address,
    });
    let rtt = Duration::from_micros(1312);
    let ticket = store.record(Fact::Delivered { msg_id, at, rtt });
    let mut progress = store.progress();
    progress.wait_for(|it| it.has(ticket)).await.unwrap();
    // Has the words of all of them indexed.
    store
        .search(papo::store::rows::Query::default())
        .await
        .unwrap();
    store
}

const LUNCH: &str = "2026-01-02 03:04:05 -> [bob@lobby] shall we have lunch?\\u{1b}[2J\n";
const ALL: &str = "2026-01-02 03:04:05 * [bob@lobby] hello ⏎ all\n";
const NOON: &str = "2026-02-03 04:05:06 -> bob@lobby #12 lunch at noon  (delivered in 1.3 ms)\n";

#[tokio::test]
async fn a_history_is_shown_while_its_node_runs_and_afterwards() {
    let home = tempfile::tempdir().unwrap();
    let store = talk(home.path(), "alice").await;
    assert_eq!(
        printed(home.path(), &["history"]),
        [LUNCH, ALL, NOON].concat()
    );
    store.close().await;
    for (arguments, expected) in [
        (&["history"][..], &[LUNCH, ALL, NOON][..]),
        (&["history", "--count", "1"], &[NOON]),
        (&["history", "bob"], &[LUNCH, ALL, NOON]),
        (&["history", "*"], &[ALL]),
        (&["history", "bob@lobby", "--search", "lunch noon"], &[NOON]),
        (&["history", "--search", "lun"], &[LUNCH, NOON]),
        (&["history", "--since", "2026-02-01"], &[NOON]),
        (
            &["history", "--until", "2026-02-01T00:00:00Z"],
            &[LUNCH, ALL],
        ),
        (&["history", "--since", "1h"], &[]),
        (
            &["--name", "alice", "history", "--export", "text"],
            &[LUNCH, ALL, NOON],
        ),
    ] {
        assert_eq!(
            printed(home.path(), arguments),
            expected.concat(),
            "{arguments:?}"
        );
    }
}

#[tokio::test]
async fn programs_get_the_texts_unaltered() {
    let home = tempfile::tempdir().unwrap();
    talk(home.path(), "alice").await.close().await;
    let lines = printed(home.path(), &["history", "--export", "jsonl"]);
    assert_eq!(lines, printed(home.path(), &["history", "--json"]));
    let objects: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(objects.len(), 3);
    assert_eq!(objects[0]["event"], "message");
    assert_eq!(objects[0]["text"], "shall we have lunch?\u{1b}[2J");
    assert_eq!(
        (&objects[2]["event"], &objects[2]["number"]),
        (&"delivered".into(), &12.into())
    );
}

#[tokio::test]
async fn a_message_tells_its_life() {
    let home = tempfile::tempdir().unwrap();
    talk(home.path(), "alice").await.close().await;
    let life = "\
-> bob@lobby #12 lunch at noon
2026-02-03 04:05:06.789  accepted
2026-02-03 04:05:06.789  sent on the connection with 10.0.0.2:4000
2026-02-03 04:05:06.789  acknowledged
delivered: bob@lobby acknowledged it in 1.3 ms
";
    for name in ["#12", "12", "abcdef01", "last"] {
        assert_eq!(printed(home.path(), &["why", name]), life, "{name}");
    }
    let object: Value =
        serde_json::from_str(&printed(home.path(), &["why", "last", "--json"])).unwrap();
    assert_eq!(object["steps"][1]["what"], "delivered");
    assert!(refused(home.path(), &["why", "#13"], 1).contains("no message #13"));
    assert!(refused(home.path(), &["why", "it"], 2).contains("names no message"));
}

#[tokio::test]
async fn without_a_name_it_is_the_login_name_or_the_only_one_there_is() {
    let home = tempfile::tempdir().unwrap();
    assert!(refused(home.path(), &["history"], 1).contains("alice@lobby has no history"));
    talk(home.path(), "carol").await.close().await;
    assert!(
        printed(home.path(), &["history"]).contains("lunch"),
        "the only one"
    );
    let named = refused(home.path(), &["--name", "alice", "history"], 1);
    assert!(named.contains("carol@lobby"), "{named}");
    talk(home.path(), "dave").await.close().await;
    let several = refused(home.path(), &["history"], 1);
    assert!(several.contains("carol@lobby, dave@lobby"), "{several}");
    talk(home.path(), "alice").await.close().await;
    assert!(
        printed(home.path(), &["history"]).contains("lunch"),
        "the login name's"
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_said_with_advice() {
    let home = tempfile::tempdir().unwrap();
    talk(home.path(), "alice").await.close().await;
    assert!(refused(home.path(), &["history", "--since", "soon"], 2).contains("--since"));
    assert!(refused(home.path(), &["history", "eve"], 1).contains("nobody named"));
    assert!(refused(home.path(), &["history", "--port", "1"], 2).contains("--port"));
    fs::write(home.path().join("alice%40lobby/history.db"), "").unwrap();
    let empty = refused(home.path(), &["history"], 1);
    assert!(
        empty.contains("is empty") && empty.contains("history.created"),
        "{empty}"
    );
}

//! Jobs that fail: no other one with them, nothing in part, and it goes on by itself.

use std::process::Command;

use rusqlite::Connection;

use super::testing::*;
use crate::store::{
    DATABASE, Durability, Store, StoreConfig, StoreError,
    facts::{Fact, RowId, State},
    rows::MessageName,
};

#[tokio::test]
async fn one_bad_job_does_not_take_the_others_with_it() {
    for durability in [Durability::Full, Durability::Normal] {
        let folder = folder();
        let (store, _) = Store::open(StoreConfig {
            durability,
            ..config(folder.path())
        })
        .unwrap();
        let poison = "CREATE TRIGGER poison BEFORE INSERT ON messages WHEN NEW.text = 'bad'
            BEGIN SELECT RAISE(ABORT, 'poison'); END";
        let other = Connection::open(folder.path().join(DATABASE)).unwrap();
        other.execute_batch(poison).unwrap();
        let texts = ["a", "bad", "c"];
        let jobs = texts.map(|text| {
            let peer = format!("{text}@X");
            let store = store.clone();
            async move {
                store
                    .receive(incoming(&peer, 0, &[("1", "good"), ("2", text)]))
                    .await
            }
        });
        let [a, bad, c] = jobs;
        let (a, bad, c) = tokio::join!(a, bad, c);
        assert_eq!((a, c), (Ok(vec![true, true]), Ok(vec![true, true])));
        assert!(matches!(bad, Err(StoreError::Refused { .. })), "{bad:?}");
        assert_eq!(last(&store, 9).await, ["good", "a", "good", "c"]);
    }
}

/// A store in which waiting messages have taken all the room there is.
async fn full() -> (tempfile::TempDir, Store, u64) {
    let folder = folder();
    let config = StoreConfig {
        max_bytes: 512 * 1024,
        ..config(folder.path())
    };
    let (store, _) = Store::open(config).unwrap();
    for number in 1.. {
        let fact = Fact::Accepted {
            message: own(number, "bob@X", &format!("{number} {}", "x".repeat(5000))),
            state: State::Queued,
            peers: 1,
            at: at(0),
        };
        match decided(&store, store.record(fact)).await {
            None => {}
            Some(StoreError::Full(_)) => return (folder, store, number),
            Some(error) => panic!("{error}"),
        }
    }
    unreachable!("there is always room")
}

#[tokio::test]
async fn a_full_store_keeps_nothing_in_part_and_goes_on_when_there_is_room() {
    let (folder, store, refused) = full().await;
    assert!(refused > 50);
    let text = "y".repeat(9000);
    let received = || store.receive(incoming("eve@X", 0, &[(UUID, "a"), ("2", &text)]));
    assert!(matches!(received().await, Err(StoreError::Full(_))));
    assert_eq!(store.search(words("a")).await.unwrap(), []);
    let waiting = store.outbox(peer("bob@X"), RowId(0), 1000).await.unwrap();
    assert_eq!(
        waiting.len() as u64,
        refused - 1,
        "what was refused does not wait"
    );

    let delivered = |number| Fact::Delivered {
        msg_id: id(number),
        at: at(9),
        rtt: std::time::Duration::ZERO,
    };
    let tickets: Vec<_> = (1..refused)
        .map(|number| store.record(delivered(number)))
        .collect();
    for ticket in tickets {
        assert_eq!(
            decided(&store, ticket).await,
            None,
            "for this there is room"
        );
    }
    // The oldest go, now that they wait no more; the writer does that between two jobs.
    let mut tries = 0..100;
    while received().await.is_err() {
        assert!(tries.next().is_some(), "there is no room yet");
    }
    assert_eq!(received().await, Ok(vec![false, false]));
    let waiting = store.outbox(peer("bob@X"), RowId(0), 1000).await.unwrap();
    assert_eq!(waiting, []);
    store.close().await;
    let size = folder.path().join(DATABASE).metadata().unwrap().len();
    assert!(size <= (512 + 2048) * 1024, "{size}");
}

#[tokio::test]
async fn a_fact_that_could_not_be_kept_is_kept_with_the_next() {
    let folder = folder();
    let (store, _) = open(folder.path());
    kept(&store, accepted(1, "bob@X", State::Queued)).await;
    let other = Connection::open(folder.path().join(DATABASE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let delivered = Fact::Delivered {
        msg_id: id(1),
        at: at(9),
        rtt: std::time::Duration::ZERO,
    };
    let tickets = [
        store.record(delivered),
        store.record(accepted(2, "bob@X", State::Queued)),
        store.record(accepted(3, "*", State::Sent)),
    ];
    for ticket in tickets {
        assert!(matches!(
            decided(&store, ticket).await,
            Some(StoreError::Locked(_))
        ));
    }
    other.execute_batch("ROLLBACK").unwrap();
    kept(&store, accepted(4, "*", State::Sent)).await;
    let state = |number| {
        let life = store.life(MessageName::Number(number));
        async { Some(life.await.unwrap()?.row.fate.unwrap().state) }
    };
    assert_eq!(state(1).await, Some(State::Delivered));
    assert_eq!(state(2).await, None, "it was refused");
    assert_eq!(state(3).await, Some(State::Sent));
    assert_eq!(
        store.progress().borrow().done,
        crate::store::facts::Ticket(5)
    );
}

#[tokio::test]
#[expect(
    clippy::print_stderr,
    reason = "a test that was left out must not look like one that passed"
)]
async fn a_full_disk_is_survived() {
    let folder = folder();
    let mount = |arguments: &[&str]| {
        let run = Command::new(arguments[0])
            .args(&arguments[1..])
            .arg(folder.path())
            .output();
        run.is_ok_and(|output| output.status.success())
    };
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs"]) {
        eprintln!("SKIPPED: only root can mount a small disk");
        return;
    }
    let (store, _) = open(folder.path());
    let filler = folder.path().join("filler");
    while std::fs::write(&filler, vec![0; 4 << 20]).is_ok() {}
    let text = "x".repeat(20_000);
    let mut kept = 0;
    let error = loop {
        let id = format!("{kept}");
        match store.receive(incoming("bob@X", 0, &[(&id, &text)])).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
    };
    std::fs::remove_file(&filler).unwrap();
    let again = store
        .receive(incoming("bob@X", 0, &[("again", "there is room again")]))
        .await;
    let count = store.stats().await.unwrap().messages;
    let checked = store.check().await;
    store.close().await;
    assert!(mount(&["umount", "-l"]));
    assert!(matches!(error, StoreError::Full(_)), "{error}");
    assert_eq!((again, count, checked), (Ok(vec![true]), kept + 1, Ok(())));
}

//! What stands in the way of opening a store: said clearly, and nothing is lost silently.

use std::{
    fs,
    os::unix::fs::{FileExt, PermissionsExt},
    path::Path,
};

use rusqlite::Connection;

use super::testing::*;
use crate::store::{DATABASE, MARKER, Reader, Store, StoreError, is_there};

fn error(folder: &Path) -> StoreError {
    match Store::open(config(folder)) {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

/// A folder with a store of one message.
async fn used() -> tempfile::TempDir {
    let folder = folder();
    let (store, _) = open(folder.path());
    let text = "x".repeat(20_000);
    store
        .receive(incoming("bob@X", 0, &[("1", &text)]))
        .await
        .unwrap();
    store.close().await;
    folder
}

#[tokio::test]
async fn a_store_is_the_owners_alone() {
    let folder = folder();
    assert!(!is_there(folder.path()));
    let (store, _) = open(folder.path());
    store
        .receive(incoming("bob@X", 0, &[("1", "x")]))
        .await
        .unwrap();
    assert!(is_there(folder.path()));
    for name in [DATABASE, MARKER, "history.db-wal", "history.db-shm"] {
        let mode = fs::metadata(folder.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_lost_or_emptied_history_is_no_first_start() {
    let folder = used().await;
    let database = folder.path().join(DATABASE);
    fs::write(&database, "").unwrap();
    assert_eq!(error(folder.path()), StoreError::Empty(database.clone()));
    fs::remove_file(&database).unwrap();
    assert_eq!(error(folder.path()), StoreError::Missing(database.clone()));
    let read = Reader::open(folder.path()).map(drop);
    assert_eq!(read, Err(StoreError::Missing(database.clone())));

    fs::remove_file(folder.path().join(MARKER)).unwrap();
    let (_store, opened) = open(folder.path());
    assert!(opened.known.is_empty(), "begun anew, as the advice says");
}

#[tokio::test]
async fn a_creation_that_was_interrupted_is_done_again() {
    let folder = folder();
    fs::write(folder.path().join(DATABASE), "").unwrap();
    let (_store, opened) = open(folder.path());
    assert!(!opened.unclean);
    assert!(folder.path().join(MARKER).exists());
}

#[tokio::test]
async fn what_is_no_history_of_ours_is_left_alone() {
    let folder = folder();
    let database = folder.path().join(DATABASE);
    for content in ["x", "some notes of somebody, longer than a head"] {
        fs::write(&database, content).unwrap();
        assert_eq!(error(folder.path()), StoreError::Foreign(database.clone()));
        assert_eq!(fs::read_to_string(&database).unwrap(), content);
    }
    fs::remove_file(&database).unwrap();
    let other = Connection::open(&database).unwrap();
    other.execute_batch("CREATE TABLE notes (x)").unwrap();
    assert_eq!(error(folder.path()), StoreError::Foreign(database.clone()));
    fs::remove_file(&database).unwrap();
    fs::create_dir(&database).unwrap();
    assert!(matches!(
        error(folder.path()),
        StoreError::NotWritable { .. }
    ));
}

#[tokio::test]
async fn a_newer_history_is_refused() {
    let folder = used().await;
    let database = folder.path().join(DATABASE);
    let newer = Connection::open(&database).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    assert!(matches!(
        error(folder.path()),
        StoreError::Newer { found: 99, .. }
    ));
    let read = Reader::open(folder.path()).map(drop);
    assert!(matches!(read, Err(StoreError::Newer { found: 99, .. })));
}

#[tokio::test]
async fn a_damaged_history_is_said_to_be_damaged() {
    let folder = used().await;
    let database = fs::OpenOptions::new()
        .write(true)
        .open(folder.path().join(DATABASE))
        .unwrap();
    // The root of the table of tables.
    database.write_all_at(&[0xee; 200], 100).unwrap();
    assert!(matches!(error(folder.path()), StoreError::Damaged { .. }));
    database.set_len(5000).unwrap();
    assert!(matches!(error(folder.path()), StoreError::Damaged { .. }));
}

#[tokio::test]
async fn damage_in_the_middle_is_found_by_the_check() {
    let folder = used().await;
    let (store, _) = open(folder.path());
    assert_eq!(store.check().await, Ok(()));
    store.close().await;
    let path = folder.path().join(DATABASE);
    let peers: i64 = Connection::open(&path)
        .unwrap()
        .query_row(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'peers'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    let database = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let page = u64::try_from(peers - 1).unwrap() * 4096;
    database.write_all_at(&[0xee; 8], page).unwrap();
    let checked = match Store::open(config(folder.path())) {
        Ok((store, _)) => store.check().await,
        Err(error) => Err(error),
    };
    assert!(
        matches!(checked, Err(StoreError::Damaged { .. })),
        "{checked:?}"
    );
}

#[tokio::test]
async fn a_history_that_another_program_holds_is_locked() {
    let folder = used().await;
    let other = Connection::open(folder.path().join(DATABASE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(error(folder.path()), StoreError::Locked(_)));
    other.execute_batch("ROLLBACK").unwrap();
    let (store, _) = open(folder.path());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let received = store.receive(incoming("bob@X", 0, &[("2", "x")])).await;
    assert!(matches!(received, Err(StoreError::Locked(_))));
    other.execute_batch("ROLLBACK").unwrap();
    let received = store.receive(incoming("bob@X", 0, &[("2", "x")])).await;
    assert_eq!(received, Ok(vec![true]));
}

#[tokio::test]
async fn an_end_without_closing_is_noticed_at_the_next_start() {
    let folder = used().await;
    let database = Connection::open(folder.path().join(DATABASE)).unwrap();
    let note = |clean: bool| {
        database
            .execute("UPDATE meta SET value = ?1 WHERE name = 'clean'", [clean])
            .unwrap();
    };
    for clean in [false, true] {
        note(clean);
        let (store, opened) = open(folder.path());
        assert_eq!(opened.unclean, !clean);
        store.close().await;
    }
}

#[tokio::test]
async fn a_history_is_read_beside_its_node_and_without_one() {
    let folder = used().await;
    let read = || {
        Reader::open(folder.path())
            .unwrap()
            .rows(&newest(10))
            .unwrap()
            .len()
    };
    assert_eq!(read(), 1);
    let (store, _) = open(folder.path());
    store
        .receive(incoming("bob@X", 0, &[("2", "x")]))
        .await
        .unwrap();
    assert_eq!(read(), 2);
    store.close().await;
    assert_eq!(read(), 2);
}

//! The records over restarts, on a real disk.

use std::{fs, net::IpAddr, os::unix::fs::PermissionsExt};

use tempfile::TempDir;

use super::*;
use crate::proto::directory::SavedRecords;

const LIMITS: Limits = Limits {
    records_max: 100,
    records_per_address_max: 100,
};

const NOW: Duration = Duration::from_secs(1_761_559_200);

struct Rig {
    folder: TempDir,
    metrics: Arc<Metrics>,
}

impl Rig {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            metrics: Arc::default(),
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("rendezvous/127.0.0.1-8080.json")
    }

    fn open(&self) -> RecordsStore {
        let metrics = Arc::clone(&self.metrics);
        RecordsStore::open(Some(self.file()), LIMITS, NOW, metrics)
    }

    fn names(&self) -> Vec<String> {
        names(&self.open())
    }
}

fn names(store: &RecordsStore) -> Vec<String> {
    let records = store.newest().to_saved().records.into_iter();
    records.map(|record| record.name).collect()
}

/// The records after these have registered.
fn snapshot(names: &[&str]) -> Snapshot {
    let mut directory = Directory::new(LIMITS);
    for name in names {
        let request = serde_json::json!({
            "type": "REGISTER", "name": name, "namespace": "n", "port": 1,
        });
        let from = IpAddr::from([10, 0, 0, 1]);
        directory.answer(NOW, from, request.to_string().as_bytes());
    }
    directory.snapshot()
}

#[actix_rt::test]
async fn what_was_saved_is_found_by_the_next_start() {
    let rig = Rig::new();
    let store = rig.open();
    assert!(names(&store).is_empty());
    let version = store.save(snapshot(&["alice", "bob"]));
    store.saved(version).await;
    assert_eq!(rig.names(), ["alice", "bob"]);
}

#[actix_rt::test]
async fn changes_during_a_write_are_written_together_and_the_newest_wins() {
    let rig = Rig::new();
    let store = rig.open();
    for count in 1..=100 {
        let name = format!("peer-{count}");
        store.save(snapshot(&[&name]));
    }
    store.flushed().await;
    assert_eq!(rig.names(), ["peer-100"]);
    assert!(rig.metrics.rendezvous_saves.get() <= 2);
}

#[actix_rt::test]
async fn the_last_state_is_written_even_if_the_store_is_dropped() {
    let rig = Rig::new();
    let store = rig.open();
    store.save(snapshot(&["alice"]));
    let mut written = store.0.written.clone().unwrap();
    drop(store);
    written.wait_for(|version| *version == 1).await.unwrap();
    assert_eq!(rig.names(), ["alice"]);
}

#[actix_rt::test]
async fn the_file_and_its_folder_are_the_owners_alone() {
    let rig = Rig::new();
    let store = rig.open();
    store.save(snapshot(&["alice"]));
    store.flushed().await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&rig.file()), 0o600);
    assert_eq!(mode(rig.file().parent().unwrap()), 0o700);
    let left: Vec<_> = fs::read_dir(rig.file().parent().unwrap())
        .unwrap()
        .collect();
    assert_eq!(left.len(), 1, "the temporary file is gone: {left:?}");
}

#[actix_rt::test]
async fn a_damaged_file_is_set_aside_and_the_server_starts_empty() {
    let rig = Rig::new();
    let file = rig.file();
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    let newer = serde_json::to_string(&SavedRecords {
        version: SavedRecords::VERSION + 1,
        records: Vec::new(),
    });
    for content in ["", "{", "[]", "null", "\0\0", newer.unwrap().as_str()] {
        fs::write(&file, content).unwrap();
        assert!(rig.names().is_empty());
        let aside = file.with_file_name("127.0.0.1-8080.json.damaged");
        assert_eq!(fs::read_to_string(aside).unwrap(), content);
        assert!(!file.exists());
    }
}

#[actix_rt::test]
async fn a_leftover_of_an_interrupted_write_is_ignored_and_replaced() {
    let rig = Rig::new();
    let store = rig.open();
    store.save(snapshot(&["alice"]));
    store.flushed().await;
    let leftover = rig.file().with_file_name("127.0.0.1-8080.json.new");
    fs::write(&leftover, "{\"version\":").unwrap();
    assert_eq!(rig.names(), ["alice"]);
    store.save(snapshot(&["bob"]));
    store.flushed().await;
    assert_eq!(rig.names(), ["bob"]);
    assert!(!leftover.exists());
}

#[actix_rt::test]
async fn a_disk_that_fails_holds_no_answer_back_and_is_counted() {
    let rig = Rig::new();
    fs::write(rig.folder.path().join("rendezvous"), "a file, no folder").unwrap();
    let store = rig.open();
    let version = store.save(snapshot(&["alice"]));
    store.saved(version).await;
    store.flushed().await;
    assert_eq!(rig.metrics.rendezvous_save_failures.get(), 1);
    assert_eq!(names(&store), ["alice"]);
}

#[actix_rt::test]
async fn without_a_file_the_newest_records_are_kept_in_memory_and_nothing_waits() {
    let store = RecordsStore::open(None, LIMITS, NOW, Arc::default());
    let version = store.save(snapshot(&["alice"]));
    store.saved(version).await;
    store.flushed().await;
    assert_eq!(names(&store), ["alice"]);
}

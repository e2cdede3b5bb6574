//! Leftovers on a real disk, taken back over a network in memory.

use super::*;
use crate::{
    actors::rendezvous::testing::{Lab, Server},
    identity_lock::IdentityLock,
    wire::{identity::PeerId, rendezvous::Record},
};

const HERE: &str = "127.0.0.1:8080";

fn registration(name: &str) -> LastRegistration {
    LastRegistration {
        rendezvous: HERE.into(),
        namespace: "CIC".into(),
        name: name.into(),
        port: 4000,
        seen: Some("127.0.0.1:4000".parse().unwrap()),
        until: 2_000_000_000,
    }
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A data folder with one leftover for each of these names, and a rendezvous that has all their records.
struct House {
    data_dir: tempfile::TempDir,
    lab: Lab,
}

impl House {
    fn of(names: &[&str]) -> Self {
        tokio::time::pause();
        let house = Self {
            data_dir: tempfile::tempdir().unwrap(),
            lab: Lab::new(),
        };
        let record = |name: &&str| Record {
            peer: PeerId::of_record(name, "CIC").unwrap(),
            address: "127.0.0.1:4000".parse().unwrap(),
            expires_in: 100,
        };
        let records = names.iter().map(record).collect();
        house.lab.set(HERE, Server::Rendezvous(records));
        for name in names {
            fs::create_dir(house.folder(name)).unwrap();
            registration(name).store(&house.folder(name)).unwrap();
        }
        house
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.data_dir.path().join(name)
    }

    async fn sweep(&self, now: u64) {
        let data_dir = self.data_dir.path().to_owned();
        sweep(&self.lab, data_dir, self.folder("me"), at(now)).await;
    }

    fn has(&self, name: &str) -> bool {
        self.folder(name).join(REGISTRATION_FILE).exists()
    }
}

#[test]
fn a_registration_comes_back_as_it_was_stored() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(LastRegistration::load(folder.path()), None);
    registration("alice").store(folder.path()).unwrap();
    registration("bob").store(folder.path()).unwrap();
    let loaded = LastRegistration::load(folder.path());
    assert_eq!(loaded, Some(registration("bob")));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    LastRegistration::remove(folder.path()).unwrap();
    LastRegistration::remove(folder.path()).unwrap();
    assert_eq!(LastRegistration::load(folder.path()), None);
}

#[test]
fn a_broken_or_huge_file_counts_as_missing() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["", "{", "[]", &" ".repeat(100_000)] {
        fs::write(folder.path().join(REGISTRATION_FILE), text).unwrap();
        assert_eq!(LastRegistration::load(folder.path()), None);
    }
}

#[actix_rt::test]
async fn what_others_left_behind_is_taken_back() {
    let house = House::of(&["bob", "me"]);
    house.sweep(1).await;
    assert_eq!(house.lab.registered(HERE), ["me@CIC"]);
    assert!(!house.has("bob"));
    assert!(house.has("me"), "our own is still in use");
}

#[actix_rt::test]
async fn a_running_nodes_registration_is_left_alone() {
    let house = House::of(&["bob"]);
    let _running = IdentityLock::take(&house.folder("bob")).unwrap();
    house.sweep(1).await;
    assert_eq!(house.lab.registered(HERE), ["bob@CIC"]);
    assert!(house.has("bob"));
}

#[actix_rt::test]
async fn an_unreachable_rendezvous_keeps_the_leftover_for_another_start() {
    let house = House::of(&["bob"]);
    house.lab.remove(HERE);
    house.sweep(1).await;
    assert!(house.has("bob"));
}

#[actix_rt::test]
async fn a_record_that_is_gone_already_is_forgotten() {
    let house = House::of(&["bob"]);
    house.lab.set(HERE, Server::Rendezvous(Vec::new()));
    house.sweep(1).await;
    assert!(!house.has("bob"));
}

#[actix_rt::test]
async fn an_ended_registration_is_forgotten_without_a_request() {
    let house = House::of(&["bob"]);
    house.sweep(2_000_000_000).await;
    assert!(!house.has("bob"));
    assert_eq!(house.lab.requests(), Vec::<String>::new());
}

#[actix_rt::test]
async fn one_start_takes_back_only_a_few() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let house = House::of(&names);
    house.sweep(1).await;
    assert_eq!(house.lab.requests().len(), LEFTOVERS_MAX);
    let left = names.iter().filter(|name| house.has(name)).count();
    assert_eq!(left, names.len() - LEFTOVERS_MAX);
}

#[actix_rt::test]
async fn our_own_registration_elsewhere_is_taken_back_once_and_not_after_its_end() {
    let house = House::of(&["me"]);
    unregister(&house.lab, &registration("me"), at(2_000_000_001)).await;
    assert_eq!(house.lab.registered(HERE), ["me@CIC"]);
    unregister(&house.lab, &registration("me"), at(1)).await;
    assert_eq!(house.lab.registered(HERE), Vec::<String>::new());
}

#[actix_rt::test]
async fn a_missing_data_folder_is_nothing_to_sweep() {
    let lab = Lab::new();
    sweep(&lab, "/does/not/exist".into(), "/does".into(), at(1)).await;
    assert_eq!(lab.requests(), Vec::<String>::new());
}

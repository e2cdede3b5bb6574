//! A rendezvous that is no friend: its answers cost the node no more than a line.

use serde_json::{Value, json};

use super::{is_well, memory};
use crate::{interop::scripted_rendezvous::Rendezvous, support::node};

#[test]
fn an_answer_without_end_is_cut_off() {
    check(|_| "x".repeat(64 * 1024 * 1024));
}

#[test]
fn an_answer_with_far_too_many_records_is_taken_in_part() {
    check(|_| {
        let record = json!({"ip": "127.0.0.1", "port": 9, "name": "x".repeat(60), "namespace": "lobby", "ttl": 1, "expires_in": 1});
        let records = vec![record.to_string(); 100_000].join(",");
        format!(r#"{{"status":"OK","ttl":7200,"ip":"127.0.0.1","port":4000,"peers":[{records}]}}"#)
    });
}

#[test]
fn an_answer_at_the_limits_of_json_is_survived() {
    check(|_| "[".repeat(2_000_000));
    check(|_| format!(r#"{{"status":"OK","peers":{}"#, "[".repeat(1_000_000)));
    check(|_| {
        format!(
            r#"{{"status":"OK","ttl":{0},"port":{0},"peers":[{{"ip":"x","port":{0},"name":"\ud800","expires_in":{0}}}]}}"#,
            "9".repeat(30_000)
        )
    });
}

#[test]
fn records_with_impossible_fields_are_skipped_and_the_good_one_is_dialled() {
    let bob = crate::interop::client::Listening::start();
    let (_, port) = bob.address.split_once(':').unwrap();
    let port: u16 = port.parse().unwrap();
    let records = vec![
        json!(null),
        json!(7),
        json!({}),
        json!({"ip": "999.1.1.1", "port": 1, "name": "a", "namespace": "b", "expires_in": 1}),
        json!({"ip": "127.0.0.1", "port": 0, "name": "a", "namespace": "b", "expires_in": 1}),
        json!({"ip": "127.0.0.1", "port": 70000, "name": "a", "namespace": "b", "expires_in": 1}),
        json!({"ip": "127.0.0.1", "port": 1, "name": "a".repeat(500), "namespace": "b", "expires_in": 1}),
        json!({"ip": "127.0.0.1", "port": port, "name": "bob", "namespace": "lobby", "ttl": 9, "expires_in": 9}),
    ];
    let rendezvous = Rendezvous::with_records(records);
    let mut node = node("alice").at(&rendezvous.address).start();
    let link = bob.answer("bob@lobby");
    node.meets("bob@lobby");
    link.ping("linked");
    let peers = node.ask("/peers")["data"]["peers"].clone();
    assert_eq!(peers.as_array().map(Vec::len), Some(1), "{peers}");
}

fn check(answer: impl Fn(&Value) -> String + Send + 'static) {
    let rendezvous = Rendezvous::start(answer);
    let mut node = node("alice").at(&rendezvous.address).start();
    rendezvous.is_asked("DISCOVER");
    is_well(&mut node, "bob");
    assert!(memory(&node) < 150, "{} MiB", memory(&node));
}

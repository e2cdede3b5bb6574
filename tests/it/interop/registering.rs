//! What the node asks a rendezvous, and whom of its answer it dials.

use serde_json::{Value, json};

use super::{client::Listening, scripted_rendezvous::Rendezvous};
use crate::support::{Node, node};

#[test]
fn the_requests_are_those_of_the_protocol_to_the_letter() {
    let rendezvous = Rendezvous::with_records(vec![]);
    let mut node = node("alice").at(&rendezvous.address).start();
    let address = node.address();
    let port = address.rsplit(':').next().unwrap();
    let registers = rendezvous.is_asked("REGISTER");
    let expected = format!(
        r#"{{"type":"REGISTER","namespace":"lobby","name":"alice","port":{port},"ttl":7200}}"#
    );
    assert_eq!(registers, expected);
    assert_eq!(rendezvous.is_asked("DISCOVER"), r#"{"type":"DISCOVER"}"#);
    node.end_input();
    let expected =
        format!(r#"{{"type":"UNREGISTER","namespace":"lobby","name":"alice","port":{port}}}"#);
    assert_eq!(rendezvous.is_asked("UNREGISTER"), expected);
    assert_eq!(node.exit_code(), 0);
}

#[test]
fn at_most_sixteen_peers_are_dialled_at_once() {
    let mute = Listening::start();
    let records = (0..40).map(|n| record(&format!("peer{n}"), &mute.address));
    let rendezvous = Rendezvous::with_records(records.collect());
    let mut node = node("alice")
        .at(&rendezvous.address)
        .env("PAPO_CONNECTION__HANDSHAKE_TIMEOUT", "60s")
        .start();
    let dialled: Vec<_> = (0..16).map(|_| mute.accept()).collect();
    for link in &dialled {
        link.hears("HELLO");
    }
    let connecting = |row: &&Value| row["status"] == "connecting";
    let peers = peers(&mut node);
    assert_eq!(
        (peers.len(), peers.iter().filter(connecting).count()),
        (40, 16)
    );
    assert_eq!(mute.dials(), 0);
}

#[test]
fn at_most_4096_records_are_taken_from_an_answer() {
    let mute = Listening::start();
    let records = (0..5000).map(|n| record(&format!("peer{n}"), &mute.address));
    let rendezvous = Rendezvous::with_records(records.collect());
    let mut node = node("alice").at(&rendezvous.address).start();
    let _first = mute.accept();
    assert_eq!(peers(&mut node).len(), 4096);
}

#[test]
fn our_own_record_is_not_dialled_and_peers_of_every_namespace_are() {
    let own = Listening::start();
    let (neighbour, stranger) = (Listening::start(), Listening::start());
    let mut foreign = record("bob", &stranger.address);
    foreign["namespace"] = "other".into();
    let records = vec![
        record("alice", &own.address),
        foreign,
        record("bob", &neighbour.address),
    ];
    let rendezvous = Rendezvous::with_records(records);
    let mut node = node("alice")
        .at(&rendezvous.address)
        .env("PAPO_RENDEZVOUS__TTL", "7200s")
        .start();
    // Before its first registration a node looks who answers under its own id.
    own.accept().close();
    neighbour.answer("bob@lobby").ping("linked");
    stranger.answer("bob@other").ping("linked");
    node.meets("bob@other");
    let ids: Vec<Value> = peers(&mut node)
        .iter()
        .map(|row| row["peer"].clone())
        .collect();
    assert_eq!(ids, [json!("bob@lobby"), json!("bob@other")]);
    assert_eq!(own.dials(), 0);
}

fn record(name: &str, address: &str) -> Value {
    let (ip, port) = address.split_once(':').unwrap();
    let port: u16 = port.parse().unwrap();
    json!({"ip": ip, "port": port, "name": name, "namespace": "lobby", "ttl": 7200, "expires_in": 7000})
}

fn peers(node: &mut Node) -> Vec<Value> {
    let reply = node.ask("/peers");
    reply["data"]["peers"].as_array().unwrap().clone()
}

//! The start: hosting, finding, and names in use.

use super::*;
use crate::actors::rendezvous::testing::{Lab, Server};

fn embedded_mode() -> Mode {
    Mode::Embedded {
        ports: vec![8080, 8081],
    }
}

fn record(peer: &str, address: &str) -> Record {
    Record {
        peer: PeerId::parse(peer).unwrap(),
        address: address.parse().unwrap(),
        expires_in: 9,
    }
}

async fn established(lab: &Lab, mode: &Mode) -> (Option<(String, bool)>, Vec<RendezvousEvent>) {
    let Established {
        endpoint, events, ..
    } = establish(mode, lab, lab).await;
    let shown = endpoint.map(|at| (at.address.to_string(), at.hosted));
    (shown, events)
}

#[actix_rt::test]
async fn the_first_node_hosts_and_the_second_uses_it() {
    tokio::time::pause();
    let lab = Lab::new();
    let first = establish(&embedded_mode(), &lab, &lab).await;
    assert_eq!(first.endpoint, Some(embedded_endpoint(8080, true)));
    let second = establish(&embedded_mode(), &lab, &lab).await;
    assert_eq!(second.endpoint, Some(embedded_endpoint(8080, false)));
}

#[actix_rt::test]
async fn a_rendezvous_that_blocks_or_refuses_us_is_one_all_the_same() {
    tokio::time::pause();
    for server in [Server::Blocking(60), Server::Refusing("?")] {
        let lab = Lab::new();
        lab.set("127.0.0.1:8080", server);
        let (endpoint, events) = established(&lab, &embedded_mode()).await;
        assert_eq!(endpoint, Some(("127.0.0.1:8080".into(), false)));
        assert_eq!(events, []);
    }
}

#[actix_rt::test]
async fn other_programs_are_passed_over_and_named() {
    tokio::time::pause();
    for server in [Server::Foreign, Server::Mute] {
        let lab = Lab::new();
        lab.set("127.0.0.1:8080", server);
        let (endpoint, events) = established(&lab, &embedded_mode()).await;
        assert_eq!(endpoint, Some(("127.0.0.1:8081".into(), true)));
        assert_eq!(events, [RendezvousEvent::ForeignProgram { port: 8080 }]);
    }
}

#[actix_rt::test]
async fn a_machine_without_a_free_port_starts_without_a_rendezvous() {
    tokio::time::pause();
    let lab = Lab::new();
    lab.set("127.0.0.1:8080", Server::Mute);
    lab.set("127.0.0.1:8081", Server::Foreign);
    let (endpoint, events) = established(&lab, &embedded_mode()).await;
    assert_eq!(endpoint, None);
    assert_eq!(events.len(), 2);
}

#[actix_rt::test]
async fn a_remote_rendezvous_is_taken_as_given_and_none_is_none() {
    tokio::time::pause();
    let lab = Lab::new();
    let address = "example.org:8080".to_owned();
    let remote = established(&lab, &Mode::Remote { address }).await;
    assert_eq!(remote, (Some(("example.org:8080".into(), false)), vec![]));
    assert_eq!(established(&lab, &Mode::Off).await, (None, vec![]));
    assert_eq!(lab.requests(), Vec::<String>::new());
}

#[actix_rt::test]
async fn the_first_look_corrects_addresses_and_survives_a_silent_rendezvous() {
    tokio::time::pause();
    let lab = Lab::new();
    let own = PeerId::parse("alice@CIC").unwrap();
    let endpoint = Endpoint {
        address: "10.0.0.9:8080".into(),
        hosted: false,
        embedded: false,
    };
    let limit = Duration::from_secs(5);
    let records = vec![
        record("bob@CIC", "127.0.0.1:4001"),
        record("eve@CIC", "10.0.0.1:4002"),
    ];
    lab.set("10.0.0.9:8080", Server::Rendezvous(records));
    let seen = first_look(&lab, &endpoint, &own, limit).await;
    let addresses: Vec<_> = seen
        .iter()
        .map(|record| record.address.to_string())
        .collect();
    assert_eq!(addresses, ["10.0.0.9:4001", "10.0.0.1:4002"]);
    lab.set("10.0.0.9:8080", Server::Mute);
    assert_eq!(first_look(&lab, &endpoint, &own, limit).await, []);
}

#[actix_rt::test]
async fn a_name_is_taken_where_somebody_answers_and_free_otherwise() {
    tokio::time::pause();
    let lab = Lab::new();
    lab.answer_hello("127.0.0.1:4001");
    lab.answer_hello("127.0.0.1:4000");
    let records = [
        record("root@lobby", "127.0.0.1:4009"),
        record("root@lobby", "127.0.0.1:4001"),
        record("root-2@lobby", "127.0.0.1:4009"),
        record("root-3@lobby", "127.0.0.1:4000"),
        record("root-4@lobby", "127.0.0.1:4001"),
    ];
    let leftover = Some("127.0.0.1:4001".parse().unwrap());
    for (name, leftover, expected) in [
        ("root@lobby", None, Some("127.0.0.1:4001")),
        ("root-2@lobby", None, None),
        ("root-3@lobby", None, None),
        ("root-4@lobby", leftover, None),
        ("root-5@lobby", None, None),
    ] {
        let id = PeerId::parse(name).unwrap();
        let at = taken(&lab, &records, &id, 4000, leftover).await;
        assert_eq!(at, expected.map(|at| at.parse().unwrap()), "{name}");
    }
}

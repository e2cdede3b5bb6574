//! One node and one rendezvous: the usual course, trouble, panics, the end.

use super::*;
use crate::actors::rendezvous::leftover::{LastRegistration, REGISTRATION_FILE};

#[actix_rt::test]
async fn a_node_registers_tells_its_router_and_asks_at_the_quick_times() {
    let lab = lab_with(vec![record("bob@CIC", "10.0.0.2:4000")]);
    let node = Node::remote(&lab, "alice").await;
    tokio::time::sleep(seconds(100)).await;
    let expected = [
        (0.0, "DISCOVER 10.0.0.9:8080"),
        (0.0, "REGISTER alice 10.0.0.9:8080"),
        (0.0, "DISCOVER 10.0.0.9:8080"),
        (2.0, "DISCOVER 10.0.0.9:8080"),
        (4.0, "DISCOVER 10.0.0.9:8080"),
        (8.0, "DISCOVER 10.0.0.9:8080"),
        (16.0, "DISCOVER 10.0.0.9:8080"),
        (32.0, "DISCOVER 10.0.0.9:8080"),
        (92.0, "DISCOVER 10.0.0.9:8080"),
    ];
    assert_eq!(
        lab.asked(),
        expected.map(|(at, text)| (at, text.to_owned()))
    );
    assert_eq!(node.peers(), ["bob@CIC"]);
    assert_eq!(node.news(), [registered(REMOTE, false, "10.0.0.1:4000")]);
}

#[actix_rt::test]
async fn a_name_that_answers_is_taken_and_never_registered() {
    let lab = lab_with(vec![
        record("bob@CIC", "10.0.0.1:4009"),
        record("alice@CIC", "10.0.0.7:4001"),
    ]);
    lab.answer_hello("10.0.0.7:4001");
    let node = Node::remote(&lab, "alice").await;
    tokio::time::sleep(seconds(100)).await;
    let address = "10.0.0.7:4001".parse().unwrap();
    assert_eq!(node.news(), [RendezvousEvent::NameTaken { address }]);
    assert_eq!(lab.requests(), ["DISCOVER 10.0.0.9:8080"]);
    assert!(node.ask(Leave).await, "nothing is left behind");
}

#[actix_rt::test]
async fn an_outage_is_told_once_and_its_end_too() {
    let lab = lab_with(Vec::new());
    let node = Node::remote(&lab, "alice").await;
    node.news();
    let server = lab.remove(REMOTE).unwrap();
    tokio::time::sleep(seconds(600)).await;
    let unreachable = RendezvousEvent::Unreachable {
        address: REMOTE.into(),
        reason: "nobody listens there".into(),
    };
    assert_eq!(node.news(), [unreachable]);
    lab.set(REMOTE, server);
    tokio::time::sleep(seconds(61)).await;
    assert_eq!(node.news(), [registered(REMOTE, false, "10.0.0.1:4000")]);
}

#[actix_rt::test]
async fn while_blocked_a_request_is_answered_with_what_is_known_and_its_age() {
    let lab = lab_with(vec![record("bob@CIC", "10.0.0.2:4000")]);
    let node = Node::remote(&lab, "alice").await;
    assert_eq!(
        node.ask(DiscoverNow { quick: true }).await,
        DiscoverReply::Asked
    );
    tokio::time::sleep(seconds(1)).await;
    lab.set(REMOTE, Server::Blocking(42));
    tokio::time::sleep(seconds(3)).await;
    lab.requests();
    let reply = node.ask(DiscoverNow { quick: true }).await;
    let DiscoverReply::Known {
        age,
        next_request_in,
    } = reply
    else {
        panic!("{reply:?}");
    };
    let about = |time: Option<Duration>| time.map(|time| time.as_secs_f64().round());
    assert_eq!(
        (about(age), about(next_request_in)),
        (Some(4.0), Some(40.0))
    );
    let wait = seconds(42);
    let address = REMOTE.to_owned();
    assert!(
        node.news()
            .contains(&RendezvousEvent::Blocked { address, wait })
    );
    assert_eq!(lab.requests(), Vec::<String>::new());
    let report = node.ask(ReportRendezvous).await;
    assert_eq!(report.records, 1);
    assert!(report.blocked_for.is_some());
}

#[actix_rt::test]
async fn a_refusal_reaches_the_user_with_a_hint() {
    let lab = lab_with(Vec::new());
    lab.set(REMOTE, Server::Refusing("bad_ttl"));
    let node = Node::remote(&lab, "alice").await;
    let expected = RendezvousEvent::Refused {
        address: REMOTE.into(),
        message: "bad_ttl".into(),
        hint: "set rendezvous.ttl to 1 s to 86400 s".into(),
    };
    assert_eq!(node.news(), [expected]);
}

#[actix_rt::test]
async fn a_panic_neither_registers_again_nor_leaves_the_registration_behind() {
    let lab = lab_with(Vec::new());
    let node = Node::remote(&lab, "alice").await;
    node.news();
    lab.requests();
    node.panic().await;
    let requests = lab.requests();
    assert!(!requests.is_empty());
    let is_discover = |text: &String| text.starts_with("DISCOVER");
    assert!(requests.iter().all(is_discover), "{requests:?}");
    assert_eq!(node.news(), []);
    assert!(node.ask(Leave).await);
    assert_eq!(lab.registered(REMOTE), Vec::<String>::new());
}

#[actix_rt::test]
async fn an_actor_that_gave_up_can_still_be_left_for() {
    let lab = lab_with(Vec::new());
    let node = Node::remote(&lab, "alice").await;
    node.task.abort();
    assert_eq!(lab.registered(REMOTE), ["alice@CIC"]);
    assert!(node.kept.leave(&node.config, &lab, seconds(3)).await);
    assert_eq!(lab.registered(REMOTE), Vec::<String>::new());
    assert!(
        node.kept.leave(&node.config, &lab, seconds(3)).await,
        "twice is no harm"
    );
}

#[actix_rt::test]
async fn leaving_waits_three_seconds_at_most() {
    let lab = lab_with(Vec::new());
    let node = Node::remote(&lab, "alice").await;
    lab.set(REMOTE, Server::Mute);
    let before = clock::now();
    assert!(!node.ask(Leave).await);
    assert_eq!(clock::now().duration_since(before).as_secs(), 3);
    lab.requests();
    tokio::time::sleep(seconds(1000)).await;
    assert_eq!(lab.requests(), Vec::<String>::new(), "left is left");
}

#[actix_rt::test]
async fn waking_from_sleep_and_another_network_register_again() {
    let lab = lab_with(Vec::new());
    let node = Node::remote(&lab, "alice").await;
    tokio::time::sleep(seconds(100)).await;
    for change in [true, false] {
        lab.requests();
        if change {
            WALL.set(wall() + seconds(10_000));
        } else {
            lab.set_local_ip(None);
            tokio::time::sleep(seconds(6)).await;
            lab.set_local_ip(Some([10, 0, 0, 1].into()));
        }
        tokio::time::sleep(seconds(6)).await;
        let requests = lab.requests();
        assert!(
            requests.contains(&format!("REGISTER alice {REMOTE}")),
            "{requests:?}"
        );
    }
    drop(node);
}

#[actix_rt::test]
async fn the_registration_is_on_disk_until_it_is_taken_back() {
    let lab = lab_with(Vec::new());
    let home = tempfile::tempdir().unwrap();
    let config = config("alice", 4000, Some(home.path()));
    let folder = home.path().join("alice");
    std::fs::create_dir(&folder).unwrap();
    let address = REMOTE.to_owned();
    let node = Node::start(&lab, &Mode::Remote { address }, config).await;
    tokio::time::sleep(seconds(1)).await;
    let stored = LastRegistration::load(&folder).unwrap();
    assert_eq!(
        (
            stored.rendezvous.as_str(),
            stored.name.as_str(),
            stored.port
        ),
        (REMOTE, "alice", 4000)
    );
    assert_eq!(stored.seen, Some("10.0.0.1:4000".parse().unwrap()));
    assert!(node.ask(Leave).await);
    assert!(!folder.join(REGISTRATION_FILE).exists());
}

#[actix_rt::test]
async fn what_earlier_runs_left_behind_is_taken_back_once_we_are_registered() {
    let lab = lab_with(vec![record("bob@CIC", "10.0.0.1:4001")]);
    lab.set(
        HERE,
        Server::Rendezvous(vec![record("alice@CIC", "127.0.0.1:4000")]),
    );
    let home = tempfile::tempdir().unwrap();
    for (name, rendezvous) in [("alice", HERE), ("bob", REMOTE)] {
        let leftover = LastRegistration {
            rendezvous: rendezvous.into(),
            namespace: "CIC".into(),
            name: name.into(),
            port: 4000,
            seen: None,
            until: u64::MAX,
        };
        let folder = home.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        leftover.store(&folder).unwrap();
    }
    let config = config("alice", 4000, Some(home.path()));
    let address = REMOTE.to_owned();
    let node = Node::start(&lab, &Mode::Remote { address }, config).await;
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(lab.registered(HERE), Vec::<String>::new());
    assert_eq!(lab.registered(REMOTE), ["alice@CIC"]);
    node.panic().await;
    let requests = lab.requests();
    let swept = |text: &&String| text.starts_with("UNREGISTER");
    assert_eq!(requests.iter().filter(swept).count(), 2, "{requests:?}");
}

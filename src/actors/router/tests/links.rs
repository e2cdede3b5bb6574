//! What links report, and what the router makes of it.

use super::*;
use crate::proto::peer_table::STRANGERS_MAX;

#[actix_rt::test]
async fn a_link_is_told_once_when_it_opens_and_once_when_it_ends() {
    let routing = routing();
    let opened = routing.link(1, "bob@X").await;
    routing.tell(opened.clone()).await;
    assert_eq!(routing.told().await, ["connected bob@X"]);
    routing.end(&opened, CloseReason::EndOfStream).await;
    routing.end(&opened, CloseReason::EndOfStream).await;
    assert_eq!(routing.told().await, ["disconnected bob@X"]);
    assert_eq!(routing.tell(ListLinks).await, []);
}

#[actix_rt::test]
async fn of_two_links_the_newest_is_written_on_and_the_first_end_leaves_the_peer_linked() {
    let routing = routing();
    let first = routing.link(1, "bob@X").await;
    let second = routing.link(2, "bob@X").await;
    let writers: Vec<bool> = routing
        .tell(ListLinks)
        .await
        .iter()
        .map(|row| row.writer)
        .collect();
    assert_eq!(writers, [false, true]);
    routing.end(&second, CloseReason::EndOfStream).await;
    let told = routing.told().await;
    assert_eq!(told.last().unwrap(), "disconnected bob@X, still linked");
    assert!(routing.tell(ListLinks).await[0].writer);
    routing.send(text(1, full("bob@X"))).await.unwrap();
    assert_eq!(routing.written_on(&first), [1]);
}

#[actix_rt::test]
async fn the_end_of_a_link_that_the_router_never_knew_tells_nothing_and_leaves_nothing() {
    let routing = routing();
    let opened = made_up(1, "bob@X", Direction::Inbound, "10.0.0.2:5555");
    routing.end(&opened, CloseReason::EndOfStream).await;
    assert_eq!(routing.told().await, [""; 0]);
    assert_eq!(routing.tell(ListPeers).await, []);
    assert!(routing.rig.kept.queues().is_empty());
}

#[actix_rt::test]
async fn the_end_of_a_link_to_this_machine_is_told_to_the_rendezvous_actor() {
    let routing = routing();
    for (number, address, told) in [(1, "127.0.0.1:5555", 1), (2, "10.0.0.2:5555", 0)] {
        let opened = made_up(number, "bob@X", Direction::Inbound, address);
        routing.tell(opened.clone()).await;
        routing.end(&opened, CloseReason::EndOfStream).await;
        turn().await;
        assert_eq!(routing.rendezvous.take_all().len(), told, "{address}");
    }
}

#[actix_rt::test]
async fn what_an_ended_link_gave_back_leaves_at_once_on_the_one_that_is_written_on() {
    let routing = routing();
    let (mut first, opened) = open(&routing, "bob@X").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    routing.send(text(1, full("bob@X"))).await.unwrap();
    first.hears("SEND").await;
    let (mut second, _) = open(&routing, "bob@X").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    opened.actor.panic();
    let start = clock::now();
    second.hears("SEND").await;
    assert!(clock::now() - start < Duration::from_millis(50));
}

/// A link over an in-memory pipe.
pub(super) async fn open(
    routing: &Routing,
    peer: &str,
) -> (crate::actors::testing::Peer, LinkOpened) {
    let mut wire = routing.rig.accept();
    wire.say(&crate::actors::testing::hello(peer)).await;
    wire.hears("HELLO_OK").await;
    turn().await;
    let (open, _) = routing.rig.links.announce();
    (wire, open.last().unwrap().clone())
}

#[actix_rt::test]
async fn a_text_is_shown_once_per_peer_id_and_payload() {
    let routing = routing();
    routing.link(1, "bob@X").await;
    routing.link(2, "eve@Y").await;
    routing.receive("bob@X", &[("m1", "a"), ("m1", "a")]).await;
    routing.receive("bob@X", &[("m1", "a"), ("m1", "b")]).await;
    routing.receive("eve@Y", &[("m1", "a")]).await;
    let told = routing.told().await;
    assert_eq!(told[2..], ["bob@X: a", "bob@X: b", "eve@Y: a"]);
    assert_eq!(routing.rig.metrics.texts_duplicate.get(), 2);
    assert_eq!(routing.rig.metrics.texts_received.get(), 3);
}

#[actix_rt::test]
async fn an_ack_delivers_and_strays_are_counted() {
    let routing = routing();
    let opened = routing.link(1, "bob@X").await;
    routing.link(2, "eve@Y").await;
    routing.send(text(1, full("bob@X"))).await.unwrap();
    routing.written_on(&opened);
    routing.told().await;
    routing.acknowledge("eve@Y", &msg_id(1)).await;
    routing.acknowledge("bob@X", "no uuid").await;
    routing.acknowledge("bob@X", &msg_id(7)).await;
    routing.acknowledge("nobody@X", &msg_id(1)).await;
    assert_eq!(routing.told().await, [""; 0]);
    assert_eq!(routing.rig.metrics.lines_ignored.get(), 3);
    routing.acknowledge("bob@X", &msg_id(1)).await;
    routing.acknowledge("bob@X", &msg_id(1)).await;
    assert_eq!(routing.told().await, ["#1 delivered"]);
}

#[actix_rt::test]
async fn a_missing_ack_is_told_after_five_seconds_and_a_late_one_still_delivers() {
    let routing = routing();
    let opened = routing.link(1, "bob@X").await;
    routing.send(text(1, full("bob@X"))).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(routing.told().await, ["connected bob@X", "#1 sent to 1"]);
    routing.written_on(&opened);
    tokio::time::sleep(Duration::from_millis(4900)).await;
    assert_eq!(routing.told().await, [""; 0]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(routing.told().await, ["#1 timeout"]);
    assert_eq!(routing.rig.kept.unsettled(), 0);
    routing.acknowledge("bob@X", &msg_id(1)).await;
    assert_eq!(routing.told().await, ["#1 delivered"]);
}

#[actix_rt::test]
async fn a_peer_that_never_acknowledges_ends_a_text_as_unconfirmed() {
    let routing = routing();
    let mut opened = made_up(1, "bob@X", Direction::Inbound, "10.0.0.2:1");
    of(&mut opened).kind.acks = false;
    routing.tell(opened.clone()).await;
    routing.send(text(1, full("bob@X"))).await.unwrap();
    routing.written_on(&opened);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let told = routing.told().await;
    assert_eq!(told[1..], ["#1 sent to 1", "#1 unconfirmed"]);
}

#[actix_rt::test]
async fn a_peer_that_was_lost_and_is_linked_again_counts_as_a_reconnect() {
    let routing = routing();
    for (number, (reason, expected)) in [
        (CloseReason::EndOfStream, 0),
        (CloseReason::PeerLeft("quit".into()), 1),
        (CloseReason::Silent(Duration::from_secs(90)), 1),
        (CloseReason::EndOfStream, 2),
    ]
    .into_iter()
    .enumerate()
    {
        let link = routing.link(number as u64 + 1, "bob@X").await;
        let counted = routing.rig.metrics.reconnects.get();
        assert_eq!(counted, expected, "before {reason}");
        routing.end(&link, reason).await;
    }
}

#[actix_rt::test]
async fn a_discovered_peer_is_dialled_unless_it_is_us_or_linked() {
    let routing = routing();
    let (_port, address) = silent_port();
    routing.link(1, "linked@X").await;
    let linked = "10.0.0.2:1".parse().unwrap();
    let records = [("bob@X", address), (OWN, address), ("linked@X", linked)];
    routing.discover(&records).await;
    let target = Target {
        peer: Some(id("bob@X")),
        address,
    };
    assert_eq!(routing.rig.links.announce().1, [target]);
    routing.discover(&records).await;
    assert_eq!(routing.rig.metrics.dials.get(), 1);
}

#[actix_rt::test]
async fn a_peer_that_does_not_answer_becomes_stale_and_what_waits_for_it_fails() {
    let routing = routing();
    routing.discover(&[("bob@X", closed_port())]).await;
    let mut patient = waiting(1, full("bob@X"));
    patient.wait = Some(Duration::from_secs(600));
    assert_eq!(routing.send(patient).await, waits());
    let mut told = Vec::new();
    while told.is_empty() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        told = routing.told().await;
    }
    assert_eq!(
        told,
        ["#1 failed: the peer does not answer", "bob@X is stale"]
    );
    assert_eq!(routing.rig.metrics.dials.get(), 5);
}

#[actix_rt::test]
async fn a_stranger_under_our_name_is_told_with_what_to_do() {
    let routing = routing();
    let mut opened = made_up(1, OWN, Direction::Inbound, "10.0.0.9:1");
    of(&mut opened).target = None;
    let mut end = ended(&opened, CloseReason::NameInUse);
    end.was_open = None;
    end.peer = None;
    routing.tell(end).await;
    assert_eq!(routing.told().await, ["trouble name_in_use"]);
}

#[actix_rt::test]
async fn a_link_from_another_address_than_the_known_one_is_a_conflict_and_not_written_on() {
    let routing = routing();
    routing.discover(&[("bob@X", closed_port())]).await;
    let opened = made_up(901, "bob@X", Direction::Inbound, "127.0.0.1:5555");
    routing.tell(opened.clone()).await;
    let stranger = made_up(902, "bob@X", Direction::Inbound, "10.9.9.9:7");
    routing.tell(stranger.clone()).await;
    let told = routing.told().await;
    let conflicts = ["connected bob@X", "connected bob@X", "conflict bob@X"];
    assert_eq!(told, conflicts);
    routing.send(text(1, full("bob@X"))).await.unwrap();
    assert_eq!(routing.written_on(&stranger), [0; 0]);
    assert_eq!(routing.written_on(&opened), [1]);
}

#[actix_rt::test]
async fn strangers_under_ever_new_names_leave_nothing_behind() {
    let routing = routing();
    for number in 0..u64::try_from(STRANGERS_MAX).unwrap() + 50 {
        let peer = format!("s{number}@X");
        let opened = routing.link(number, &peer).await;
        routing.receive(&peer, &[("m1", "hi")]).await;
        routing.end(&opened, CloseReason::EndOfStream).await;
        let known = routing.rig.kept.queues().len();
        assert!(known < STRANGERS_MAX + STRANGERS_TOGETHER, "{known}");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let kept = &routing.rig.kept;
    assert_eq!(routing.tell(ListPeers).await.len(), STRANGERS_MAX);
    assert_eq!(kept.queues().len(), STRANGERS_MAX);
    assert_eq!(kept.inner.lock().seen.len(), STRANGERS_MAX);
    tokio::time::sleep(Duration::from_secs(602)).await;
    turn().await;
    assert_eq!(routing.tell(ListPeers).await, []);
    assert!(kept.queues().is_empty() && kept.inner.lock().seen.is_empty());
    assert!(kept.inner.lock().shown.is_empty());
}

#[actix_rt::test]
async fn a_queue_that_a_link_holds_is_not_forgotten_with_its_peer() {
    let routing = routing();
    let opened = routing.link(1, "bob@X").await;
    routing.end(&opened, CloseReason::EndOfStream).await;
    tokio::time::sleep(Duration::from_secs(590)).await;
    let kept = &routing.rig.kept;
    let held = kept.queue_of(&id("bob@X"));
    tokio::time::sleep(Duration::from_secs(20)).await;
    turn().await;
    assert_eq!(routing.tell(ListPeers).await, []);
    assert!(Arc::ptr_eq(&held, &kept.queue_of(&id("bob@X"))));
}

#[actix_rt::test]
async fn a_peer_that_comes_back_while_its_old_link_closes_is_written_to_on_the_new_one() {
    let routing = routing();
    let (mut old, _) = open(&routing, "bob@X").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    old.say(r#"{"type":"BYE","reason":"restart"}"#).await;
    old.hears("BYE_OK").await;
    let start = clock::now();
    let (mut new, _) = open(&routing, "bob@X").await;
    routing.send(text(1, full("bob@X"))).await.unwrap();
    new.hears("SEND").await;
    assert!(clock::now() - start < Duration::from_secs(1));
    old.hears_end().await;
    drop(old);
    let told = routing.told().await;
    let expected = [
        "connected bob@X",
        "connected bob@X",
        "#1 sent to 1",
        "disconnected bob@X, still linked",
    ];
    assert_eq!(told, expected);
}

#[actix_rt::test]
async fn a_text_that_meets_a_closing_link_leaves_on_the_next() {
    let routing = routing();
    let (mut old, _) = open(&routing, "bob@X").await;
    old.say(r#"{"type":"BYE"}"#).await;
    old.hears("BYE_OK").await;
    routing.send(text(1, full("bob@X"))).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (mut new, _) = open(&routing, "bob@X").await;
    assert_eq!(new.hears("SEND").await["msg_id"], msg_id(1));
}

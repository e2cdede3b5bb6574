//! Texts that wait for peers that are not linked or not known yet.

use super::*;

fn everyone(number: u64) -> SendText {
    waiting(number, Recipients::Everyone)
}

#[actix_rt::test]
async fn a_text_for_a_known_peer_waits_for_its_link() {
    let routing = routing();
    let (_port, address) = silent_port();
    routing.discover(&[("bob@X", address)]).await;
    assert_eq!(routing.send(waiting(1, short("bob"))).await, waits());
    assert_eq!(routing.told().await, [""; 0]);
    let opened = routing.link(901, "bob@X").await;
    assert_eq!(routing.told().await, ["connected bob@X", "#1 sent to 1"]);
    assert_eq!(routing.written_on(&opened), [1]);
}

#[actix_rt::test]
async fn a_text_for_an_unknown_peer_waits_without_a_queue_and_fails_at_its_time() {
    let routing = routing();
    assert_eq!(routing.send(waiting(1, full("bob@X"))).await, waits());
    assert_eq!(routing.send(waiting(2, short("eve"))).await, waits());
    assert!(routing.rig.kept.queues().is_empty());
    tokio::time::sleep(Duration::from_millis(14_900)).await;
    assert_eq!(routing.told().await, [""; 0]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let told = routing.told().await;
    let expected = [
        "#1 failed: no peer bob@X is known",
        "#2 failed: no peer eve is known",
    ];
    assert_eq!(told, expected);
    assert!(routing.rig.kept.queues().is_empty());
}

#[actix_rt::test]
async fn texts_for_one_peer_keep_their_order_while_it_becomes_known_and_linked() {
    let routing = routing();
    let (_port, address) = silent_port();
    routing.send(waiting(1, full("bob@X"))).await.unwrap();
    routing.send(waiting(2, short("bob"))).await.unwrap();
    routing.discover(&[("bob@X", address)]).await;
    routing.send(waiting(3, full("bob@X"))).await.unwrap();
    let opened = routing.link(901, "bob@X").await;
    routing.send(waiting(4, short("bob"))).await.unwrap();
    assert_eq!(routing.written_on(&opened), [1, 2, 3, 4]);
}

#[actix_rt::test]
async fn what_does_not_fit_the_queue_of_a_peer_that_became_known_keeps_its_order_too() {
    let routing = routing();
    for number in 1..=10 {
        routing.send(waiting(number, full("bob@X"))).await.unwrap();
    }
    let opened = routing.link(1, "bob@X").await;
    assert_eq!(routing.written_on(&opened).len(), 8);
    for number in 1..=8 {
        routing.acknowledge("bob@X", &msg_id(number)).await;
    }
    assert_eq!(routing.send(waiting(11, full("bob@X"))).await, waits());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(routing.written_on(&opened), [9, 10, 11]);
}

#[actix_rt::test]
async fn a_text_for_everyone_waits_until_the_dials_are_over_or_a_second_after_the_first_link() {
    let routing = routing();
    assert_eq!(routing.send(everyone(1)).await, waits());
    let (_port, address) = silent_port();
    routing.discover(&[("slow@X", address)]).await;
    let first = routing.link(901, "bob@X").await;
    tokio::time::sleep(Duration::from_millis(800)).await;
    assert_eq!(routing.told().await, ["connected bob@X"]);
    let second = routing.link(902, "eve@Y").await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(routing.told().await, ["connected eve@Y", "#1 sent to 2"]);
    assert_eq!(routing.written_on(&first), [1]);
    assert_eq!(routing.written_on(&second), [1]);
}

#[actix_rt::test]
async fn a_text_for_everyone_leaves_with_the_first_link_when_nothing_else_is_under_way() {
    let routing = routing();
    routing.send(everyone(1)).await.unwrap();
    let opened = routing.link(1, "bob@X").await;
    assert_eq!(routing.written_on(&opened), [1]);
}

#[actix_rt::test]
async fn a_text_for_everyone_waits_for_others_also_when_one_is_linked_already() {
    let routing = routing();
    let (_port, address) = silent_port();
    let first = routing.link(901, "bob@X").await;
    routing.discover(&[("slow@X", address)]).await;
    assert_eq!(routing.send(everyone(1)).await, waits());
    assert_eq!(
        routing.send(text(2, Recipients::Everyone)).await,
        to_peers(1),
        "on a terminal it goes to who is there"
    );
    let second = routing.link(902, "eve@Y").await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(routing.written_on(&first), [2, 1]);
    assert_eq!(routing.written_on(&second), [1]);
    assert_eq!(routing.send(everyone(3)).await, to_peers(2));
}

#[actix_rt::test]
async fn a_text_for_everyone_waits_for_the_first_records_where_there_will_be_some() {
    let routing = routing_that_discovers();
    let opened = routing.link(901, "bob@X").await;
    assert_eq!(routing.send(everyone(1)).await, waits());
    routing.discover(&[]).await;
    assert_eq!(routing.written_on(&opened), [1]);
}

#[actix_rt::test]
async fn a_text_for_everyone_does_not_wait_long_for_a_rendezvous_that_is_silent() {
    let routing = routing_that_discovers();
    let opened = routing.link(901, "bob@X").await;
    assert_eq!(routing.send(everyone(1)).await, waits());
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(routing.written_on(&opened), [1]);
}

#[actix_rt::test]
async fn the_gathering_begins_anew_when_all_links_are_gone() {
    let routing = routing();
    let (_port, address) = silent_port();
    let opened = routing.link(901, "bob@X").await;
    routing.end(&opened, CloseReason::EndOfStream).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    routing.send(everyone(1)).await.unwrap();
    routing.discover(&[("slow@X", address)]).await;
    let opened = routing.link(902, "bob@X").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(routing.written_on(&opened), [0; 0]);
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(routing.written_on(&opened), [1]);
}

#[actix_rt::test]
async fn texts_for_everyone_keep_their_order_and_one_that_does_not_wait_overtakes() {
    let routing = routing();
    let (_port, address) = silent_port();
    routing.send(everyone(1)).await.unwrap();
    routing.discover(&[("slow@X", address)]).await;
    let opened = routing.link(901, "bob@X").await;
    assert_eq!(routing.send(everyone(2)).await, waits());
    let namespace = Recipients::Namespace("X".into());
    assert_eq!(routing.send(waiting(3, namespace)).await, waits());
    assert_eq!(
        routing.send(text(4, Recipients::Everyone)).await,
        to_peers(1)
    );
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert_eq!(routing.written_on(&opened), [4, 1, 2, 3]);
    assert_eq!(routing.send(everyone(5)).await, to_peers(1));
}

#[actix_rt::test]
async fn a_text_for_everyone_fails_when_nobody_comes() {
    let routing = routing();
    routing.send(everyone(1)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(16)).await;
    assert_eq!(routing.told().await, ["#1 failed: nobody is connected"]);
}

#[actix_rt::test]
async fn only_so_many_texts_wait() {
    let routing = routing();
    for number in 1..=1024 {
        assert_eq!(routing.send(everyone(number)).await, waits());
    }
    assert_eq!(
        routing.send(everyone(1025)).await,
        Err(SendError::WaitingFull)
    );
    assert_eq!(routing.rig.kept.unsettled(), 1024);
}

#[actix_rt::test]
async fn a_text_for_a_peer_that_left_is_a_reason_to_dial_it() {
    let routing = routing();
    let (_port, address) = silent_port();
    routing.discover(&[("bob@X", address)]).await;
    let opened = made_up(901, "bob@X", Direction::Inbound, "127.0.0.1:5555");
    routing.tell(opened.clone()).await;
    routing
        .end(&opened, CloseReason::PeerLeft("quit".into()))
        .await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let before = routing.rig.metrics.dials.get();
    routing.send(waiting(1, full("bob@X"))).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(routing.rig.metrics.dials.get(), before + 1);
}

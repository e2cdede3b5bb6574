//! The supervisor of links: who is let in, who has to yield, what an actor that begins anew is told, and leaving.

use tokio::time::pause;

use super::*;
use crate::actors::testing::{Held, Peer, Rig, hello, id, send_line, stream_hello, turn};
use crate::proto::filters::Blocked;

fn rig(inbound_max: usize) -> Rig {
    Rig::with(|parts| parts.admission.inbound_max = inbound_max)
}

fn target(port: u16) -> Target {
    Target {
        peer: Some(id("eve@Y")),
        address: SocketAddr::from(([127, 0, 0, 1], port)),
    }
}

#[actix_rt::test]
async fn of_too_many_connections_the_newest_is_closed_and_counted() {
    pause();
    let rig = rig(2);
    let mut waiting: Vec<Peer> = (0..40).map(|_| rig.accept()).collect();
    let mut refused = 0;
    for peer in &mut waiting {
        refused += u64::from(!peer.hears_nothing_for(Duration::from_millis(1)).await);
    }
    assert!(refused > 0 && refused < 40);
    assert_eq!(rig.metrics.links_refused.get(), refused);
    assert!(
        rig.ended.len() == 0,
        "what was never let in concerns nobody"
    );
}

#[actix_rt::test]
async fn places_are_free_again_when_connections_ended() {
    pause();
    let rig = rig(1);
    for n in 0..50 {
        let (peer, opened) = rig.open(&format!("p{n}@X")).await;
        drop(peer);
        assert_eq!(rig.ended.next().await.link, opened.link);
        turn().await;
    }
    assert_eq!(rig.metrics.links_refused.get(), 0);
}

#[actix_rt::test]
async fn a_connection_holds_its_place_until_its_end_was_told() {
    pause();
    let outer = Rig::new();
    let (peer, opened) = outer.open("x@X").await;
    drop(peer);
    let mut held = Held::full(outer.ended.next().await);
    let rig = Rig::with(|parts| {
        parts.admission.inbound_max = 1;
        parts.doors.ended = held.door();
    });
    for n in 0..100 {
        let mut peer = rig.accept();
        peer.say_raw(format!("{}\n", hello(&format!("p{n}@X"))).as_bytes())
            .await;
        turn().await;
    }
    assert!(rig.metrics.links_refused.get() >= 100 - 17);
    held.release(&rig.ended);
    assert_eq!(rig.ended.next().await.link, opened.link);
    rig.ended.next().await;
    turn().await;
    let (_peer, _) = rig.open("late@X").await;
}

#[actix_rt::test]
async fn a_second_link_yields_to_a_peer_without_one_with_bye() {
    pause();
    let rig = rig(2);
    let (mut first, _) = rig.open("bob@X").await;
    let (mut second, two) = rig.open("bob@X").await;
    let (_third, _) = rig.open("eve@Y").await;
    let bye = second.hears("BYE").await;
    assert_eq!(bye["reason"], "busy");
    second.say(r#"{"type":"BYE_OK"}"#).await;
    let ended = rig.ended.next().await;
    assert_eq!(
        (ended.link, ended.reason),
        (two.link, CloseReason::Displaced)
    );
    first.say(&send_line("m1", "I stay")).await;
    first.hears("ACK").await;
}

#[actix_rt::test]
async fn a_peer_that_may_not_stay_hears_nothing_and_says_nothing() {
    pause();
    let rig = rig(1);
    let (_first, _) = rig.open("bob@X").await;
    let mut second = rig.accept();
    let lines = format!("{}\n{}", hello("eve@Y"), send_line("m1", "hi"));
    second.say(&lines).await;
    second.hears_end().await;
    turn().await;
    assert_eq!(rig.metrics.links_refused.get(), 1);
    assert_eq!((rig.opened.len(), rig.texts.len()), (0, 0));
    assert!(rig.kept.known_queue_of(&id("eve@Y")).is_none());
}

#[actix_rt::test]
async fn an_actor_that_begins_anew_is_told_the_open_links_in_order_and_the_dials() {
    pause();
    let rig = Rig::new();
    // Accepted by the system, answered by nobody: the dial stays under way.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    rig.links.dial(target(port));
    let (_a, one) = rig.open("a@X").await;
    let (_b, two) = rig.open("b@X").await;
    let (open, dialling) = rig.links.announce();
    let open: Vec<_> = open.iter().map(|it| it.link).collect();
    assert_eq!(open, [one.link, two.link]);
    assert_eq!(dialling, [target(port)]);
    assert_eq!((rig.links.count(), rig.metrics.dials.get()), (2, 1));
    let ended = rig.ended.next().await;
    assert_eq!(ended.target, Some(target(port)));
    assert!(rig.links.announce().1.is_empty());
}

#[actix_rt::test]
async fn leaving_says_bye_to_all_and_takes_no_more() {
    pause();
    let rig = Rig::new();
    let (mut a, _) = rig.open("a@X").await;
    let (mut b, _) = rig.open("b@X").await;
    let mut half_open = rig.accept();
    rig.links.leave_all();
    for peer in [&mut a, &mut b] {
        assert_eq!(peer.hears("BYE").await["reason"], "quit");
    }
    half_open.say(&stream_hello("c@X")).await;
    half_open.hears_end().await;
    rig.accept().hears_end().await;
    rig.links.dial(target(1));
    turn().await;
    assert_eq!((rig.metrics.dials.get(), rig.opened.len()), (0, 0));
    a.say(r#"{"type":"BYE_OK"}"#).await;
    let reasons = [rig.ended.next().await.reason, rig.ended.next().await.reason];
    assert_eq!(reasons, [CloseReason::WeLeft, CloseReason::WeLeft]);
    assert_eq!(rig.links.count(), 0);
}

#[actix_rt::test]
async fn the_ping_actor_is_told_the_same_as_the_router() {
    pause();
    let rig = Rig::new();
    let (peer, opened) = rig.open("a@X").await;
    assert_eq!(rig.ping_opened.next().await.link, opened.link);
    drop(peer);
    let (ended, for_ping) = (rig.ended.next().await, rig.ping_ended.next().await);
    assert_eq!((ended.link, ended.reason), (for_ping.link, for_ping.reason));
}

fn block(rig: &Rig, whom: Blocked) {
    rig.links.filters().write().block(whom).unwrap();
}

#[actix_rt::test]
async fn a_blocked_peer_hears_nothing_but_the_end_and_concerns_nobody() {
    pause();
    let rig = Rig::new();
    block(&rig, Blocked::Peer(id("eve@Y")));
    let mut eve = rig.accept();
    eve.say(&format!("{}\n{}", hello("eve@Y"), send_line("m1", "hi")))
        .await;
    eve.hears_end().await;
    let (_bob, _) = rig.open("bob@X").await;
    turn().await;
    assert_eq!(rig.metrics.links_refused.get(), 1);
    assert_eq!((rig.opened.len(), rig.texts.len()), (0, 0));
}

#[actix_rt::test]
async fn a_blocked_address_may_not_even_say_hello() {
    pause();
    let rig = Rig::new();
    block(&rig, Blocked::Address("10.0.0.7".parse().unwrap()));
    rig.accept_from("10.0.0.7:5555").hears_end().await;
    rig.accept_from("[::ffff:10.0.0.7]:5555").hears_end().await;
    assert_eq!(rig.metrics.links_refused.get(), 2);
    rig.open("bob@X").await;
}

#[actix_rt::test]
async fn a_block_ends_living_links_without_a_word_and_those_of_no_one_else() {
    pause();
    let rig = Rig::new();
    let (mut eve, opened) = rig.open("eve@Y").await;
    let (mut bob, _) = rig.open("bob@X").await;
    block(&rig, Blocked::Peer(id("eve@Y")));
    rig.links.close_blocked();
    eve.hears_end().await;
    let ended = rig.ended.next().await;
    assert_eq!(
        (ended.link, ended.reason),
        (opened.link, CloseReason::Blocked)
    );
    bob.say(&send_line("m1", "I stay")).await;
    bob.hears("ACK").await;
}

#[actix_rt::test]
async fn a_blocked_peer_is_not_dialled_and_its_dial_has_an_end() {
    pause();
    let rig = Rig::new();
    block(&rig, Blocked::Peer(id("eve@Y")));
    rig.links.dial(target(1));
    let ended = rig.ended.next().await;
    assert_eq!(
        (ended.target, ended.reason),
        (Some(target(1)), CloseReason::Blocked)
    );
    assert_eq!(rig.metrics.dials.get(), 0);
}

#[actix_rt::test]
async fn a_dial_under_way_ends_when_its_peer_is_blocked() {
    pause();
    let rig = Rig::new();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    rig.links.dial(target(port));
    block(&rig, Blocked::Address("127.0.0.1".parse().unwrap()));
    rig.links.close_blocked();
    assert_eq!(rig.ended.next().await.reason, CloseReason::Blocked);
}

//! The router under supervision, and before a front end that has no room: nothing is lost, doubled or reordered.

use super::*;
use crate::actors::testing::{Held, Peer, send_line};

const QUIT: CloseReason = CloseReason::PeerLeft(String::new());

fn restarts(routing: &Routing) -> usize {
    let is_restart = |report: &&Report| matches!(report, Report::Restarting { .. });
    routing.reports.borrow().iter().filter(is_restart).count()
}

async fn acknowledged(wire: &mut Peer, msg_id: &str) {
    assert_eq!(wire.hears("ACK").await["msg_id"], msg_id);
}

#[actix_rt::test]
async fn a_front_end_without_room_makes_the_router_wait_and_loses_and_reorders_nothing() {
    let events = Mailbox::new(&Order::default());
    let mut held = Held::new(2);
    let door = held.door();
    let routing = routing_to(events, door);
    let (mut wire, _) = links::open(&routing, "bob@X").await;
    let mut lines: Vec<String> = (0..50)
        .map(|n| send_line(&format!("m{n}"), &format!("text {n}")))
        .collect();
    wire.say(&lines.drain(..25).collect::<Vec<_>>().join("\n"))
        .await;
    turn().await;
    wire.say(&lines.join("\n")).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(routing.events.len(), 0);
    held.release(&routing.events);
    let told = routing.told().await;
    let texts = (0..50).map(|n| format!("bob@X: text {n}"));
    let expected: Vec<_> = ["connected bob@X".to_owned()]
        .into_iter()
        .chain(texts)
        .collect();
    assert_eq!(told, expected);
    for n in 0..50 {
        acknowledged(&mut wire, &format!("m{n}")).await;
    }
}

#[actix_rt::test]
async fn a_router_that_waits_for_the_front_end_takes_commands_later_and_goes_on_when_that_is_gone()
{
    let events = Mailbox::new(&Order::default());
    let mut held = Held::new(1);
    let door = held.door();
    let routing = routing_to(events, door);
    let made_up = made_up(1, "bob@X", Direction::Inbound, "10.0.0.2:1");
    routing.tell(made_up.clone()).await;
    routing.receive("bob@X", &[("m1", "a"), ("m2", "b")]).await;
    let ask = routing.doorway.door();
    let waits = tokio::time::timeout(Duration::from_secs(60), ask.ask(ListLinks)).await;
    assert!(waits.is_err(), "it is deaf while the front end has no room");
    held.close();
    assert_eq!(routing.tell(ListLinks).await.len(), 1);
    routing.receive("bob@X", &[("m3", "c")]).await;
    assert_eq!(routing.rig.metrics.texts_received.get(), 3);
    assert!(routing.rig.kept.inner.lock().backlog.is_empty());
}

#[actix_rt::test]
async fn a_panic_while_the_front_end_has_no_room_loses_nothing_that_it_was_to_be_told() {
    let events = Mailbox::new(&Order::default());
    let mut held = Held::new(1);
    let door = held.door();
    let routing = routing_to(events, door);
    routing.link(1, "bob@X").await;
    routing.receive("bob@X", &[("m1", "a"), ("m2", "b")]).await;
    routing.panics().await;
    held.release(&routing.events);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(
        routing.told().await,
        ["connected bob@X", "bob@X: a", "bob@X: b"]
    );
    assert_eq!(restarts(&routing), 1);
}

#[actix_rt::test]
async fn panics_while_texts_flow_lose_nothing_show_nothing_twice_and_keep_the_links() {
    let routing = routing();
    let (mut bob, _) = links::open(&routing, "bob@X").await;
    let (mut eve, _) = links::open(&routing, "eve@Y").await;
    for round in 0..4 {
        for n in 0..10 {
            let line = send_line(&format!("m{round}-{n}"), &format!("{round}-{n}"));
            bob.say(&line).await;
            eve.say(&format!("{line}\n{line}")).await;
            if n == 3 {
                routing.panics().await;
            }
            turn().await;
        }
        tokio::time::sleep(Duration::from_secs(40)).await;
    }
    assert_eq!(restarts(&routing), 4);
    let told = routing.told().await;
    let all = |peer: &str| {
        let texts = (0..40).map(|n| format!("{peer}: {}-{}", n / 10, n % 10));
        texts.collect::<Vec<_>>()
    };
    let of = |peer: &str| {
        let prefix = format!("{peer}: ");
        let is_of = |it: &&String| it.starts_with(&prefix);
        told.iter().filter(is_of).cloned().collect::<Vec<_>>()
    };
    assert_eq!(of("bob@X"), all("bob@X"));
    assert_eq!(of("eve@Y"), all("eve@Y"));
    assert_eq!(told.len(), 82, "two openings and the texts: {told:?}");
    assert_eq!(routing.rig.links.count(), 2);
    for n in 0..40 {
        acknowledged(&mut bob, &format!("m{}-{}", n / 10, n % 10)).await;
    }
}

#[actix_rt::test]
async fn links_that_open_and_end_while_the_router_is_replaced_are_told_once() {
    let routing = routing();
    let (stays, _) = links::open(&routing, "stays@X").await;
    let (goes, _) = links::open(&routing, "goes@X").await;
    assert_eq!(routing.told().await.len(), 2);
    routing.panics().await;
    drop(goes);
    let (comes, _) = links::open(&routing, "comes@X").await;
    let (brief, _) = links::open(&routing, "brief@X").await;
    drop(brief);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut told = routing.told().await;
    told.sort();
    let expected = [
        "connected brief@X",
        "connected comes@X",
        "disconnected brief@X",
        "disconnected goes@X",
    ];
    assert_eq!(told, expected);
    let rows = routing.tell(ListLinks).await;
    let mut peers: Vec<_> = rows
        .iter()
        .map(|row| row.peer.as_str().to_owned())
        .collect();
    peers.sort();
    assert_eq!(peers, ["comes@X", "stays@X"]);
    drop((stays, comes));
}

#[actix_rt::test]
async fn dials_and_links_are_not_doubled_by_a_restart() {
    let routing = routing();
    let (_one, silent) = silent_port();
    let (_two, joined) = silent_port();
    routing.discover(&[("slow@X", silent)]).await;
    let lasting = true;
    let address = joined;
    routing.tell(DialAddress { address, lasting }).await;
    let before = routing.rig.links.announce().1.len();
    routing.panics().await;
    // The backoff of supervision is shorter than the handshake timeout of the dials.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(routing.tell(ListPeers).await.len(), 1);
    assert_eq!((before, routing.rig.metrics.dials.get()), (2, 2));
    assert_eq!(restarts(&routing), 1);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(
        routing.rig.metrics.dials.get() >= 4,
        "both are dialled again"
    );
}

#[actix_rt::test]
async fn what_was_joined_or_discovered_is_dialled_again_by_the_next_incarnation() {
    let routing = routing();
    let closed = closed_port();
    routing.discover(&[("bob@X", closed)]).await;
    let address = closed_port();
    let lasting = true;
    routing.tell(DialAddress { address, lasting }).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let before = routing.rig.metrics.dials.get();
    routing.panics().await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(routing.tell(ListPeers).await.len(), 1);
    assert_eq!(routing.rig.metrics.dials.get(), before + 2);
}

#[actix_rt::test]
async fn texts_that_wait_or_are_on_their_way_survive() {
    let routing = routing();
    let (mut wire, opened) = links::open(&routing, "bob@X").await;
    routing.send(text(1, full("bob@X"))).await.unwrap();
    routing.send(waiting(2, full("new@X"))).await.unwrap();
    wire.hears("SEND").await;
    routing.panics().await;
    let ack = format!(r#"{{"type":"ACK","msg_id":"{}"}}"#, msg_id(1));
    wire.say(&ack).await;
    turn().await;
    let asked = routing.send(text(3, full("bob@X"))).await;
    assert_eq!(asked, to_peers(1), "asked while it was replaced");
    wire.hears("SEND").await;
    let told = routing.told().await;
    let expected = [
        "connected bob@X",
        "#1 sent to 1",
        "#1 delivered",
        "#3 sent to 1",
    ];
    assert_eq!(told, expected);
    let new = routing.link(900, "new@X").await;
    assert_eq!(routing.written_on(&new), [2]);
    let again = routing.send(text(1, full("bob@X"))).await;
    assert_eq!(again, to_peers(1));
    assert!(wire.hears_nothing_for(Duration::from_secs(1)).await);
    assert_eq!(routing.rig.links.announce().0[0].link, opened.link);
}

#[actix_rt::test]
async fn ack_timeouts_and_lost_links_are_noticed_by_the_next_incarnation() {
    let routing = routing();
    let (mut wire, _) = links::open(&routing, "bob@X").await;
    routing.send(text(1, full("bob@X"))).await.unwrap();
    wire.hears("SEND").await;
    routing.panics().await;
    tokio::time::sleep(Duration::from_secs(7)).await;
    let told = routing.told().await;
    assert_eq!(told, ["connected bob@X", "#1 sent to 1", "#1 timeout"]);
    routing.send(text(2, full("bob@X"))).await.unwrap();
    wire.hears("SEND").await;
    routing.panics().await;
    drop(wire);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let told = routing.told().await;
    assert_eq!(
        told,
        ["#2 sent to 1", "disconnected bob@X", "#2 unconfirmed"]
    );
    let next = routing.link(900, "bob@X").await;
    routing.send(text(3, full("bob@X"))).await.unwrap();
    assert_eq!(routing.written_on(&next), [3]);
}

#[actix_rt::test]
async fn an_end_that_comes_after_a_restart_is_told_for_a_link_of_before() {
    let routing = routing();
    let opened = routing.link(1, "bob@X").await;
    routing.panics().await;
    routing.end(&opened, QUIT).await;
    assert_eq!(
        routing.told().await,
        ["connected bob@X", "disconnected bob@X"]
    );
    let link = routing.link(1, "bob@X").await;
    assert_eq!(routing.told().await, ["connected bob@X"]);
    routing.end(&link, QUIT).await;
}

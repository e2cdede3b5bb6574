//! PeerActor and its reader over an in-memory pipe: the handshake, what is handed up and in which order, what is
//! answered when, and every message of the actor by itself.

use std::time::Duration;

use tokio::time::pause;

use super::*;
use crate::actors::{
    link_out::LinkOut,
    ping::PongReceived,
    router::TextsReceived,
    supervisor::{Exit, PanicNow, Watch, watch},
    testing::{Held, LINK_LIMITS, Peer, Rig, hello, id, send_line, soon, stream_hello, turn},
};
use crate::{actors::events::ReceivedTexts, proto::texts::Texts, wire::destination::Destination};

/// One actor by itself: messages go to its address, and nobody reads for it but the test.
struct Alone {
    actor: Addr<PeerActor>,
    watch: Watch,
    ending: Arc<Mutex<Ending>>,
    wire: Peer,
}

fn alone(rig: &Rig) -> Alone {
    let (wire, ours) = Peer::pair(1 << 20);
    let address = "10.0.0.2:5555".parse().unwrap();
    let out = LinkOut::new(LinkId(77), LINK_LIMITS.out, clock::now());
    let start = Start::Accepted(ours);
    let peer = PeerActor::new(LinkId(77), address, None, start, out, rig.links.clone());
    let ending = peer.ending();
    let (actor, watch) = watch(|_, _| peer);
    Alone {
        actor,
        watch,
        ending,
        wire,
    }
}

impl Alone {
    async fn chunk(&self, lines: &str) -> Box<Upward> {
        let chunk = Chunk::from(format!("{lines}\n").into_bytes());
        self.actor.send(ChunkReceived(chunk)).await.unwrap()
    }

    /// How the actor ended, and why.
    async fn end(self) -> (Exit, Option<CloseReason>) {
        let exit = soon(self.watch.ended()).await;
        (exit, self.ending.lock().reason.clone())
    }
}

fn types(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let kind = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["type"].as_str().unwrap().to_owned()
    };
    text.lines().map(kind).collect()
}

#[actix_rt::test]
async fn a_chunk_is_answered_with_what_is_to_be_handed_up() {
    pause();
    let rig = Rig::new();
    let alone = alone(&rig);
    let up = alone.chunk(&hello("bob@X")).await;
    let opened = up.opened.unwrap();
    assert_eq!(
        (opened.peer.clone(), up.peer.unwrap()),
        (id("bob@X"), id("bob@X"))
    );
    assert!(opened.kind.acks && !opened.kind.stream);
    let lines = format!(
        "{}\n{}\nnonsense\n{}",
        send_line("m1", "one"),
        r#"{"type":"ACK","msg_id":"a1"}"#,
        send_line("m2", "two"),
    );
    let up = alone.chunk(&lines).await;
    let texts: Vec<_> = up.texts.iter().map(|it| it.payload.to_owned()).collect();
    assert_eq!(texts, ["one", "two"]);
    assert_eq!(up.acked, ["a1"]);
    assert_eq!(types(&up.acks), ["ACK", "ACK"]);
    assert!(up.opened.is_none() && !up.finish);
    assert_eq!(rig.metrics.lines_ignored.get(), 1);
}

#[actix_rt::test]
async fn a_line_may_come_in_pieces() {
    pause();
    let rig = Rig::new();
    let mut peer = rig.accept();
    for byte in format!("{}\n\n{}\r\n", hello("bob@X"), send_line("m1", "olá")).bytes() {
        peer.say_raw(&[byte]).await;
        turn().await;
    }
    assert_eq!(
        rig.texts.next().await.0.texts.get(0).unwrap().payload,
        "olá"
    );
    peer.hears("HELLO_OK").await;
    assert_eq!(peer.hears("ACK").await["msg_id"], "m1");
}

#[actix_rt::test]
async fn a_message_right_behind_hello_is_handed_up_behind_the_opening_and_acknowledged() {
    pause();
    let rig = Rig::new();
    let mut peer = rig.accept();
    let lines = format!(
        "{}\n{}\n{}",
        hello("bob@X"),
        send_line("m1", "hi"),
        r#"{"type":"PING","msg_id":"p1"}"#
    );
    peer.say(&lines).await;
    assert_eq!(peer.hears("HELLO_OK").await["peer_id"], "me@X");
    assert_eq!(peer.hears("PONG").await["msg_id"], "p1");
    assert_eq!(peer.hears("ACK").await["msg_id"], "m1");
    assert_eq!(*rig.order.borrow(), ["LinkOpened", "TextsReceived"]);
    let opened = rig.opened.next().await;
    assert_eq!(opened.peer, id("bob@X"));
    assert_eq!(opened.direction, Direction::Inbound);
    assert_eq!(opened.address, "10.0.0.2:5555".parse().unwrap());
    let for_ping = rig.ping_opened.next().await;
    assert_eq!(for_ping.link, opened.link);
    let texts = rig.texts.next().await.0;
    assert_eq!((&texts.from, texts.address), (&id("bob@X"), opened.address));
}

#[actix_rt::test]
async fn an_ack_waits_until_its_text_is_handed_up_and_a_pong_does_not() {
    pause();
    let blocking = TextsReceived(Arc::new(ReceivedTexts {
        from: id("eve@X"),
        address: "10.0.0.9:1".parse().unwrap(),
        to_us: Destination::Everyone,
        texts: Texts::default(),
    }));
    let mut held = Held::full(blocking);
    let rig = Rig::with(|parts| parts.doors.texts = held.door());
    let mut peer = rig.accept();
    let lines = format!(
        "{}\n{}\n{}",
        hello("bob@X"),
        send_line("m1", "hi"),
        r#"{"type":"PING","msg_id":"p1"}"#
    );
    peer.say(&lines).await;
    peer.hears("HELLO_OK").await;
    peer.hears("PONG").await;
    assert!(peer.hears_nothing_for(Duration::from_secs(600)).await);
    held.release(&rig.texts);
    assert_eq!(peer.hears("ACK").await["msg_id"], "m1");
    assert_eq!(rig.texts.len(), 2);
}

#[actix_rt::test]
async fn while_a_text_waits_for_room_the_link_is_not_read_and_not_called_silent() {
    pause();
    let mut held = Held::new(1);
    let rig = Rig::with(|parts| parts.doors.texts = held.door());
    let (mut peer, opened) = rig.open("bob@X").await;
    for n in 0..3 {
        peer.say(&send_line(&format!("m{n}"), "hi")).await;
        turn().await;
    }
    peer.say(r#"{"type":"PING","msg_id":"late"}"#).await;
    assert_eq!(peer.hears("ACK").await["msg_id"], "m0");
    assert!(peer.hears_nothing_for(Duration::from_secs(600)).await);
    let now = clock::now();
    assert_eq!(opened.out.heard(now), now, "it is we who do not read");
    held.release(&rig.texts);
    assert_eq!(peer.hears("ACK").await["msg_id"], "m1");
    peer.hears("PONG").await;
    assert_eq!(peer.hears("ACK").await["msg_id"], "m2");
}

#[actix_rt::test]
async fn what_nobody_takes_any_more_is_not_acknowledged_and_the_link_stays() {
    pause();
    let mut held = Held::new(1);
    held.close();
    let rig = Rig::with(|parts| parts.doors.texts = held.door());
    let (mut peer, _) = rig.open("bob@X").await;
    peer.say(&send_line("m1", "hi")).await;
    assert!(peer.hears_nothing_for(Duration::from_secs(60)).await);
    peer.say(r#"{"type":"PING","msg_id":"p1"}"#).await;
    peer.hears("PONG").await;
}

#[actix_rt::test]
async fn acknowledgements_and_round_trips_are_handed_up() {
    pause();
    let rig = Rig::new();
    let (mut peer, opened) = rig.open("bob@X").await;
    opened.actor.ping();
    let ping = peer.hears("PING").await;
    tokio::time::sleep(Duration::from_millis(70)).await;
    let pong = format!(r#"{{"type":"PONG","msg_id":{}}}"#, ping["msg_id"]);
    peer.say(&format!("{pong}\n{}", r#"{"type":"ACK","msg_id":"a1"}"#))
        .await;
    let pong = rig.pong.next().await;
    assert_eq!(pong.link, opened.link);
    assert!(pong.rtt >= Duration::from_millis(70) && pong.rtt < Duration::from_millis(100));
    let acks = rig.acks.next().await;
    assert_eq!(
        (acks.peer, acks.msg_ids.to_vec()),
        (id("bob@X"), vec!["a1".to_owned()])
    );
}

#[actix_rt::test]
async fn texts_do_not_wait_for_the_ping_actor_to_take_a_round_trip_time() {
    pause();
    let full = Held::full(PongReceived {
        link: LinkId(0),
        rtt: Duration::ZERO,
    });
    let rig = Rig::with(|parts| parts.doors.pong = full.door());
    let (mut peer, opened) = rig.open("bob@X").await;
    opened.actor.ping();
    let ping = peer.hears("PING").await;
    let pong = format!(r#"{{"type":"PONG","msg_id":{}}}"#, ping["msg_id"]);
    peer.say(&format!("{pong}\n{}", send_line("m1", "hi")))
        .await;
    peer.hears("ACK").await;
}

#[actix_rt::test]
async fn a_plain_client_gets_our_messages_300_ms_after_hello_ok_and_answers_before() {
    pause();
    let rig = Rig::new();
    let start = clock::now();
    let (mut peer, opened) = rig.open("bob@X").await;
    rig.send(&opened, 1);
    peer.say(r#"{"type":"PING","msg_id":"p1"}"#).await;
    peer.hears("PONG").await;
    assert!(clock::now() - start < Duration::from_millis(100));
    peer.hears("SEND").await;
    let waited = clock::now() - start;
    assert!(
        waited >= QUIET_AFTER_HELLO_OK && waited < Duration::from_millis(400),
        "{waited:?}"
    );
}

#[actix_rt::test]
async fn a_stream_peer_gets_our_messages_at_once() {
    pause();
    let rig = Rig::new();
    let mut peer = rig.accept();
    let start = clock::now();
    peer.say(&stream_hello("bob@X")).await;
    peer.hears("HELLO_OK").await;
    let opened = rig.opened.next().await;
    assert!(opened.kind.stream);
    rig.send(&opened, 1);
    peer.hears("SEND").await;
    assert_eq!(clock::now(), start);
}

#[actix_rt::test]
async fn two_links_of_one_peer_are_both_read_and_only_the_writer_is_written_on() {
    pause();
    let rig = Rig::new();
    let (mut first, one) = rig.open("bob@X").await;
    let (mut second, two) = rig.open("bob@X").await;
    first.say(&send_line("m1", "over the first")).await;
    first.hears("ACK").await;
    second.say(&send_line("m2", "over the second")).await;
    second.hears("ACK").await;
    assert_eq!(rig.texts.len(), 2);
    rig.send(&two, 1);
    second.hears("SEND").await;
    assert!(first.hears_nothing_for(Duration::from_secs(5)).await);
    assert_eq!(rig.links.count(), 2);
    drop(second);
    assert_eq!(rig.ended.next().await.link, two.link);
    assert!(rig.links.is_open(one.link) && !rig.links.is_open(two.link));
    first.say(&send_line("m3", "still here")).await;
    first.hears("ACK").await;
}

#[actix_rt::test]
async fn what_one_chunk_of_a_plain_client_causes_is_answered_however_much() {
    pause();
    let rig = Rig::new();
    let (mut peer, _) = rig.open("bob@X").await;
    let ping = r#"{"type":"PING","msg_id":""}"#;
    let lines = vec![ping; 3000].join("\n");
    peer.say(&lines).await;
    for _ in 0..3000 {
        peer.hears("PONG").await;
    }
    assert_eq!(rig.links.count(), 1);
}

#[actix_rt::test]
async fn a_peer_above_its_rate_is_read_more_slowly_and_loses_nothing() {
    pause();
    let rig = Rig::with(|parts| parts.limits.rate = Some(2.0));
    let (mut peer, _) = rig.open("bob@X").await;
    let start = clock::now();
    for n in 0..10 {
        peer.say(&send_line(&format!("m{n}"), "x")).await;
        peer.hears("ACK").await;
    }
    let took = clock::now() - start;
    assert!(
        took > Duration::from_secs(3) && took < Duration::from_secs(6),
        "{took:?}"
    );
}

#[actix_rt::test]
async fn a_broken_stream_is_an_end_with_its_words() {
    pause();
    let rig = Rig::new();
    let alone = alone(&rig);
    alone.chunk(&hello("bob@X")).await;
    let words = Some("connection reset by peer".to_owned());
    alone.actor.do_send(StreamEnded(words.clone()));
    let (exit, reason) = alone.end().await;
    assert_eq!(exit, Exit::Normal);
    assert_eq!(reason, words.map(CloseReason::Broken));
}

#[actix_rt::test]
async fn a_finished_writer_ends_only_a_link_whose_peer_has_ended_too() {
    pause();
    let rig = Rig::new();
    let alone = alone(&rig);
    alone.chunk(&hello("bob@X")).await;
    alone.actor.send(WritingFinished).await.unwrap();
    alone.actor.send(StreamEnded(None)).await.unwrap();
    let (_, reason) = alone.end().await;
    assert_eq!(reason, Some(CloseReason::EndOfStream));
}

#[actix_rt::test]
async fn an_overloaded_writer_is_an_end() {
    pause();
    let rig = Rig::new();
    let mut alone = alone(&rig);
    alone.chunk(&hello("bob@X")).await;
    alone.wire.hears("HELLO_OK").await;
    alone.actor.do_send(WriterOverloaded);
    let (_, reason) = alone.end().await;
    assert_eq!(reason, Some(CloseReason::Overloaded));
}

#[actix_rt::test]
async fn an_actor_that_panics_leaves_its_peer_and_no_reason_behind() {
    pause();
    let rig = Rig::new();
    let mut alone = alone(&rig);
    alone.chunk(&hello("bob@X")).await;
    alone.wire.hears("HELLO_OK").await;
    alone.actor.do_send(PanicNow);
    let ending = Arc::clone(&alone.ending);
    let (exit, reason) = alone.end().await;
    assert_eq!(
        (exit, reason),
        (Exit::Panicked("asked to panic".into()), None)
    );
    assert_eq!(ending.lock().peer, Some(id("bob@X")));
}

#[actix_rt::test]
async fn messages_before_the_handshake_do_no_harm() {
    pause();
    let rig = Rig::new();
    let mut alone = alone(&rig);
    alone.actor.send(SendPing).await.unwrap();
    alone.actor.send(WritingFinished).await.unwrap();
    let up = alone.chunk(&hello("bob@X")).await;
    assert!(up.opened.is_some());
    alone.wire.hears("HELLO_OK").await;
    alone.actor.do_send(CloseLink {
        reason: CloseReason::WeLeft,
        say_bye: false,
    });
    let (_, reason) = alone.end().await;
    assert_eq!(reason, Some(CloseReason::WeLeft));
}

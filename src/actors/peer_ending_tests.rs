//! Every way a connection ends, over an in-memory pipe; dials over real sockets.

use std::time::Duration;

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    time::pause,
};

use super::*;
use crate::actors::{
    links::LinkEnded,
    testing::{Held, Peer, Rig, hello, id, passed, send_line, soon, stream_hello, turn},
};

const BYE: &str = r#"{"type":"BYE","msg_id":"b1","reason":"lunch"}"#;

fn leave(opened: &LinkOpened, say_bye: bool) {
    let reason = CloseReason::WeLeft;
    opened.actor.close(CloseLink { reason, say_bye });
}

#[actix_rt::test]
async fn a_connection_that_says_nothing_ends_after_the_handshake_timeout() {
    pause();
    let rig = Rig::new();
    let start = clock::now();
    let mut peer = rig.accept();
    peer.say_raw(b"{").await;
    peer.hears_end().await;
    assert!(passed(start, Duration::from_secs(5)));
    turn().await;
    assert_eq!(rig.metrics.handshakes_failed.get(), 1);
    assert_eq!(rig.ended.len() + rig.opened.len(), 0, "it concerns nobody");
}

#[actix_rt::test]
async fn anything_but_a_hello_is_not_answered() {
    pause();
    let rig = Rig::new();
    let mut peer = rig.accept();
    peer.say("POST / HTTP/1.1").await;
    peer.hears_end().await;
}

#[actix_rt::test]
async fn a_hello_with_the_end_of_the_stream_behind_it_opens_and_ends() {
    pause();
    let rig = Rig::new();
    let mut peer = rig.accept();
    peer.say(&hello("bob@X")).await;
    peer.end().await;
    peer.hears("HELLO_OK").await;
    peer.hears_end().await;
    let opened = rig.opened.next().await;
    let ended = rig.ended.next().await;
    assert_eq!((ended.link, ended.peer), (opened.link, Some(id("bob@X"))));
    assert_eq!(ended.reason, CloseReason::EndOfStream);
    assert_eq!(ended.was_open, Some(opened.kind));
    assert_eq!(rig.metrics.links_lost.get(), 1);
}

#[actix_rt::test]
async fn who_ends_its_stream_behind_a_text_still_gets_the_ack() {
    pause();
    let rig = Rig::new();
    let mut peer = rig.accept();
    peer.say(&format!("{}\n{}", hello("bob@X"), send_line("m1", "hi")))
        .await;
    peer.end().await;
    peer.hears("HELLO_OK").await;
    peer.hears("ACK").await;
    peer.hears_end().await;
    assert!(
        rig.order
            .borrow()
            .starts_with(&["LinkOpened", "TextsReceived"])
    );
}

#[actix_rt::test]
async fn a_chunk_that_opens_and_ends_a_link_is_handed_up_before_its_end() {
    pause();
    let rig = Rig::new();
    let mut peer = rig.accept();
    let lines = format!(
        "{}\n{}\n{}",
        hello("bob@X"),
        send_line("m1", "hi"),
        r#"{"type":"HELLO_REJECT","reason":"busy"}"#
    );
    peer.say(&lines).await;
    let ended = rig.ended.next().await;
    assert_eq!(ended.reason, CloseReason::Rejected("busy".into()));
    assert!(ended.was_open.is_some());
    let order = ["LinkOpened", "TextsReceived", "LinkEnded", "LinkEnded"];
    assert_eq!(*rig.order.borrow(), order);
}

#[actix_rt::test]
async fn an_end_while_the_opening_waits_for_room_is_told_behind_it() {
    pause();
    let rig = Rig::new();
    let (_other, filler) = rig.open("eve@X").await;
    let mut held = Held::full(filler);
    let rig = Rig::with(|parts| parts.doors.opened = held.door());
    let mut peer = rig.accept();
    peer.say(&hello("bob@X")).await;
    peer.hears("HELLO_OK").await;
    let (open, _) = rig.links.announce();
    leave(&open[0], false);
    turn().await;
    assert_eq!((rig.links.count(), rig.ended.len()), (0, 0));
    held.release(&rig.opened);
    let ended = rig.ended.next().await;
    assert!(ended.was_open.is_some());
    let told: Vec<_> = rig.opened.take_all().iter().map(|it| it.link).collect();
    assert_eq!(told.last(), Some(&ended.link));
    peer.hears_end().await;
}

#[actix_rt::test]
async fn a_line_that_is_too_long_ends_the_link() {
    pause();
    let rig = Rig::new();
    let (mut peer, _) = rig.open("bob@X").await;
    peer.say_raw(&[b'x'; 32_768]).await;
    peer.hears_end().await;
    assert_eq!(rig.ended.next().await.reason, CloseReason::LineTooLong);
}

#[actix_rt::test]
async fn a_bye_is_answered_the_stream_ends_at_once_and_the_link_two_seconds_later() {
    pause();
    let rig = Rig::new();
    let (mut peer, opened) = rig.open("bob@X").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = clock::now();
    peer.say(BYE).await;
    assert_eq!(peer.hears("BYE_OK").await["msg_id"], "b1");
    peer.hears_end().await;
    assert_eq!(clock::now(), start, "our FIN has to be the first");
    rig.send(&opened, 1);
    let ended = rig.ended.next().await;
    assert!(passed(start, Duration::from_secs(2)));
    assert_eq!(ended.reason, CloseReason::PeerLeft("lunch".into()));
    assert_eq!(rig.kept.unsettled(), 1, "it keeps what was not written");
}

#[actix_rt::test]
async fn a_peer_that_says_bye_and_ends_its_stream_is_gone_at_once() {
    pause();
    let rig = Rig::new();
    let (mut peer, _) = rig.open("bob@X").await;
    let start = clock::now();
    peer.say(BYE).await;
    peer.end().await;
    peer.hears("BYE_OK").await;
    let ended = rig.ended.next().await;
    assert_eq!(ended.reason, CloseReason::PeerLeft("lunch".into()));
    assert!(clock::now() - start < Duration::from_millis(100));
}

#[actix_rt::test]
async fn texts_in_front_of_a_bye_are_acknowledged_before_bye_ok() {
    pause();
    for hello in [hello("bob@X"), stream_hello("bob@X")] {
        let rig = Rig::new();
        let mut peer = rig.accept();
        peer.say(&hello).await;
        peer.hears("HELLO_OK").await;
        peer.say(&format!("{}\n{BYE}", send_line("m1", "hi"))).await;
        peer.hears("ACK").await;
        peer.hears("BYE_OK").await;
        peer.hears_end().await;
    }
}

#[actix_rt::test]
async fn we_leave_with_bye_and_are_gone_with_bye_ok() {
    pause();
    let rig = Rig::new();
    let (mut peer, opened) = rig.open("bob@X").await;
    leave(&opened, true);
    let bye = peer.hears("BYE").await;
    assert_eq!(
        (&bye["src"], &bye["dst"]),
        (&"me@X".into(), &"bob@X".into())
    );
    let start = clock::now();
    peer.say(&format!(
        "{}\n{}",
        send_line("m1", "crossing"),
        r#"{"type":"BYE_OK"}"#
    ))
    .await;
    peer.hears("ACK").await;
    peer.hears_end().await;
    assert_eq!(rig.ended.next().await.reason, CloseReason::WeLeft);
    assert!(clock::now() - start < Duration::from_millis(100));
}

#[actix_rt::test]
async fn without_bye_ok_we_are_gone_two_seconds_after_our_bye() {
    pause();
    let rig = Rig::new();
    let (mut peer, opened) = rig.open("bob@X").await;
    let start = clock::now();
    leave(&opened, true);
    peer.hears("BYE").await;
    peer.say(r#"{"type":"PING","msg_id":"p1"}"#).await;
    peer.hears("PONG").await;
    rig.send(&opened, 1);
    peer.hears_end().await;
    assert!(passed(start, Duration::from_secs(2)));
    assert_eq!(rig.ended.next().await.reason, CloseReason::WeLeft);
    assert_eq!(rig.kept.unsettled(), 1, "nothing of ours follows our BYE");
}

#[actix_rt::test]
async fn a_link_can_be_closed_without_a_word() {
    pause();
    let rig = Rig::new();
    let (mut peer, opened) = rig.open("bob@X").await;
    let reason = CloseReason::Silent(Duration::from_secs(90));
    opened.actor.close(CloseLink {
        reason: reason.clone(),
        say_bye: false,
    });
    peer.hears_end().await;
    assert_eq!(rig.ended.next().await.reason, reason);
    assert_eq!(rig.metrics.links_silent.get(), 1);
}

#[actix_rt::test]
async fn a_peer_that_reads_nothing_is_overloaded() {
    pause();
    let rig = Rig::new();
    let (mut peer, wire) = Peer::pair(600);
    rig.links.accept(wire, "10.0.0.2:5555".parse().unwrap());
    peer.say(&stream_hello("bob@X")).await;
    rig.opened.next().await;
    let ping = r#"{"type":"PING","msg_id":"p1"}"#;
    for _ in 0..20 {
        peer.say(ping).await;
    }
    assert_eq!(rig.ended.next().await.reason, CloseReason::Overloaded);
    assert_eq!(rig.metrics.links_overloaded.get(), 1);
}

#[actix_rt::test]
async fn a_stranger_under_our_own_name_is_told_so_and_its_texts_go_nowhere() {
    pause();
    let rig = Rig::new();
    let mut peer = rig.accept();
    peer.say(&format!("{}\n{}", hello("me@X"), send_line("m1", "hi")))
        .await;
    peer.hears("HELLO_OK").await;
    assert_eq!(peer.hears("BYE").await["reason"], "name in use");
    peer.hears_end().await;
    let ended = rig.ended.next().await;
    assert_eq!(
        (ended.reason, ended.was_open),
        (CloseReason::NameInUse, None)
    );
    assert_eq!(rig.texts.len() + rig.opened.len(), 0);
}

#[actix_rt::test]
async fn a_panic_ends_the_link_and_its_messages_leave_on_the_next() {
    pause();
    let rig = Rig::new();
    let (mut first, opened) = rig.open("bob@X").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    rig.send(&opened, 1);
    first.hears("SEND").await;
    rig.send(&opened, 2);
    opened.actor.panic();
    let ended = rig.ended.next().await;
    assert_eq!(ended.reason, CloseReason::Panicked("asked to panic".into()));
    assert_eq!(ended.peer, Some(id("bob@X")));
    first.hears_end().await;
    let queue = rig.kept.queue_of(&id("bob@X"));
    queue.lock().link_lost(ended.link, opened.kind);
    let (mut second, opened) = rig.open("bob@X").await;
    queue.lock().set_writer(Some(opened.link));
    opened.out.wake();
    for number in ["1", "2"] {
        let msg_id = second.hears("SEND").await["msg_id"].to_string();
        assert!(msg_id.ends_with(&format!("{number}\"")), "{msg_id}");
    }
}

fn target(peer: Option<&str>, address: SocketAddr) -> Target {
    let peer = peer.map(id);
    Target { peer, address }
}

/// A socket that `rig` has dialled, after its HELLO.
async fn dialled(rig: &Rig, peer: Option<&str>) -> (BufReader<tokio::net::TcpStream>, Target) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = target(peer, listener.local_addr().unwrap());
    rig.links.dial(target.clone());
    let (stream, _) = soon(listener.accept()).await.unwrap();
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    soon(stream.read_line(&mut line)).await.unwrap();
    assert!(line.starts_with(r#"{"type":"HELLO","peer_id":"me@X""#));
    (stream, target)
}

#[actix_rt::test]
async fn a_dial_says_hello_and_is_a_link_with_hello_ok() {
    let rig = Rig::new();
    let (mut stream, target) = dialled(&rig, None).await;
    assert_eq!(rig.links.announce().1, std::slice::from_ref(&target));
    let hello_ok = b"{\"type\":\"HELLO_OK\",\"peer_id\":\"eve@Y\"}\n";
    stream.write_all(hello_ok).await.unwrap();
    let opened = rig.opened.next().await;
    assert_eq!(opened.peer, id("eve@Y"));
    assert_eq!(opened.direction, Direction::Outbound);
    assert_eq!(opened.target, Some(target));
    assert!(rig.links.announce().1.is_empty());
    drop(stream);
    let ended = rig.ended.next().await;
    assert_eq!((ended.link, ended.peer), (opened.link, Some(id("eve@Y"))));
}

#[actix_rt::test]
async fn who_has_our_hello_hears_bye_when_we_leave() {
    let rig = Rig::new();
    let (mut stream, target) = dialled(&rig, Some("bob@X")).await;
    rig.links.leave_all();
    let hello_ok = b"{\"type\":\"HELLO_OK\",\"peer_id\":\"bob@X\"}\n";
    stream.write_all(hello_ok).await.unwrap();
    let mut bye = String::new();
    soon(stream.read_line(&mut bye)).await.unwrap();
    assert!(bye.contains(r#""type":"BYE""#) && bye.contains(r#""dst":"bob@X""#));
    assert_eq!(rig.links.unfinished(), 1);
    stream.write_all(b"{\"type\":\"BYE_OK\"}\n").await.unwrap();
    let ended = refused(&rig).await;
    assert_eq!(ended.target, Some(target));
    assert_eq!(ended.reason, CloseReason::WeLeft);
    assert_eq!((rig.links.unfinished(), rig.opened.len()), (0, 0));
}

async fn refused(rig: &Rig) -> LinkEnded {
    let ended = rig.ended.next().await;
    assert_eq!((ended.was_open, &ended.peer), (None, &None));
    assert!(rig.links.announce().1.is_empty() && rig.ping_ended.len() == 0);
    ended
}

#[actix_rt::test]
async fn a_dial_to_a_closed_port_is_told_with_its_target() {
    let rig = Rig::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = target(Some("bob@X"), listener.local_addr().unwrap());
    drop(listener);
    rig.links.dial(target.clone());
    let ended = refused(&rig).await;
    assert_eq!(ended.target, Some(target));
    let reason = CloseReason::Unreachable("connection refused".into());
    assert_eq!(ended.reason, reason);
}

#[actix_rt::test]
async fn a_dial_that_is_answered_with_an_end_or_a_reject_is_a_refusal() {
    let reject = r#"{"type":"HELLO_REJECT","reason":"duplicate"}"#;
    for (answer, words) in [("", ""), (reject, "duplicate")] {
        let rig = Rig::new();
        let (mut stream, _) = dialled(&rig, Some("bob@X")).await;
        let line = format!("{answer}\n");
        stream.write_all(line.as_bytes()).await.unwrap();
        stream.get_mut().shutdown().await.unwrap();
        let ended = refused(&rig).await;
        assert_eq!(ended.reason, CloseReason::Rejected(words.into()));
    }
}

#[actix_rt::test]
async fn a_dial_to_ourselves_or_to_another_program_ends_without_a_link() {
    for (answer, reason) in [
        (
            r#"{"type":"HELLO_OK","peer_id":"me@X"}"#,
            CloseReason::Ourselves,
        ),
        ("SSH-2.0-OpenSSH", CloseReason::NotAPeer),
    ] {
        let rig = Rig::new();
        let (mut stream, _) = dialled(&rig, None).await;
        let line = format!("{answer}\n");
        stream.write_all(line.as_bytes()).await.unwrap();
        assert_eq!(refused(&rig).await.reason, reason);
        let mut rest = String::new();
        soon(stream.read_to_string(&mut rest)).await.unwrap();
        assert_eq!(rest, "");
    }
}

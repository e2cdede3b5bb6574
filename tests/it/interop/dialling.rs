//! Whom the node dials, and when again: refused, dropped, left, lost.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    alice,
    client::{Client, Listening, hello},
    linked,
};
use crate::support::{Server, Start, node};

/// A node that finds bob at a rendezvous.
fn finds(server: &Server, bob: &Listening) -> Start {
    bob.register(&server.address, "bob@lobby");
    node("alice").at(&server.address)
}

/// Backoffs of 0.2 s, 0.4 s, 0.8 s and 1.6 s, less the jitter of a quarter.
const FOUR_BACKOFFS: Duration = Duration::from_millis(2250);

fn check_refusals(refuse: impl Fn(&Client)) {
    let (server, bob) = (Server::start(), Listening::start());
    let start = finds(&server, &bob).env("PAPO_CONNECTION__RECONNECT_BACKOFF_BASE", "200ms");
    let began = Instant::now();
    let mut node = start.start();
    for _ in 0..5 {
        let link = bob.accept();
        link.hears("HELLO");
        refuse(&link);
    }
    let given_up = node.event("peer_unreachable", |event| event["peer"] == "bob@lobby");
    assert!(began.elapsed() >= FOUR_BACKOFFS, "a storm");
    assert_eq!(given_up["status"], "failed");
    assert_eq!(bob.dials(), 0, "five refusals are enough");
    // It is asked for again only by name.
    node.send("/reconnect");
    let link = bob.answer("bob@lobby");
    link.ping("linked");
}

#[test]
fn hello_reject_instead_of_hello_ok_is_backed_off_and_given_up_after_five() {
    check_refusals(|link| {
        link.say(&json!({"type": "HELLO_REJECT", "reason": "duplicate"}));
        link.close();
    });
}

#[test]
fn hello_reject_behind_hello_ok_is_backed_off_and_given_up_after_five() {
    check_refusals(|link| {
        let reject = json!({"type": "HELLO_REJECT", "reason": "duplicate"});
        link.say_together(&[hello("HELLO_OK", "bob@lobby"), reject]);
        link.hears_the_end();
    });
}

#[test]
fn a_bare_close_instead_of_hello_ok_is_backed_off_and_given_up_after_five() {
    check_refusals(Client::close);
}

#[test]
fn a_bare_close_behind_hello_ok_is_backed_off_more_and_more() {
    let (server, bob) = (Server::start(), Listening::start());
    let start = finds(&server, &bob).env("PAPO_CONNECTION__RECONNECT_BACKOFF_BASE", "200ms");
    let began = Instant::now();
    let _node = start.start();
    for _ in 0..4 {
        bob.answer("bob@lobby").close();
    }
    // It does answer, so it is tried on; some refuse only a second link so.
    bob.answer("bob@lobby").ping("linked");
    assert!(began.elapsed() >= FOUR_BACKOFFS, "a storm");
}

#[test]
fn what_answers_but_does_not_speak_the_protocol_is_failed_at_once() {
    let (server, web) = (Server::start(), Listening::start());
    let node = finds(&server, &web).start();
    let link = web.accept();
    link.hears("HELLO");
    link.write(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let given_up = node.event("peer_unreachable", |_| true);
    assert_eq!(given_up["status"], "failed");
    link.hears_the_end();
    assert_eq!(web.dials(), 0);
}

#[test]
fn who_answers_nothing_within_the_handshake_time_is_backed_off_and_stale() {
    let (server, mute) = (Server::start(), Listening::start());
    let node = finds(&server, &mute)
        .env("PAPO_CONNECTION__HANDSHAKE_TIMEOUT", "200ms")
        .env("PAPO_CONNECTION__RECONNECT_BACKOFF_BASE", "20ms")
        .start();
    let given_up = node.event("peer_unreachable", |_| true);
    assert_eq!(given_up["status"], "stale");
    assert_eq!(mute.dials(), 5);
}

#[test]
fn a_link_that_ended_without_bye_is_dialled_again_at_once() {
    let (server, bob) = (Server::start(), Listening::start());
    // A backoff would be longer than this test waits.
    let node = finds(&server, &bob)
        .env("PAPO_CONNECTION__RECONNECT_BACKOFF_BASE", "10min")
        .env("PAPO_CONNECTION__RECONNECT_BACKOFF_MAX", "10min")
        .env("PAPO_CONNECTION__PING_INTERVAL", "1s")
        .env("PAPO_CONNECTION__DEAD_AFTER", "100")
        .start();
    let link = bob.answer("bob@lobby");
    node.meets("bob@lobby");
    // By its third PING the link has lived for two seconds.
    link.hears_many("PING", 4);
    link.close();
    bob.answer("bob@lobby").ping("back");
}

#[test]
fn after_a_bye_the_peer_is_not_dialled_within_ten_seconds_even_if_asked_to() {
    let (server, bob) = (Server::start(), Listening::start());
    let mut node = finds(&server, &bob).start();
    let link = bob.answer("bob@lobby");
    node.meets("bob@lobby");
    let left = Instant::now();
    link.say(&json!({"type": "BYE", "msg_id": "b", "reason": "done"}));
    link.hears("BYE_OK");
    link.close();
    node.event("peer_disconnected", |_| true);
    node.send("/reconnect");
    let back = bob.answer("bob@lobby");
    assert!(left.elapsed() >= Duration::from_secs(10));
    back.ping("back");
}

#[test]
fn a_client_that_drops_the_link_on_every_publication_is_redialled_and_gets_the_next_one() {
    let (server, bob) = (Server::start(), Listening::start());
    let mut node = finds(&server, &bob)
        .env("PAPO_CONNECTION__RECONNECT_BACKOFF_BASE", "50ms")
        .start();
    for text in ["one", "two", "three"] {
        let link = bob.answer("bob@lobby");
        link.ping("linked");
        node.event("peer_connected", |_| true);
        node.send(&format!("/pub * {text}"));
        assert_eq!(
            link.hears("PUB")["payload"],
            text,
            "each once, and none again"
        );
        link.close();
    }
    bob.answer("bob@lobby").ping("back");
}

#[test]
fn a_peer_with_a_living_inbound_link_is_not_dialled() {
    let server = Server::start();
    let mut node = node("alice").at(&server.address).start();
    let address = node.address();
    let bob = Client::dial(&address, "bob@lobby");
    node.meets("bob@lobby");
    let listening = Listening::start();
    listening.register(&server.address, "bob@lobby");
    let carol = Listening::start();
    carol.register(&server.address, "carol@lobby");
    node.send("/reconnect");
    // Carol, of the same answer, is dialled.
    carol.answer("carol@lobby").ping("linked");
    bob.ping("alive");
    assert_eq!(listening.dials(), 0);
}

#[test]
fn a_client_that_never_dials_and_one_that_only_dials_are_both_reached() {
    for role in super::ROLES {
        let (mut node, bob) = linked(role, alice());
        node.send("/msg bob@lobby hello");
        bob.acknowledge(&bob.hears("SEND"));
        node.event("delivered", |_| true);
        assert_eq!(
            node.events("peer_disconnected"),
            Vec::<Value>::new(),
            "{role:?}"
        );
    }
}

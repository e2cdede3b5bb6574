//! Several links to one peer: read from all, write on the newest, close none.

use serde_json::{Value, json};

use super::{
    Role, alice,
    client::{Client, Listening, publication, send},
    linked,
};
use crate::support::{Node, Server, node};

/// A node that dialled bob while bob dialled it.
fn crossed() -> (Server, Listening, Node, Client, Client) {
    let server = Server::start();
    let bob = Listening::start();
    bob.register(&server.address, "bob@lobby");
    let node = node("alice").at(&server.address).start();
    let dialled = bob.answer("bob@lobby");
    let accepted = Client::dial(&node.address(), "bob@lobby");
    node.event("peer_connected", |event| event["direction"] == "outbound");
    node.event("peer_connected", |event| event["direction"] == "inbound");
    (server, bob, node, dialled, accepted)
}

#[test]
fn links_of_both_directions_at_once_are_both_read_and_the_newest_is_written_on() {
    let (_server, bob, mut node, dialled, accepted) = crossed();
    dialled.say(&send("m-1", "over the first"));
    accepted.say(&send("m-2", "over the second"));
    node.message("over the first");
    node.message("over the second");
    dialled.hears_one("ACK", |line| line["msg_id"] == "m-1");
    accepted.hears_one("ACK", |line| line["msg_id"] == "m-2");
    node.send("/msg bob@lobby on the newest");
    node.send("/pub * once");
    accepted.acknowledge(&accepted.hears("SEND"));
    accepted.hears("PUB");
    node.event("delivered", |event| event["to"] == "bob@lobby");
    dialled.ping("alive");
    accepted.ping("alive");
    assert_eq!((dialled.count("SEND"), dialled.count("PUB")), (0, 0));
    assert_eq!(
        (node.events("peer_disconnected").len(), bob.dials()),
        (0, 0),
        "no flapping"
    );
}

#[test]
fn an_ack_over_the_other_link_counts() {
    let (_server, _bob, mut node, dialled, accepted) = crossed();
    node.send("/msg bob@lobby on the newest");
    // One client writes only on links it dialled itself, another on the first there was.
    dialled.acknowledge(&accepted.hears("SEND"));
    node.event("delivered", |event| event["to"] == "bob@lobby");
}

#[test]
fn when_one_of_two_links_ends_the_other_is_written_on_and_nobody_is_dialled() {
    let (_server, bob, mut node, dialled, accepted) = crossed();
    accepted.close();
    let ended = node.event("peer_disconnected", |_| true);
    assert_eq!(ended["still_linked"], true);
    node.send("/msg bob@lobby over the first then");
    dialled.acknowledge(&dialled.hears("SEND"));
    node.event("delivered", |event| event["to"] == "bob@lobby");
    assert_eq!(bob.dials(), 0);
}

#[test]
fn a_client_that_closes_its_old_link_for_the_new_one_is_not_dialled_again() {
    let (_server, bob, mut node, dialled, accepted) = crossed();
    dialled.close();
    node.event("peer_disconnected", |_| true);
    accepted.say(&publication("m-1", "*", "on the new one"));
    node.message("on the new one");
    node.send("/msg bob@lobby fine");
    accepted.acknowledge(&accepted.hears("SEND"));
    node.event("delivered", |_| true);
    assert_eq!(bob.dials(), 0);
}

#[test]
fn a_second_link_of_a_client_that_dialled_twice_is_answered_and_preferred() {
    let (mut node, first) = linked(Role::Dialler, alice());
    let second = Client::dial(&node.address(), "bob@lobby");
    node.event("peer_connected", |event| event["first"] == false);
    node.send("/msg bob@lobby on the newest");
    second.acknowledge(&second.hears("SEND"));
    node.event("delivered", |_| true);
    first.say(&send("m-1", "still read"));
    node.message("still read");
    first.hears("ACK");
    assert_eq!(node.events("peer_disconnected"), Vec::<Value>::new());
}

#[test]
fn a_message_is_shown_once_also_if_it_comes_over_both_links() {
    let (_server, _bob, node, dialled, accepted) = crossed();
    for link in [&dialled, &accepted] {
        link.say(&json!({"type": "SEND", "msg_id": "m-1", "payload": "twice"}));
        link.hears("ACK");
    }
    accepted.say(&send("m-2", "the last"));
    node.message("the last");
    assert_eq!(node.texts(), ["twice", "the last"]);
}

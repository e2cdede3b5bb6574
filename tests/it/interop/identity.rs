//! Whose name it is: the plain wire proves nothing.

use serde_json::{Value, json};

use super::{
    alice,
    client::{Client, Listening, hello, send},
};
use crate::support::{Server, node};

#[test]
fn a_stranger_under_our_own_id_is_answered_and_told_that_the_name_is_in_use() {
    let node = alice().start();
    let stranger = Client::connect(&node.address());
    stranger.say_together(&[hello("HELLO", "alice@lobby"), send("m-1", "I am you")]);
    assert_eq!(stranger.hears("HELLO_OK")["peer_id"], "alice@lobby");
    assert_eq!(stranger.hears("BYE")["reason"], "name in use");
    node.event("error", |event| event["code"] == "name_in_use");
    let bob = Client::dial(&node.address(), "bob@lobby");
    bob.say(&send("m-1", "I am not"));
    node.message("I am not");
    assert_eq!(node.texts(), ["I am not"], "who has our name is no peer");
}

#[test]
fn who_listens_at_the_address_of_a_leftover_record_gets_no_message_of_the_one_that_was_there() {
    let server = Server::start();
    let carol = Listening::start();
    carol.register(&server.address, "bob@lobby");
    let mut node = node("alice").at(&server.address).start();
    let link = carol.answer("carol@lobby");
    link.hears_the_end();
    node.send(r#"{"command":"msg","to":"bob@lobby","text":"for bob alone","ref":"1"}"#);
    node.ask(r#"{"command":"status","ref":"2"}"#);
    assert_eq!(link.heard(), ["HELLO"]);
    assert!(node.events("peer_connected").is_empty());
}

#[test]
fn a_stranger_under_a_known_id_is_read_and_reported_but_gets_no_message_of_that_name() {
    let server = Server::start();
    let bob = Listening::start();
    bob.register(&server.address, "bob@lobby");
    let mut node = node("alice").at(&server.address).start();
    let trusted = bob.answer("bob@lobby");
    node.meets("bob@lobby");
    let stranger = Client::connect_from("127.0.0.2", &node.address());
    stranger.say(&hello("HELLO", "bob@lobby"));
    stranger.hears("HELLO_OK");
    let conflict = node.event("peer_conflict", |event| event["peer"] == "bob@lobby");
    assert!(
        conflict["claimed"]
            .as_str()
            .unwrap()
            .starts_with("127.0.0.2:"),
        "{conflict}"
    );
    assert_eq!(conflict["known"], bob.address);
    node.log("claims to be bob@lobby");
    stranger.say(&send("m-1", "I am bob"));
    let shown = node.message("I am bob");
    assert!(
        shown["address"].as_str().unwrap().starts_with("127.0.0.2:"),
        "{shown}"
    );
    stranger.hears("ACK");
    for text in [
        "/msg bob@lobby for bob alone",
        "/pub #lobby for the lobby",
        "/pub * for all",
    ] {
        node.send(text);
    }
    trusted.acknowledge(&trusted.hears("SEND"));
    trusted.hears_many("PUB", 2);
    node.event("delivered", |event| event["to"] == "bob@lobby");
    stranger.ping("done");
    assert_eq!((stranger.count("SEND"), stranger.count("PUB")), (0, 0));
    assert_eq!(
        node.events("peer_conflict").len(),
        1,
        "one line for one arrival"
    );
    assert_eq!(node.events("peer_disconnected"), Vec::<Value>::new());
}

#[test]
fn a_stranger_who_came_first_does_not_keep_the_peer_itself_from_being_dialled_and_written_to() {
    let server = Server::start();
    let mut node = node("alice").at(&server.address).start();
    let stranger = Client::connect_from("127.0.0.2", &node.address());
    stranger.say(&hello("HELLO", "bob@lobby"));
    node.meets("bob@lobby");
    let bob = Listening::start();
    bob.register(&server.address, "bob@lobby");
    node.send("/reconnect");
    let trusted = bob.answer("bob@lobby");
    node.event("peer_connected", |event| event["direction"] == "outbound");
    node.send("/msg bob@lobby for bob alone");
    trusted.acknowledge(&trusted.hears("SEND"));
    node.event("delivered", |event| event["to"] == "bob@lobby");
    trusted.close();
    // Lost, it is dialled again although a stranger is linked under its id.
    bob.answer("bob@lobby").ping("back");
    stranger.ping("done");
    assert_eq!(stranger.count("SEND"), 0);
}

#[test]
fn ids_that_look_alike_are_two_peers() {
    let mut node = alice().start();
    for id in [
        "bob@lobby",
        "bob\u{200b}@lobby",
        "b\u{f6}b@lobby",
        "a@b@lobby",
    ] {
        let client = Client::dial(&node.address(), id);
        client.ping("linked");
        node.meets(id);
        std::mem::forget(client);
    }
    let peers = node.ask("/peers")["data"]["peers"].clone();
    assert_eq!(peers.as_array().unwrap().len(), 4, "{peers}");
    assert_eq!(json!("connected"), peers[0]["status"]);
}

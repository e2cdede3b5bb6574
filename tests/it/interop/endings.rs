//! BYE and BYE_OK as the clients write them, and links that end without either.

use serde_json::{Value, json};

use super::{
    ROLES, alice,
    client::{Client, hello, send},
    linked,
};

#[test]
fn a_bye_with_dest_or_without_any_field_is_answered_with_all_fields_and_our_fin_comes_first() {
    let byes = [
        json!({"type": "BYE"}),
        json!({"type": "BYE", "msg_id": "b", "src": "bob@lobby", "dest": "alice@lobby", "reason": "left"}),
        json!({"type": "BYE", "msg_id": 7, "reason": {"code": 1}, "dst": null}),
    ];
    for role in ROLES {
        for bye in &byes {
            let (node, bob) = linked(role, alice());
            bob.say(bye);
            let answer = bob.hears("BYE_OK");
            let msg_id = bye["msg_id"].as_str().unwrap_or_default();
            let expected = json!({"type": "BYE_OK", "msg_id": msg_id, "src": "alice@lobby", "dst": "bob@lobby", "ttl": 1});
            assert_eq!(answer, expected);
            // Our own end is still open: so TIME_WAIT is on the node's side.
            bob.hears_the_end();
            assert_eq!(bob.heard().last().unwrap(), "BYE_OK");
            bob.end_writing();
            let ended = node.event("peer_disconnected", |_| true);
            assert!(
                ended["reason"].as_str().unwrap().starts_with("it left"),
                "{ended}"
            );
        }
    }
}

#[test]
fn who_never_notices_our_fin_is_let_go_after_its_bye() {
    for role in ROLES {
        let (node, bob) = linked(role, alice());
        bob.say(&json!({"type": "BYE", "msg_id": "b-1", "reason": "done"}));
        bob.hears_the_end();
        // Its end stays open for ever.
        node.event("peer_disconnected", |_| true);
        let back = Client::dial(&node.address(), "bob@lobby");
        back.say(&send("m-1", "back again"));
        node.message("back again");
    }
}

#[test]
fn what_came_before_a_bye_in_its_segment_is_acknowledged_before_bye_ok() {
    for role in ROLES {
        let (node, bob) = linked(role, alice());
        bob.say_together(&[
            send("m-1", "last words"),
            json!({"type": "BYE", "msg_id": "b-1"}),
        ]);
        bob.hears_the_end();
        node.message("last words");
        assert_eq!(bob.heard()[1..], ["ACK", "BYE_OK"]);
    }
}

#[test]
fn a_leaving_node_takes_any_bye_ok_a_close_or_nothing_for_an_answer() {
    let answers: [fn(&Client, &Value); 6] = [
        |bob, bye| {
            bob.say(
                &json!({"type": "BYE_OK", "msg_id": bye["msg_id"], "src": "", "dst": "", "ttl": 1}),
            )
        },
        |bob, _| bob.say(&json!({"type": "BYE_OK", "msg_id": "another one"})),
        |bob, _| bob.say(&json!({"type": "BYE_OK"})),
        |bob, _| bob.close(),
        |bob, _| bob.say(&json!({"type": "BYE"})),
        |_, _| (),
    ];
    for role in ROLES {
        for answer in answers {
            let (mut node, bob) = linked(role, alice());
            node.end_input();
            let bye = bob.hears("BYE");
            assert_eq!(
                (&bye["src"], &bye["dst"]),
                (&json!("alice@lobby"), &json!("bob@lobby"))
            );
            answer(&bob, &bye);
            assert_eq!(node.exit_code(), 0);
        }
    }
}

#[test]
fn what_arrives_after_our_bye_is_still_shown_and_acknowledged() {
    for role in ROLES {
        let (mut node, bob) = linked(role, alice());
        node.end_input();
        bob.hears("BYE");
        bob.say_together(&[send("m-1", "crossed your bye"), json!({"type": "BYE_OK"})]);
        assert_eq!(node.exit_code(), 0);
        node.message("crossed your bye");
        bob.hears("ACK");
    }
}

#[test]
fn a_close_without_bye_is_a_lost_link() {
    for role in ROLES {
        let (node, bob) = linked(role, alice());
        bob.close();
        let ended = node.event("peer_disconnected", |_| true);
        assert_eq!(ended["reason"], "connection lost");
    }
}

#[test]
fn a_bye_frees_the_place_for_a_return_of_the_same_peer() {
    for role in ROLES {
        let (node, bob) = linked(role, alice());
        bob.say(&json!({"type": "BYE"}));
        bob.hears("BYE_OK");
        let back = Client::connect(&node.address());
        back.say(&hello("HELLO", "bob@lobby"));
        back.hears("HELLO_OK");
        back.say(&send("m-1", "it is me again"));
        node.message("it is me again");
    }
}

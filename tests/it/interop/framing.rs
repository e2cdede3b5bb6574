//! Bytes to lines: however the stream is split, and whatever is no message.

use serde_json::{Value, json};

use super::{
    ROLES, alice,
    client::{Client, publication, send},
    linked,
};
use crate::support::Node;

#[test]
fn a_message_in_segments_of_one_byte_is_one_message() {
    for role in ROLES {
        let (node, bob) = linked(role, alice());
        for byte in format!("{}\n", send("m-1", "drop by drop")).bytes() {
            bob.write(&[byte]);
        }
        node.message("drop by drop");
        bob.hears("ACK");
    }
}

#[test]
fn a_character_split_across_segments_arrives_whole() {
    for role in ROLES {
        let (node, bob) = linked(role, alice());
        let text = "olá, 世界 🙂";
        let line = format!(r#"{{"type":"SEND","msg_id":"m-1","payload":"{text}"}}"#) + "\n";
        for (number, byte) in line.bytes().enumerate() {
            bob.write(&[byte]);
            // Every byte of a character has been read by itself before the next one comes.
            if byte >= 0x80 {
                node_has_read(&node, number);
            }
        }
        assert_eq!(node.message(text)["kind"], "direct");
    }
}

/// Another link's PONG: the node has been around its loop.
fn node_has_read(node: &Node, number: usize) {
    let other = Client::dial(&node.address(), &format!("other{number}@lobby"));
    other.ping("read");
}

#[test]
fn all_lines_of_one_segment_are_read() {
    for role in ROLES {
        let (node, bob) = linked(role, alice());
        let lines: Vec<Value> = (0..50)
            .map(|n| send(&format!("m-{n}"), &format!("text {n}")))
            .collect();
        bob.say_together(&lines);
        bob.hears_many("ACK", 50);
        node.message("text 49");
        let expected: Vec<String> = (0..50).map(|n| format!("text {n}")).collect();
        assert_eq!(node.texts(), expected, "all, in their order");
    }
}

#[test]
fn what_is_no_message_is_ignored_and_counted_and_the_link_stays() {
    let lines: [&[u8]; 17] = [
        b"[1,2]",
        b"7",
        b"null",
        b"\"text\"",
        b"{\"type\":\"SEND\"",
        b"hello there",
        br#"{"type":"WHATEVER","msg_id":"1"}"#,
        br#"{"type":"send","msg_id":"1","payload":"lower case is another type"}"#,
        br#"{"msg_id":"1"}"#,
        br#"{"type":7}"#,
        br#"{"type":"SEND","msg_id":"1"}"#,
        br#"{"type":"SEND","payload":"no id"}"#,
        br#"{"type":"PUB","msg_id":"1","dst":"*"}"#,
        br#"{"type":"ACK","msg_id":"a stray one"}"#,
        br#"{"type":"PONG","msg_id":"a stray one"}"#,
        br#"{"type":"HELLO_OK","peer_id":"carol@lobby"}"#,
        b"\xff\xfe{}",
    ];
    for role in ROLES {
        let (mut node, bob) = linked(role, alice());
        for line in lines {
            bob.write(&[line, b"\n"].concat());
        }
        bob.ping("done");
        bob.say(&send("m-1", "all of that was nothing"));
        node.message("all of that was nothing");
        let ignored = &node.ask("/metrics")["data"]["lines_ignored"];
        assert_eq!(ignored, &json!(lines.len()), "{role:?}");
        assert_eq!(node.events("peer_disconnected"), Vec::<Value>::new());
        assert_eq!(node.texts(), ["all of that was nothing"]);
    }
}

#[test]
fn invalid_utf8_in_a_text_is_replaced_and_shown() {
    for role in ROLES {
        let (node, bob) = linked(role, alice());
        bob.write(b"{\"type\":\"SEND\",\"msg_id\":\"m-1\",\"payload\":\"caf\xe9\"}\n");
        node.message("caf\u{fffd}");
        bob.hears("ACK");
    }
}

#[test]
fn half_a_character_in_a_text_is_replaced_and_shown_because_python_escapes_it() {
    for role in ROLES {
        let (node, bob) = linked(role, alice());
        bob.write(b"{\"type\":\"SEND\",\"msg_id\":\"m-1\",\"payload\":\"half \\ud83d\"}\n");
        node.message("half \u{fffd}");
        assert_eq!(bob.hears("ACK")["msg_id"], "m-1");
        bob.write(
            b"{\"type\":\"PUB\",\"msg_id\":\"m-2\",\"dst\":\"*\",\"payload\":\"\\ude00 half\"}\n",
        );
        node.message("\u{fffd} half");
    }
}

#[test]
fn the_longest_line_is_read_and_one_byte_more_closes_the_link() {
    for role in ROLES {
        let (node, bob) = linked(role, alice());
        let frame = publication("m-1", "*", "").to_string().len() + 1;
        let longest = "x".repeat(32768 - frame);
        bob.say(&publication("m-1", "*", &longest));
        node.message(&longest);
        bob.say(&publication("m-2", "*", &format!("{longest}x")));
        bob.hears_the_end();
        let ended = node.event("peer_disconnected", |_| true);
        assert!(
            ended["reason"].as_str().unwrap().contains("32768"),
            "{ended}"
        );
        assert_eq!(node.texts().len(), 1);
    }
}

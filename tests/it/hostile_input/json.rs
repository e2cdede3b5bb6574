//! JSON at its limits, in every place of a line.

use super::is_well;
use crate::interop::{
    ROLES, alice,
    client::{Client, send},
    linked,
};

#[test]
fn json_at_its_limits_is_read_or_ignored_and_the_link_stays() {
    let deep = |open: &str, close: &str| open.repeat(5000) + &close.repeat(5000);
    let digits = "9".repeat(20_000);
    let values = [
        deep("[", "]"),
        deep("{\"a\":", "}").replace(":}", ":0}"),
        digits.clone(),
        format!("-{digits}"),
        format!("0.{digits}"),
        "1e999999999".into(),
        "-1E-999999999".into(),
        "NaN".into(),
        "Infinity".into(),
        r#""\ud800""#.into(),
        r#""\udc00\ud800""#.into(),
        r#""\u0000""#.into(),
        "\"\u{0}\"".into(),
        r#""\x""#.into(),
        "\"unended".into(),
        format!("\"{}\"", "\\u001b".repeat(4000)),
        format!("[{}1]", "1,".repeat(10_000)),
        format!("{{{}\"z\":1}}", "\"a\":1,".repeat(4000)),
    ];
    let lines = |value: &str| {
        [
            value.to_owned(),
            format!(r#"{{"type":"SEND","msg_id":"m","payload":"x","more":{value}}}"#),
            format!(r#"{{"type":"SEND","msg_id":{value},"payload":"x"}}"#),
            format!(r#"{{"type":"PUB","msg_id":"m","dst":{value},"payload":{value}}}"#),
            format!(r#"{{"type":"PING","msg_id":{value},"timestamp":{value},"ttl":{value}}}"#),
            format!(r#"{{"type":{value}}}"#),
            format!(r#"{{{value}:1}}"#),
            format!(
                r#"{{"type":"HELLO","peer_id":"bob@lobby","features":{value},"version":{value}}}"#
            ),
            format!(r#"{{"type":"ACK","msg_id":{value}}}"#),
        ]
    };
    for role in ROLES {
        let (mut node, bob) = linked(role, alice());
        for value in &values {
            for line in lines(value).iter().filter(|line| line.len() < 32_000) {
                bob.write(format!("{line}\n").as_bytes());
            }
            bob.ping("alive");
        }
        bob.say(&send("the-last", "still linked"));
        node.message("still linked");
        assert!(node.events("peer_disconnected").is_empty());
        is_well(&mut node, "carol");
    }
}

#[test]
fn a_hello_full_of_features_is_a_hello() {
    let mut node = alice().start();
    let bob = Client::connect(&node.address());
    let features = "\"x\",".repeat(6000);
    let line = format!(r#"{{"type":"HELLO","peer_id":"bob@lobby","features":[{features}"ack"]}}"#);
    bob.write(format!("{line}\n").as_bytes());
    bob.hears("HELLO_OK");
    is_well(&mut node, "carol");
}

#[test]
fn an_endless_line_ends_its_link_alone() {
    let (mut node, bob) = linked(ROLES[0], alice());
    let carol = Client::dial(&node.address(), "carol@lobby");
    while bob.try_write(&[b'x'; 65_536]).is_ok() {}
    bob.hears_the_end();
    node.event("peer_disconnected", |event| event["peer"] == "bob@lobby");
    carol.ping("alive");
    is_well(&mut node, "dave");
}

#[test]
fn ids_of_messages_as_long_as_a_line_are_ignored() {
    let (mut node, bob) = linked(ROLES[0], alice());
    bob.say(&send(&"i".repeat(30_000), "too much of an id"));
    bob.write(
        format!(
            "{{\"type\":\"PING\",\"msg_id\":\"{}\"}}\n",
            "i".repeat(30_000)
        )
        .as_bytes(),
    );
    bob.ping("alive");
    assert_eq!((bob.count("ACK"), bob.count("PONG")), (0, 1));
    is_well(&mut node, "carol");
}

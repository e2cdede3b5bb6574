//! Nodes that find one another through a rendezvous server, and talk.

use serde_json::Value;

use crate::support::{Node, Server, node};

#[test]
fn two_nodes_chat_through_a_rendezvous_server() {
    check(&["alice", "bob"]);
}

#[test]
fn five_nodes_chat_through_a_rendezvous_server() {
    check(&["alice", "bob", "carol", "dave", "eve"]);
}

/// Everyone sends everyone one direct message, one to all and one to the namespace; each arrives exactly once.
fn check(names: &[&str]) {
    let server = Server::start();
    let start = |name: &&str| node(name).at(&server.address).start();
    let mut nodes: Vec<Node> = names.iter().map(start).collect();
    for (own, node) in names.iter().zip(&nodes) {
        for other in names.iter().filter(|name| *name != own) {
            node.meets(&format!("{other}@lobby"));
        }
    }
    for (own, node) in names.iter().zip(&mut nodes) {
        for other in names.iter().filter(|name| *name != own) {
            node.send(&format!(r#"{{"command":"msg","to":"{other}@lobby","text":"{own} to {other}","ref":"to {other}"}}"#));
        }
        node.send(&format!(
            r#"{{"command":"pub","to":"*","text":"{own} to all","ref":"all"}}"#
        ));
        node.send(&format!(
            r##"{{"command":"pub","to":"#lobby","text":"{own} to lobby","ref":"lobby"}}"##
        ));
    }
    for (own, node) in names.iter().zip(&nodes) {
        let others: Vec<&&str> = names.iter().filter(|name| *name != own).collect();
        for other in &others {
            has_arrived(own, other, node);
        }
        for (reference, to) in [("all", "*"), ("lobby", "#lobby")] {
            let sent = node.event("sent", |event| event["ref"] == reference);
            assert_eq!(
                (&sent["to"], &sent["peers"]),
                (&to.into(), &others.len().into())
            );
        }
    }
    for node in &mut nodes {
        node.leave();
    }
    for (own, node) in names.iter().zip(&nodes) {
        let others = names.iter().filter(|name| *name != own);
        let mut expected: Vec<String> = others
            .flat_map(|other| {
                [
                    format!("{other} to {own}"),
                    format!("{other} to all"),
                    format!("{other} to lobby"),
                ]
            })
            .collect();
        let mut texts = node.texts();
        expected.sort();
        texts.sort();
        assert_eq!(texts, expected, "each text once at {own}");
    }
}

/// What `other` sent has reached `own`, and what `own` sent it was acknowledged under its `ref`.
fn has_arrived(own: &str, other: &str, node: &Node) {
    let from = Value::from(format!("{other}@lobby"));
    let direct = node.message(&format!("{other} to {own}"));
    assert_eq!(
        (&direct["kind"], &direct["from"]),
        (&"direct".into(), &from)
    );
    let broadcast = node.message(&format!("{other} to all"));
    assert_eq!(
        (&broadcast["kind"], &broadcast["to"]),
        (&"broadcast".into(), &"*".into())
    );
    let namespace = node.message(&format!("{other} to lobby"));
    assert_eq!(
        (&namespace["kind"], &namespace["to"]),
        (&"namespace".into(), &"#lobby".into())
    );
    let delivered = node.event("delivered", |event| event["ref"] == format!("to {other}"));
    assert_eq!(delivered["to"], from);
}

//! One session at the command line, against a scripted client: every command is answered, every event logged.

use serde_json::json;

use super::{Role, alice, client::Listening, linked};

#[test]
fn every_command_of_the_specification_is_answered() {
    let (mut node, bob) = linked(Role::Dialler, alice());
    let peers = node.ask("/peers *")["data"]["peers"].clone();
    assert_eq!(
        (&peers[0]["peer"], &peers[0]["status"]),
        (&json!("bob@lobby"), &json!("connected"))
    );
    assert_eq!(node.ask("/peers #elsewhere")["data"]["peers"], json!([]));
    let links = node.ask("/conn")["data"]["links"].clone();
    assert_eq!(
        (&links[0]["peer"], &links[0]["direction"]),
        (&json!("bob@lobby"), &json!("inbound"))
    );
    let ping = bob.hears("PING");
    bob.say(&json!({"type": "PONG", "msg_id": ping["msg_id"]}));
    bob.ping("read");
    assert_eq!(node.ask("/rtt")["data"]["rtts"][0]["count"], 1);
    for command in [
        "/reconnect",
        "/log debug",
        "/status",
        "/metrics",
        "/help",
        "/history",
    ] {
        assert_eq!(node.ask(command)["event"], "reply", "{command}");
    }
    let carol = Listening::start();
    assert_eq!(
        node.ask(&format!("/connect {}", carol.address))["event"],
        "reply"
    );
    carol.answer("carol@lobby").ping("linked");
    node.send("/msg bob@lobby to you");
    bob.acknowledge(&bob.hears("SEND"));
    node.send("/pub #lobby to us");
    assert_eq!(bob.hears("PUB")["dst"], "#lobby");
    node.send("/nonsense");
    node.event("error", |event| {
        event["message"].to_string().contains("nonsense")
    });
    node.send("/quit");
    bob.hears("BYE");
    bob.say(&json!({"type": "BYE_OK"}));
    assert_eq!(node.exit_code(), 0);
}

#[test]
fn links_pings_messages_missing_acks_and_ends_are_logged_and_texts_are_not() {
    let start = alice()
        .env("PAPO_CONNECTION__ACK_TIMEOUT", "100ms")
        .env("PAPO_CONNECTION__PING_INTERVAL", "200ms");
    let (mut node, bob) = linked(
        Role::Dialler,
        start.env("PAPO_CONNECTION__DEAD_AFTER", "100"),
    );
    node.log("Inbound connected: bob@lobby");
    let carol = Listening::start();
    node.ask(&format!("/connect {}", carol.address));
    let carol = carol.answer("carol@lobby");
    node.log("Outbound connected: carol@lobby");
    let ping = bob.hears("PING");
    bob.say(&json!({"type": "PONG", "msg_id": ping["msg_id"]}));
    node.log("average RTT = ");
    node.send("/msg bob@lobby a secret");
    node.log("SEND bob@lobby");
    node.log("bob@lobby has not acknowledged");
    node.send("/pub * another secret");
    node.log("PUB *");
    carol.say(&json!({"type": "BYE", "reason": "done"}));
    carol.hears("BYE_OK");
    carol.close();
    let ended = node.log("Outbound disconnected: carol@lobby");
    assert!(ended.contains("it left (done)"), "{ended}");
    bob.close();
    node.log("Inbound disconnected: bob@lobby");
    let told: Vec<String> = node
        .logged()
        .into_iter()
        .filter(|line| line.contains("secret"))
        .collect();
    assert_eq!(told, Vec::<String>::new(), "no text is logged");
    assert_eq!(node.events("ack_timeout").len(), 1);
    node.event("peer_disconnected", |_| true);
}

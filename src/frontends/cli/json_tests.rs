//! What programs get, and that the document says the same.

use std::collections::BTreeSet;

use super::*;
use crate::proto::{link::Direction, texts::Texts};

fn own_message() -> Arc<OwnMessage> {
    Arc::new(OwnMessage {
        msg_id: uuid::Uuid::nil(),
        number: 12,
        to: Destination::parse("bob@CIC").unwrap(),
        text: "hi".into(),
        reference: Some("17".into()),
    })
}

/// One of each event.
fn all_events() -> Vec<NodeEvent> {
    let peer = PeerId::parse("bob@CIC").unwrap();
    let address: SocketAddr = "127.0.0.1:4000".parse().unwrap();
    let mut texts = Texts::default();
    texts.push(Some(Destination::Everyone), "1", "a\n\u{1b}");
    let received = ReceivedTexts {
        from: peer.clone(),
        address,
        to_us: Destination::parse("me@CIC").unwrap(),
        texts,
    };
    let rendezvous = || "127.0.0.1:8080".to_owned();
    let time = Duration::from_micros(1312);
    let mut events = vec![
        NodeEvent::PeerConnected {
            peer: peer.clone(),
            direction: Direction::Inbound,
            address,
            first: true,
        },
        NodeEvent::PeerDisconnected {
            peer: peer.clone(),
            direction: Direction::Outbound,
            address,
            reason: "it left".into(),
            still_linked: false,
        },
        NodeEvent::PeerUnreachable {
            peer: peer.clone(),
            status: "stale",
            reason: "no connection".into(),
        },
        NodeEvent::PeerConflict {
            peer,
            known: address,
            claimed: address,
        },
        NodeEvent::TextsReceived(Arc::new(received)),
        NodeEvent::TextSent {
            message: own_message(),
            peers: 1,
        },
        NodeEvent::TextDelivered {
            message: own_message(),
            rtt: time,
        },
        NodeEvent::AckTimedOut {
            message: own_message(),
            after: time,
        },
        NodeEvent::TextUnconfirmed {
            message: own_message(),
            reason: "lost".into(),
        },
        NodeEvent::TextFailed {
            message: own_message(),
            reason: "gone".into(),
        },
        NodeEvent::ActorRestarting {
            actor: "router".into(),
            reason: "panic".into(),
            delay: time,
        },
        NodeEvent::Trouble {
            code: "queue_full",
            message: "m".into(),
            hint: "h".into(),
        },
    ];
    let states = [
        RendezvousEvent::Registered {
            address: rendezvous(),
            hosted: true,
            seen: "127.0.0.1:4000".into(),
        },
        RendezvousEvent::TakenOver {
            address: rendezvous(),
        },
        RendezvousEvent::Unreachable {
            address: rendezvous(),
            reason: "refused".into(),
        },
        RendezvousEvent::Blocked {
            address: rendezvous(),
            wait: time,
        },
        RendezvousEvent::Refused {
            address: rendezvous(),
            message: "bad_name".into(),
            hint: "h".into(),
        },
        RendezvousEvent::ForeignProgram { port: 8080 },
        RendezvousEvent::UnusablePort {
            port: 8080,
            reason: "denied".into(),
        },
        RendezvousEvent::NameTaken { address },
    ];
    events.extend(states.map(NodeEvent::Rendezvous));
    events
}

fn lines() -> Vec<String> {
    let at = Timestamp::UNIX_EPOCH;
    let mut lines: Vec<String> = all_events().iter().map(|it| event(it, at)).collect();
    let own = PeerId::parse("me@CIC").unwrap();
    let ready = Ready {
        own,
        listen: Vec::new(),
        rendezvous: Some("127.0.0.1:8080".into()),
        notices: Vec::new(),
        control: Some("/run/user/1000/papo/me%40CIC.sock".into()),
        control_tcp: None,
    };
    lines.push(ready.line(at));
    lines.push(skipped(3, at));
    lines.push(reply("msg", json!({}), Some("17"), at));
    lines.push(error("usage", "m", "h", Some("17"), at));
    lines
}

#[test]
fn every_event_is_one_object_on_one_line_with_its_name_and_time() {
    for line in lines() {
        assert!(!line.contains('\n'), "{line}");
        let value: Value = serde_json::from_str(&line).unwrap();
        assert!(value["event"].is_string(), "{line}");
        assert_eq!(value["at"], "1970-01-01T00:00:00.000Z", "{line}");
    }
}

#[test]
fn text_is_the_peers_own_unaltered() {
    let texts: Vec<Value> = lines()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let message = texts.iter().find(|it| it["event"] == "message").unwrap();
    assert_eq!(message["text"], "a\n\u{1b}");
    assert_eq!(message["kind"], "broadcast");
    let delivered = texts.iter().find(|it| it["event"] == "delivered").unwrap();
    assert_eq!(delivered["rtt_ms"], 1.312);
    assert_eq!(delivered["ref"], "17");
}

/// The document lists events as rows `| name | field, field |`.
#[test]
fn the_document_lists_exactly_the_events_and_fields_that_are_emitted() {
    let document = include_str!("../../../docs/json-events.md");
    let mut documented = BTreeSet::new();
    for row in document.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let name = cells[1].trim_matches('`').to_owned();
        for field in cells[2]
            .split(',')
            .map(|field| field.trim().trim_matches('`'))
        {
            documented.insert((name.clone(), field.to_owned()));
        }
    }
    let mut emitted = BTreeSet::new();
    for line in lines() {
        let value: Value = serde_json::from_str(&line).unwrap();
        let name = match (value["event"].as_str().unwrap(), value["state"].as_str()) {
            (event, Some(state)) => format!("{event} {state}"),
            (event, None) => event.to_owned(),
        };
        for field in value.as_object().unwrap().keys() {
            if !matches!(field.as_str(), "event" | "at" | "state") {
                emitted.insert((name.clone(), field.clone()));
            }
        }
    }
    assert_eq!(documented, emitted);
}

//! Events as JSON objects, one a line: the contract with programs (`docs/json-events.md`). Later fields only add.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    actors::events::{NodeEvent, ReceivedTexts, RendezvousEvent},
    proto::{outgoing::OwnMessage, texts::Text},
    wire::{destination::Destination, identity::PeerId},
};

/// One event as a line, without its newline; texts that arrived together are a line each.
pub fn event(event: &NodeEvent, at: Timestamp) -> String {
    let lines = objects(event, at).into_iter();
    let lines = lines.map(|object| Value::Object(object).to_string());
    lines.collect::<Vec<_>>().join("\n")
}

/// The same as objects.
pub fn objects(event: &NodeEvent, at: Timestamp) -> Vec<Map<String, Value>> {
    match describe(event) {
        (name, Value::Array(several)) => {
            let objects = several.into_iter().map(|fields| object(name, at, fields));
            objects.collect()
        }
        (name, fields) => vec![object(name, at, fields)],
    }
}

/// Says to a client of the control socket how many events it did not get because it did not read fast enough.
pub fn skipped(count: u64, at: Timestamp) -> String {
    line("skipped", at, json!({ "count": count }))
}

/// A received text. It is the peer's own, unaltered.
pub fn message(received: &ReceivedTexts, text: Text<'_>) -> Value {
    let to = received.to(text);
    json!({"from": received.from.as_str(), "kind": kind(to), "to": to.to_wire(),
        "text": text.payload, "msg_id": text.msg_id, "address": received.address})
}

/// What the first line says: the node is ready.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Who we are.
    pub own: PeerId,
    /// Where peers are accepted.
    pub listen: Vec<SocketAddr>,
    /// The rendezvous at the start.
    pub rendezvous: Option<String>,
    /// What the user should know of the start, in words.
    pub notices: Vec<String>,
    /// The control socket.
    pub control: Option<PathBuf>,
    /// Where it is reached over TCP.
    pub control_tcp: Option<SocketAddr>,
}

impl Ready {
    /// The line.
    pub fn line(&self, at: Timestamp) -> String {
        let listen: Vec<String> = self.listen.iter().map(ToString::to_string).collect();
        let fields = json!({
            "peer_id": self.own.as_str(), "listen": listen, "rendezvous": self.rendezvous,
            "version": env!("CARGO_PKG_VERSION"), "notices": self.notices,
            "control": self.control.as_deref().map(Path::to_string_lossy),
            "control_tcp": self.control_tcp,
        });
        line("ready", at, fields)
    }
}

/// The answer to a command.
pub fn reply(command: &str, data: Value, reference: Option<&str>, at: Timestamp) -> String {
    let fields = json!({"command": command, "ok": true, "data": data, "ref": reference});
    line("reply", at, fields)
}

/// What went wrong with a command, or with the node.
pub fn error(
    code: &str,
    message: &str,
    hint: &str,
    reference: Option<&str>,
    at: Timestamp,
) -> String {
    let fields = json!({"code": code, "message": message, "hint": hint, "ref": reference});
    line("error", at, fields)
}

fn line(name: &str, at: Timestamp, fields: Value) -> String {
    Value::Object(object(name, at, fields)).to_string()
}

fn object(name: &str, at: Timestamp, fields: Value) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("event".into(), name.into());
    object.insert("at".into(), format!("{at:.3}").into());
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    object
}

fn describe(event: &NodeEvent) -> (&'static str, Value) {
    match event {
        NodeEvent::PeerConnected {
            peer,
            direction,
            address,
            first,
        } => (
            "peer_connected",
            json!({"peer": peer.as_str(), "direction": direction.name(), "address": address, "first": first}),
        ),
        NodeEvent::PeerDisconnected {
            peer,
            direction,
            address,
            reason,
            still_linked,
        } => (
            "peer_disconnected",
            json!({"peer": peer.as_str(), "direction": direction.name(), "address": address,
                "reason": reason, "still_linked": still_linked}),
        ),
        NodeEvent::PeerUnreachable {
            peer,
            status,
            reason,
        } => (
            "peer_unreachable",
            json!({"peer": peer.as_str(), "status": status, "reason": reason}),
        ),
        NodeEvent::PeerConflict {
            peer,
            known,
            claimed,
        } => (
            "peer_conflict",
            json!({"peer": peer.as_str(), "known": known, "claimed": claimed}),
        ),
        NodeEvent::TextsReceived(received) => {
            let texts = received.texts.iter().map(|text| message(received, text));
            ("message", texts.collect())
        }
        NodeEvent::TextSent { message, peers } => (
            "sent",
            own(message, json!({"kind": kind(&message.to), "peers": peers})),
        ),
        NodeEvent::TextDelivered { message, rtt } => (
            "delivered",
            own(message, json!({"rtt_ms": milliseconds(*rtt)})),
        ),
        NodeEvent::AckTimedOut { message, after } => (
            "ack_timeout",
            own(message, json!({"after_ms": milliseconds(*after)})),
        ),
        NodeEvent::TextUnconfirmed { message, reason } => {
            ("unconfirmed", own(message, json!({"reason": reason})))
        }
        NodeEvent::TextFailed { message, reason } => {
            ("failed", own(message, json!({"reason": reason})))
        }
        NodeEvent::Rendezvous(event) => ("rendezvous", rendezvous(event)),
        NodeEvent::ActorRestarting {
            actor,
            reason,
            delay,
        } => (
            "actor_restarting",
            json!({"actor": actor, "reason": reason, "delay_ms": milliseconds(*delay)}),
        ),
        NodeEvent::Trouble {
            code,
            message,
            hint,
        } => (
            "error",
            json!({"code": code, "message": message, "hint": hint, "ref": null}),
        ),
    }
}

fn rendezvous(event: &RendezvousEvent) -> Value {
    match event {
        RendezvousEvent::Registered {
            address,
            hosted,
            seen,
        } => json!({"state": "registered", "address": address, "hosted": hosted, "seen": seen}),
        RendezvousEvent::TakenOver { address } => {
            json!({"state": "taken_over", "address": address})
        }
        RendezvousEvent::Unreachable { address, reason } => {
            json!({"state": "unreachable", "address": address, "reason": reason})
        }
        RendezvousEvent::Blocked { address, wait } => {
            json!({"state": "blocked", "address": address, "wait_ms": milliseconds(*wait)})
        }
        RendezvousEvent::Refused {
            address,
            message,
            hint,
        } => json!({"state": "refused", "address": address, "message": message, "hint": hint}),
        RendezvousEvent::UnusablePort { port, reason } => {
            json!({"state": "unusable_port", "port": port, "reason": reason})
        }
        RendezvousEvent::ForeignProgram { port } => {
            json!({"state": "foreign_program", "port": port})
        }
        RendezvousEvent::NameTaken { address } => {
            json!({"state": "name_taken", "address": address})
        }
    }
}

/// `direct`, `broadcast` or `namespace`.
pub fn kind(to: &Destination) -> &'static str {
    match to {
        Destination::Everyone => "broadcast",
        Destination::Namespace(_) => "namespace",
        Destination::Peer(_) => "direct",
    }
}

fn own(message: &Arc<OwnMessage>, more: Value) -> Value {
    let mut fields = json!({
        "msg_id": message.msg_id, "number": message.number, "to": message.to.to_wire(),
        "ref": message.reference,
    });
    if let (Value::Object(fields), Value::Object(more)) = (&mut fields, more) {
        fields.extend(more);
    }
    fields
}

/// Milliseconds with three decimals.
pub fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;

//! A message as a JSON object, with the fields of its event (`docs/json-events.md`). Pure.

use serde_json::{Map, Value, json};

use crate::{
    frontends::cli::{
        json::{kind, milliseconds},
        life,
    },
    store::{
        facts::State,
        rows::{Life, Row, Step},
    },
};

/// A message as one line: `message`, or for an own one the event of its state, with its text.
pub(super) fn of(row: &Row) -> String {
    Value::Object(fields(row)).to_string()
}

/// A message, and all that happened to it in `steps`.
pub(super) fn of_life(life: &Life) -> String {
    let mut object = fields(&life.row);
    object.insert("steps".into(), life.steps.iter().map(step).collect());
    object.insert("verdict".into(), life::verdict(life).into());
    Value::Object(object).to_string()
}

fn fields(row: &Row) -> Map<String, Value> {
    let mut object = Map::new();
    let mut add = |name: &str, value: Value| object.insert(name.into(), value);
    add("event", event(row).into());
    add("at", format!("{:.3}", row.at).into());
    match &row.fate {
        None => {
            add("from", row.peer.as_ref().map(|peer| peer.as_str()).into());
        }
        Some(fate) => {
            add("number", fate.number.into());
            add("state", fate.state.name().into());
            add("peers", fate.peers.into());
            add("rtt_ms", fate.rtt.map(milliseconds).into());
            add("reason", fate.reason.as_deref().into());
            add("ref", fate.reference.as_deref().into());
        }
    }
    add("kind", kind(&row.to).into());
    add("to", row.to.to_wire().into());
    add("text", row.text.as_str().into());
    add("msg_id", row.msg_id.as_str().into());
    if row.fate.is_none() {
        add("address", row.address.as_deref().into());
    }
    object
}

fn event(row: &Row) -> &'static str {
    row.fate
        .as_ref()
        .map_or("message", |fate| State::name(fate.state))
}

fn step(step: &Step) -> Value {
    json!({"at": format!("{:.3}", step.at), "what": step.what.name(), "detail": step.detail})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontends::cli::life::testing::{own, received};

    #[test]
    fn a_received_message_has_the_fields_of_its_event() {
        assert_eq!(
            of(&received("*", "a\n\u{1b}")),
            r#"{"event":"message","at":"2026-01-02T03:04:05.678Z","from":"alice@X","kind":"broadcast","to":"*","text":"a\n\u001b","msg_id":"m","address":"127.0.0.1:4000"}"#
        );
    }

    #[test]
    fn an_own_message_says_what_became_of_it() {
        assert_eq!(
            of(&own("bob@X", State::Delivered)),
            r#"{"event":"delivered","at":"2026-01-02T03:04:05.678Z","number":12,"state":"delivered","peers":3,"rtt_ms":1.312,"reason":null,"ref":null,"kind":"direct","to":"bob@X","text":"hi","msg_id":"m"}"#
        );
        assert!(of(&own("bob@X", State::TimedOut)).starts_with(r#"{"event":"ack_timeout""#));
    }
}

//! What becomes of one message, read from the events of its node. Pure.

use serde_json::{Value, json};

use crate::{args::WaitFor, frontends::exit::Exit};

/// The `ref` of the message.
pub const REFERENCE: &str = "send";

/// A message on its way.
#[derive(Debug)]
pub struct Course {
    wait: WaitFor,
    msg_id: Value,
    sent: bool,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// With which code.
    pub exit: Exit,
    /// A stable word: `sent`, `delivered`, `queued`, `not_acknowledged`, `unknown_peer`, `failed`, `refused`, or the
    /// code of an error.
    pub result: String,
    /// In words, for people.
    pub words: String,
    /// What is known besides, for programs.
    pub data: Value,
}

impl Course {
    /// Nothing has happened yet.
    pub fn new(wait: WaitFor) -> Self {
        Self {
            wait,
            msg_id: Value::Null,
            sent: false,
        }
    }

    /// Takes an event; the outcome if that was the last one needed.
    pub fn on_event(&mut self, event: &Value) -> Option<Outcome> {
        if event["ref"] != REFERENCE {
            return None;
        }
        if event["msg_id"].is_string() {
            self.msg_id = event["msg_id"].clone();
        }
        let to = text(event, "to");
        match event["event"].as_str()? {
            "sent" => self.sent(event, &to),
            "delivered" => {
                let rtt = event["rtt_ms"].as_f64().unwrap_or_default();
                let words = format!("delivered to {to} in {rtt:.1} ms");
                Some(self.outcome(Exit::Done, "delivered", words, json!({"rtt_ms": rtt})))
            }
            "ack_timeout" => Some(self.not_acknowledged(&format!("{to} has not acknowledged"))),
            "unconfirmed" => {
                let words = format!("sent to {to}, not confirmed: {}", text(event, "reason"));
                Some(self.not_acknowledged(&words))
            }
            "queued" => {
                let words = format!("queued for {to}: {}", text(event, "reason"));
                Some(self.outcome(Exit::Queued, "queued", words, json!({})))
            }
            "failed" => {
                // A name that nobody has is no full one.
                let to = to.trim_end_matches("@?");
                let words = format!("not delivered to {to}: {}", text(event, "reason"));
                let exit = if self.sent {
                    Exit::NotAcknowledged
                } else {
                    Exit::PeerUnknown
                };
                Some(self.outcome(exit, "failed", words, json!({})))
            }
            "error" => Some(self.refused(event)),
            _ => None,
        }
    }

    /// The time is over.
    pub fn on_deadline(&self) -> Outcome {
        match self.sent {
            true => self.not_acknowledged("sent, not acknowledged in time"),
            false => {
                let words = "not sent: no such peer is connected".to_owned();
                self.outcome(Exit::PeerUnknown, "unknown_peer", words, json!({}))
            }
        }
    }

    /// The node ended.
    pub fn on_end(&self) -> Outcome {
        let words = "the node ended before it told what became of the message".to_owned();
        self.outcome(Exit::Failure, "node_ended", words, json!({}))
    }

    fn sent(&mut self, event: &Value, to: &str) -> Option<Outcome> {
        self.sent = true;
        let peers = event["peers"].as_u64().unwrap_or_default();
        let is_direct = event["kind"] == "direct";
        if is_direct && self.wait == WaitFor::Delivered {
            return None;
        }
        let words = match (is_direct, peers) {
            (true, _) => format!("sent to {to}"),
            (false, 1) => format!("sent to {to}: 1 peer"),
            (false, peers) => format!("sent to {to}: {peers} peers"),
        };
        Some(self.outcome(Exit::Done, "sent", words, json!({"peers": peers})))
    }

    fn not_acknowledged(&self, words: &str) -> Outcome {
        self.outcome(
            Exit::NotAcknowledged,
            "not_acknowledged",
            words.into(),
            json!({}),
        )
    }

    fn refused(&self, error: &Value) -> Outcome {
        let code = text(error, "code");
        let exit = match code.as_str() {
            "nobody" | "not_connected" | "unknown_peer" => Exit::PeerUnknown,
            "bad_target" | "bad_command" | "ambiguous_peer" | "too_long" | "ourselves"
            | "usage" | "blocked" => Exit::Usage,
            _ => Exit::Failure,
        };
        let words = format!("{}: {}", text(error, "message"), text(error, "hint"));
        self.outcome(exit, &code, words, json!({}))
    }

    fn outcome(&self, exit: Exit, result: &str, words: String, mut data: Value) -> Outcome {
        data["msg_id"] = self.msg_id.clone();
        Outcome {
            exit,
            result: result.into(),
            words,
            data,
        }
    }
}

fn text(event: &Value, field: &str) -> String {
    event[field].as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, more: Value) -> Value {
        let mut event = json!({"event": kind, "ref": REFERENCE, "to": "bob@X", "msg_id": "m",
            "kind": "direct", "peers": 1, "reason": "r"});
        for (name, value) in more.as_object().unwrap() {
            event[name] = value.clone();
        }
        event
    }

    fn ends(wait: WaitFor, kinds: &[&str]) -> Option<(Exit, String)> {
        let mut course = Course::new(wait);
        let ends = kinds
            .iter()
            .filter_map(|kind| course.on_event(&event(kind, json!({}))));
        ends.map(|it| (it.exit, it.result)).next()
    }

    #[test]
    fn each_end_has_its_code() {
        use WaitFor::{Delivered, Sent};
        for (wait, kinds, exit, result) in [
            (
                Delivered,
                &["sent", "delivered"][..],
                Exit::Done,
                "delivered",
            ),
            (Sent, &["sent"], Exit::Done, "sent"),
            (
                Delivered,
                &["sent", "ack_timeout"],
                Exit::NotAcknowledged,
                "not_acknowledged",
            ),
            (
                Delivered,
                &["sent", "unconfirmed"],
                Exit::NotAcknowledged,
                "not_acknowledged",
            ),
            (Delivered, &["failed"], Exit::PeerUnknown, "failed"),
            (
                Delivered,
                &["sent", "failed"],
                Exit::NotAcknowledged,
                "failed",
            ),
            (Delivered, &["queued"], Exit::Queued, "queued"),
            (Sent, &["queued"], Exit::Queued, "queued"),
        ] {
            let expected = Some((exit, result.to_owned()));
            assert_eq!(ends(wait, kinds), expected, "{kinds:?}");
        }
        assert_eq!(ends(Delivered, &["reply", "sent"]), None);
    }

    #[test]
    fn what_is_not_about_this_message_is_left_out() {
        let mut course = Course::new(WaitFor::Sent);
        for reference in [json!(null), json!("other")] {
            assert_eq!(
                course.on_event(&event("sent", json!({"ref": reference}))),
                None
            );
        }
    }

    #[test]
    fn a_publication_is_done_when_it_is_sent() {
        let mut course = Course::new(WaitFor::Delivered);
        let sent = event("sent", json!({"kind": "broadcast", "to": "*", "peers": 3}));
        let outcome = course.on_event(&sent).unwrap();
        assert_eq!(
            (outcome.exit, outcome.words.as_str()),
            (Exit::Done, "sent to *: 3 peers")
        );
        assert_eq!(outcome.data, json!({"peers": 3, "msg_id": "m"}));
    }

    #[test]
    fn the_end_of_the_time_depends_on_what_happened_before() {
        let mut course = Course::new(WaitFor::Delivered);
        assert_eq!(course.on_deadline().exit, Exit::PeerUnknown);
        assert_eq!(course.on_event(&event("sent", json!({}))), None);
        assert_eq!(course.on_deadline().exit, Exit::NotAcknowledged);
        assert_eq!(course.on_end().exit, Exit::Failure);
    }

    #[test]
    fn errors_have_codes_of_their_own() {
        for (code, exit) in [
            ("unknown_peer", Exit::PeerUnknown),
            ("too_long", Exit::Usage),
            ("ambiguous_peer", Exit::Usage),
            ("internal", Exit::Failure),
        ] {
            let error = event("error", json!({"code": code, "message": "m", "hint": "h"}));
            let outcome = Course::new(WaitFor::Sent).on_event(&error).unwrap();
            assert_eq!(
                (outcome.exit, outcome.words.as_str()),
                (exit, "m: h"),
                "{code}"
            );
        }
    }
}

//! What became of the bot's messages, read from the events of the node. Pure.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::latency::Latency;

/// The counts of one run.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// When those were given to the node that have not come to an end.
    pub under_way: HashMap<u64, Instant>,
    /// Those that were given to the node and are not answered yet: so it pushes back.
    pub unanswered: HashSet<u64>,
    /// Given up, and still acknowledged if an ACK comes late.
    pub late: HashSet<u64>,
    /// Given to the node.
    pub given: u64,
    /// On their way.
    pub sent: u64,
    /// Acknowledged by their peer.
    pub acknowledged: u64,
    /// Not acknowledged in time, or failed.
    pub lost: u64,
    /// Left for a later time, on disk.
    pub queued: u64,
    /// Refused by the node.
    pub refused: u64,
    /// Peers that publications went to, all together.
    pub reached: u64,
    /// From giving it to the node until its ACK was here.
    pub latency: Latency,
    /// The full name of the target, once it is known.
    pub target: Option<String>,
    /// The last trouble in words.
    pub trouble: Option<String>,
}

impl Tally {
    /// One was given to the node.
    pub(super) fn give(&mut self, now: Instant) -> u64 {
        self.given += 1;
        self.under_way.insert(self.given, now);
        self.unanswered.insert(self.given);
        self.given
    }

    /// Those that have not come to an end.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// Those that the node has not answered yet.
    pub(super) fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// Takes an event.
    pub(super) fn on_event(&mut self, now: Instant, event: &Value) {
        let number = event["ref"].as_str().and_then(|it| it.parse::<u64>().ok());
        let Some(number) = number else { return };
        match event["event"].as_str().unwrap_or_default() {
            "reply" => {
                self.unanswered.remove(&number);
            }
            "error" => {
                self.unanswered.remove(&number);
                self.refused += u64::from(self.end(number).is_some());
                self.note(event, "message");
            }
            "sent" => self.sent(number, event),
            "delivered" => self.delivered(now, number),
            "queued" => {
                self.queued += u64::from(self.end(number).is_some());
                self.note(event, "reason");
            }
            "ack_timeout" | "unconfirmed" | "failed" => self.lose(number, event),
            _ => {}
        }
    }

    /// Whatever has not come to an end by now is lost.
    pub(super) fn give_up(&mut self) {
        self.lost += self.under_way.len() as u64;
        self.under_way.clear();
    }

    fn sent(&mut self, number: u64, event: &Value) {
        self.sent += 1;
        self.target = event["to"].as_str().map(str::to_owned);
        self.reached += event["peers"].as_u64().unwrap_or_default();
        // A publication is not acknowledged.
        if event["kind"] != "direct" {
            self.end(number);
        }
    }

    fn delivered(&mut self, now: Instant, number: u64) {
        if let Some(given) = self.end(number) {
            self.acknowledged += 1;
            self.latency.add(now.saturating_duration_since(given));
        } else if self.late.remove(&number) {
            self.acknowledged += 1;
            self.lost -= 1;
        }
    }

    fn lose(&mut self, number: u64, event: &Value) {
        if self.end(number).is_some() {
            self.lost += 1;
            self.late.insert(number);
            self.note(event, "reason");
        }
    }

    fn end(&mut self, number: u64) -> Option<Instant> {
        self.under_way.remove(&number)
    }

    fn note(&mut self, event: &Value, field: &str) {
        if let Some(words) = event[field].as_str() {
            self.trouble = Some(words.to_owned());
        }
    }
}

/// So many a second.
pub(super) fn rate(count: u64, time: Duration) -> f64 {
    match time.as_secs_f64() {
        0.0 => 0.0,
        seconds => count as f64 / seconds,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, number: u64) -> Value {
        json!({"event": kind, "ref": number.to_string(), "to": "bob@X", "kind": "direct",
            "peers": 1, "reason": "r", "message": "m"})
    }

    #[test]
    fn each_message_comes_to_one_end() {
        let (mut tally, now) = (Tally::default(), Instant::now());
        for kinds in [
            &["reply", "sent", "delivered"][..],
            &["sent", "reply", "ack_timeout"],
            &["reply", "sent", "ack_timeout", "delivered"],
            &["error"],
            &["reply", "failed"],
            &["reply", "queued"],
        ] {
            let number = tally.give(now);
            for kind in kinds {
                tally.on_event(now + Duration::from_millis(2), &event(kind, number));
            }
        }
        assert_eq!((tally.given, tally.sent), (6, 3));
        assert_eq!((tally.acknowledged, tally.lost), (2, 2));
        assert_eq!((tally.refused, tally.queued), (1, 1));
        assert_eq!((tally.under_way(), tally.unanswered()), (0, 0));
        assert_eq!(tally.latency.max(), Some(Duration::from_millis(2)));
        assert_eq!(tally.target.as_deref(), Some("bob@X"));
    }

    #[test]
    fn a_publication_is_over_when_it_is_sent() {
        let (mut tally, now) = (Tally::default(), Instant::now());
        let number = tally.give(now);
        let mut sent = event("sent", number);
        sent["kind"] = "broadcast".into();
        sent["peers"] = 3.into();
        tally.on_event(now, &sent);
        assert_eq!(
            (tally.under_way(), tally.reached, tally.unanswered()),
            (0, 3, 1)
        );
    }

    #[test]
    fn what_has_not_ended_at_the_end_is_lost_and_others_events_do_not_count() {
        let (mut tally, now) = (Tally::default(), Instant::now());
        tally.give(now);
        tally.on_event(now, &json!({"event": "delivered", "ref": null}));
        tally.on_event(now, &event("delivered", 99));
        tally.give_up();
        assert_eq!((tally.lost, tally.acknowledged), (1, 0));
    }
}

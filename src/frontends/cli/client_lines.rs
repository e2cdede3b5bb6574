//! The way out to one client of the control socket: a bounded buffer that its writer empties. Replies wait for room,
//! which stops the reading of that client's commands; events never wait: what finds no room is counted and said.
//! Events of the client's own messages have room of their own, so that a flood from others cannot hide them.

use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::{Map, Value};
use tokio::sync::Notify;
use uuid::Uuid;

use super::{json, own_messages::OwnMessages};

/// Bytes that may wait for a client. A single piece may be larger.
pub const CLIENT_BYTES_MAX: usize = 1 << 20;

/// Bytes that may wait beyond that, for events of its own messages only.
const OWN_BYTES_MAX: usize = 1 << 20;

/// Lines on their way to one client. Cloning is cheap; the order is that of the calls.
#[derive(Clone, Default)]
pub struct ClientLines(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// For the writer: there is something to do.
    filled: Notify,
    /// For the others: something was taken, settled or ended.
    changed: Notify,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    skipped: u64,
    own: OwnMessages,
    own_only: bool,
    /// No line comes any more; what waits is still written.
    closing: bool,
    /// The client takes nothing any more: lines vanish.
    broken: bool,
}

/// An event as clients get it.
pub struct EventLine {
    fields: Map<String, Value>,
    text: String,
}

impl EventLine {
    /// The line of an event.
    pub fn new(fields: Map<String, Value>) -> Self {
        let text = Value::Object(fields.clone()).to_string();
        Self { fields, text }
    }

    /// The id of the message, if the event is one of our own messages'. Those of received ones have no `ref`.
    fn own(&self) -> Option<Uuid> {
        self.fields.get("ref")?;
        let msg_id = self.fields.get("msg_id")?.as_str()?;
        Uuid::try_parse(msg_id).ok()
    }

    fn with_reference(&self, reference: &str) -> String {
        let mut fields = self.fields.clone();
        fields.insert("ref".into(), reference.into());
        Value::Object(fields).to_string()
    }

    /// Whether nothing more has to be waited for after this event of an own message.
    fn settles(&self) -> bool {
        let field = |name| self.fields.get(name).and_then(Value::as_str);
        match field("event") {
            Some("sent") => field("kind") != Some("direct"),
            Some("delivered" | "ack_timeout" | "unconfirmed" | "failed" | "queued") => true,
            _ => false,
        }
    }
}

impl ClientLines {
    /// Takes an event if there is room; otherwise it is counted.
    pub fn offer(&self, event: &EventLine) {
        let mut state = self.0.state.lock();
        if state.broken || state.closing {
            return;
        }
        let own = event.own().filter(|it| state.own.knows(*it));
        if let Some(msg_id) = own {
            match state.own.reference(msg_id) {
                Some(reference) => state.add_event(&event.with_reference(&reference), true),
                None => state.add_event(&event.text, true),
            }
            if event.settles() {
                state.own.settle(msg_id);
                self.0.changed.notify_waiters();
            }
        } else if !state.own_only {
            state.add_event(&event.text, false);
        }
        self.0.filled.notify_one();
    }

    /// Counts events that were lost on their way here.
    pub fn skip(&self, count: u64) {
        let mut state = self.0.state.lock();
        state.skipped += count;
        // Some of them may have been the last of own messages.
        state.own.settle_all();
        self.0.filled.notify_one();
        self.0.changed.notify_waiters();
    }

    /// Takes lines, waiting for room.
    pub async fn put(&self, lines: String) {
        loop {
            let changed = self.0.changed.notified();
            if self.try_put(&lines) {
                return;
            }
            changed.await;
        }
    }

    fn try_put(&self, lines: &str) -> bool {
        let mut state = self.0.state.lock();
        let is_dead = state.broken || state.closing;
        if !is_dead && !state.has_room(lines.len(), CLIENT_BYTES_MAX) {
            return false;
        }
        if !is_dead {
            state.tell_skipped();
            state.add(lines);
            self.0.filled.notify_one();
        }
        true
    }

    /// Which events are wanted: all, or those of the client's own messages.
    pub fn hear(&self, own_only: bool) {
        self.0.state.lock().own_only = own_only;
    }

    /// A message of this client, before anything is told of it.
    pub fn claim(&self, msg_id: Uuid, reference: Option<Arc<str>>) {
        self.0.state.lock().own.add(msg_id, reference);
    }

    /// It was not accepted.
    pub fn disclaim(&self, msg_id: Uuid) {
        self.0.state.lock().own.forget(msg_id);
        self.0.changed.notify_waiters();
    }

    /// Waits until nothing more is to be told of the client's own messages.
    pub async fn settled(&self) {
        loop {
            let changed = self.0.changed.notified();
            {
                let state = self.0.state.lock();
                if state.broken || state.closing || state.own.unsettled() == 0 {
                    return;
                }
            }
            changed.await;
        }
    }

    /// What waits, for the writer; none at the end.
    pub async fn next(&self) -> Option<Vec<u8>> {
        loop {
            let filled = self.0.filled.notified();
            {
                let mut state = self.0.state.lock();
                state.tell_skipped();
                if !state.waiting.is_empty() {
                    let taken = std::mem::take(&mut state.waiting);
                    self.0.changed.notify_waiters();
                    return Some(taken);
                }
                if state.closing || state.broken {
                    return None;
                }
            }
            filled.await;
        }
    }

    /// No line comes any more; what waits is still written.
    pub fn close(&self) {
        self.0.state.lock().closing = true;
        self.0.filled.notify_one();
        self.0.changed.notify_waiters();
    }

    /// The client takes nothing any more: nobody waits for it.
    pub fn give_up(&self) {
        let mut state = self.0.state.lock();
        state.broken = true;
        state.waiting = Vec::new();
        self.0.filled.notify_one();
        self.0.changed.notify_waiters();
    }

    /// Waits until the client takes nothing any more, or is to be closed.
    pub async fn ended(&self) {
        loop {
            let changed = self.0.changed.notified();
            {
                let state = self.0.state.lock();
                if state.broken || state.closing {
                    return;
                }
            }
            changed.await;
        }
    }
}

impl State {
    fn has_room(&self, bytes: usize, limit: usize) -> bool {
        self.waiting.is_empty() || self.waiting.len() + bytes < limit
    }

    fn add_event(&mut self, line: &str, own: bool) {
        let limit = match own {
            true => CLIENT_BYTES_MAX + OWN_BYTES_MAX,
            false => CLIENT_BYTES_MAX,
        };
        if !self.has_room(line.len(), limit) {
            self.skipped += 1;
            return;
        }
        self.tell_skipped();
        self.add(line);
    }

    /// The gap is told where it is: before the next line that finds room.
    fn tell_skipped(&mut self) {
        if self.skipped == 0 {
            return;
        }
        let line = json::skipped(self.skipped, Timestamp::now());
        if self.has_room(line.len(), CLIENT_BYTES_MAX) {
            self.skipped = 0;
            self.add(&line);
        }
    }

    fn add(&mut self, lines: &str) {
        self.waiting.extend_from_slice(lines.as_bytes());
        self.waiting.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use serde_json::json;

    use super::*;

    fn event(fields: Value) -> EventLine {
        match fields {
            Value::Object(fields) => EventLine::new(fields),
            other => panic!("{other}"),
        }
    }

    fn of_message(name: &str, msg_id: Uuid) -> EventLine {
        event(json!({"event": name, "kind": "direct", "msg_id": msg_id, "ref": null}))
    }

    fn taken(client: &ClientLines) -> Vec<Value> {
        let bytes = client.next().now_or_never().flatten().unwrap_or_default();
        let text = String::from_utf8(bytes).unwrap();
        text.lines()
            .map(|it| serde_json::from_str(it).unwrap())
            .collect()
    }

    #[test]
    fn events_that_were_lost_on_their_way_are_told_before_the_next_line() {
        let client = ClientLines::default();
        client.skip(2);
        client.offer(&event(json!({"event": "next"})));
        let lines = taken(&client);
        assert_eq!(
            (&lines[0]["event"], &lines[0]["count"]),
            (&"skipped".into(), &2.into())
        );
        assert_eq!((lines.len(), &lines[1]["event"]), (2, &"next".into()));
    }

    #[test]
    fn a_gap_of_many_events_is_one_line() {
        let client = ClientLines::default();
        let half = event(json!({"event": "message", "text": "x".repeat(CLIENT_BYTES_MAX / 2)}));
        client.offer(&half);
        for _ in 0..3 {
            client.offer(&half);
        }
        let lines = taken(&client);
        assert_eq!((lines.len(), &lines[1]["count"]), (2, &3.into()));
    }

    #[test]
    fn a_client_that_reads_again_hears_of_the_gap_though_nothing_follows() {
        let client = ClientLines::default();
        client.offer(&event(
            json!({"event": "a", "text": "x".repeat(CLIENT_BYTES_MAX)}),
        ));
        client.offer(&event(json!({"event": "b"})));
        assert_eq!(taken(&client)[0]["event"], "a");
        assert_eq!(taken(&client)[0]["event"], "skipped");
        assert_eq!(taken(&client), Vec::<Value>::new());
    }

    #[test]
    fn a_reference_comes_back_to_the_client_that_asked_and_to_no_other() {
        let (asker, other) = (ClientLines::default(), ClientLines::default());
        let msg_id = Uuid::from_u128(7);
        asker.claim(msg_id, Some("17".into()));
        for client in [&asker, &other] {
            client.offer(&of_message("sent", msg_id));
        }
        assert_eq!(taken(&asker)[0]["ref"], "17");
        assert_eq!(taken(&other)[0]["ref"], Value::Null);
    }

    #[test]
    fn a_received_message_under_the_id_of_an_own_one_is_not_taken_for_it() {
        let client = ClientLines::default();
        let msg_id = Uuid::from_u128(7);
        client.claim(msg_id, Some("17".into()));
        client.offer(&event(json!({"event": "message", "msg_id": msg_id})));
        assert_eq!(taken(&client)[0].get("ref"), None);
    }

    #[test]
    fn own_events_find_room_where_others_do_not() {
        let client = ClientLines::default();
        let msg_id = Uuid::from_u128(7);
        client.claim(msg_id, None);
        client.offer(&event(
            json!({"event": "a", "text": "x".repeat(CLIENT_BYTES_MAX)}),
        ));
        client.offer(&event(json!({"event": "b"})));
        client.offer(&of_message("delivered", msg_id));
        let names: Vec<Value> = taken(&client)
            .iter()
            .map(|it| it["event"].clone())
            .collect();
        assert_eq!(names, ["a", "delivered"]);
    }

    #[test]
    fn who_wants_own_events_only_gets_no_others_and_misses_none() {
        let client = ClientLines::default();
        client.hear(true);
        client.claim(Uuid::from_u128(7), None);
        client.offer(&of_message("delivered", Uuid::from_u128(8)));
        client.offer(&of_message("delivered", Uuid::from_u128(7)));
        let lines = taken(&client);
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["msg_id"], Uuid::from_u128(7).to_string());
    }

    #[tokio::test]
    async fn replies_wait_for_room_and_for_nobody_who_is_gone() {
        let client = ClientLines::default();
        client.put("x".repeat(CLIENT_BYTES_MAX)).await;
        let mut put = Box::pin(client.put("y".into()));
        assert_eq!((&mut put).now_or_never(), None);
        assert!(client.next().await.is_some());
        put.await;
        assert_eq!(client.next().await, Some(b"y\n".to_vec()));
        client.put("x".repeat(CLIENT_BYTES_MAX)).await;
        let mut put = Box::pin(client.put("z".into()));
        assert_eq!((&mut put).now_or_never(), None);
        client.give_up();
        put.await;
        assert_eq!(client.next().await, None);
    }

    #[tokio::test]
    async fn the_end_of_a_client_waits_for_its_own_messages() {
        let client = ClientLines::default();
        let (delivered, refused) = (Uuid::from_u128(1), Uuid::from_u128(2));
        client.claim(delivered, None);
        client.claim(refused, None);
        let mut settled = Box::pin(client.settled());
        client.offer(&of_message("sent", delivered));
        client.disclaim(refused);
        assert_eq!((&mut settled).now_or_never(), None);
        client.offer(&of_message("ack_timeout", delivered));
        settled.await;
        client.close();
        assert!(client.next().await.is_some(), "what waits is written first");
        assert_eq!(client.next().await, None);
    }
}

//! The books: every text that was sent, by whom, to whom, what was told about it and who showed it. Pure; it knows
//! nothing of processes and reads no clock.

use std::time::Instant;

use serde_json::Value;

/// One process of a node, from its start until it is killed. An index into [`Ledger::lives`].
pub type Life = usize;

/// What is known of a process.
#[derive(Debug, Clone, Copy)]
pub struct LifeFacts {
    /// The number of its node.
    pub node: usize,
    /// When it was ready.
    pub ready: Option<Instant>,
    /// When it was killed.
    pub killed: Option<Instant>,
}

/// To whom a text went.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// A node; and the process of it that was ready when the text was sent.
    Node(usize, Option<Life>),
    /// Everyone; and how many peers that were, once told.
    Everyone(Option<u64>),
}

/// The last state of a direct text, as its sender told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Acknowledged.
    Delivered,
    /// Not acknowledged in time; it may still become delivered.
    Late,
    /// Written, never acknowledged; it may still become delivered.
    Unconfirmed,
    /// Given up, or refused at once.
    Failed,
}

/// One text.
#[derive(Debug, Clone)]
pub struct Text {
    /// Its sender.
    pub from: Life,
    /// When it was given to its sender.
    pub at: Instant,
    /// To whom.
    pub goal: Goal,
    /// Its last state, and when that was told.
    pub end: Option<(Instant, End)>,
    /// Who showed it, in that order.
    pub shown: Vec<Life>,
}

/// Everything that was sent, and what became of it.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The texts; the number of each is in its words and in its `ref`.
    pub texts: Vec<Text>,
    /// The processes.
    pub lives: Vec<LifeFacts>,
    /// What must never happen, whoever is killed.
    pub faults: Vec<String>,
    /// Round trips as the senders told them, in milliseconds.
    pub rtts: Vec<f64>,
    /// Warnings that no ACK came in time.
    pub ack_timeouts: u64,
    /// Peers that publications left out because they did not read fast enough.
    pub skipped: u64,
}

impl Ledger {
    /// A process of a node starts.
    pub fn born(&mut self, node: usize) -> Life {
        let (ready, killed) = (None, None);
        self.lives.push(LifeFacts {
            node,
            ready,
            killed,
        });
        self.lives.len() - 1
    }

    /// It is about to be killed.
    pub fn killed(&mut self, life: Life, now: Instant) {
        self.lives[life].killed = Some(now);
    }

    /// A text is about to be sent; gives its number.
    pub fn sending(&mut self, from: Life, to: Option<usize>, now: Instant) -> usize {
        let goal = match to {
            Some(node) => Goal::Node(node, self.living(node)),
            None => Goal::Everyone(None),
        };
        let (end, shown) = (None, Vec::new());
        self.texts.push(Text {
            from,
            at: now,
            goal,
            end,
            shown,
        });
        self.texts.len() - 1
    }

    /// A process printed this event.
    pub fn event(&mut self, life: Life, event: &Value, now: Instant) {
        let number = event["ref"].as_str().and_then(|it| it.parse().ok());
        match event["event"].as_str().unwrap_or_default() {
            "ready" => self.lives[life].ready = Some(now),
            "message" => self.shown(life, event),
            "sent" => self.sent(number, event),
            "delivered" => {
                self.rtts.extend(event["rtt_ms"].as_f64());
                self.ended(number, End::Delivered, event, now);
            }
            "unconfirmed" => self.ended(number, End::Unconfirmed, event, now),
            "failed" | "error" => self.ended(number, End::Failed, event, now),
            "ack_timeout" => {
                self.ack_timeouts += 1;
                self.ended(number, End::Late, event, now);
            }
            "reply" => {
                self.skipped += event["data"]["skipped"]
                    .as_array()
                    .map_or(0, |it| it.len() as u64)
            }
            "actor_restarting" | "peer_conflict" => self.faults.push(event.to_string()),
            _ => {}
        }
    }

    /// The direct texts without a last state whose sender lives.
    pub fn open(&self) -> usize {
        let is_open = |text: &&Text| {
            text.end.is_none()
                && matches!(text.goal, Goal::Node(..))
                && self.lives[text.from].killed.is_none()
        };
        self.texts.iter().filter(is_open).count()
    }

    /// The process of a node that is ready now.
    fn living(&self, node: usize) -> Option<Life> {
        let is_it = |it: &LifeFacts| it.node == node && it.ready.is_some() && it.killed.is_none();
        self.lives.iter().rposition(is_it)
    }

    fn shown(&mut self, life: Life, event: &Value) {
        let words = event["text"].as_str().unwrap_or_default();
        let number = words
            .split(' ')
            .next()
            .and_then(|it| it.parse::<usize>().ok());
        match number.and_then(|it| self.texts.get_mut(it)) {
            Some(text) => text.shown.push(life),
            None => self.faults.push(format!("shown, but never sent: {event}")),
        }
    }

    fn sent(&mut self, number: Option<usize>, event: &Value) {
        if let Some(text) = number.and_then(|it| self.texts.get_mut(it))
            && let Goal::Everyone(peers) = &mut text.goal
            && peers
                .replace(event["peers"].as_u64().unwrap_or_default())
                .is_some()
        {
            self.faults.push(format!("told twice: {event}"));
        }
    }

    fn ended(&mut self, number: Option<usize>, end: End, event: &Value, now: Instant) {
        let text = number.and_then(|it| self.texts.get_mut(it));
        let before = text.map(|text| text.end.replace((now, end)).map(|(_, end)| end));
        let is_right = match before {
            Some(None) => true,
            Some(Some(End::Late | End::Unconfirmed)) => end == End::Delivered,
            _ => false,
        };
        if !is_right {
            self.faults
                .push(format!("a last state behind {before:?}: {event}"));
        }
    }
}

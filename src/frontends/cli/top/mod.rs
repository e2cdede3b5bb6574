//! `/top`: the whole node at a glance, again every second. Here is what is seen, as plain data that a program may send
//! to another; `gather` asks a node for it, `draw` makes rows of it.

mod draw;
mod gather;
mod show;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use draw::draw;
pub use gather::{Sample, gather};

use super::terminal::Page;

/// What is seen.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Top {
    /// Who we are, unaltered.
    pub peer_id: String,
    /// Since when the node runs, in milliseconds.
    pub up_ms: f64,
    /// Links that peers opened.
    pub inbound: usize,
    /// Links that we opened.
    pub outbound: usize,
    /// Own direct messages that have not reached their last state.
    pub under_way: usize,
    /// The average time until an ACK, in milliseconds; 0 if there was none.
    pub ack_ms: f64,
    /// What was counted since the start.
    pub totals: Totals,
    /// How much of it came in a second, lately; none in the first look.
    pub rates: Option<Rates>,
    /// The known peers, those with a link first.
    pub peers: Vec<PeerLine>,
    /// The actors, by name.
    pub actors: Vec<ActorLine>,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Lines that came.
    pub lines_in: u64,
    /// Lines that left.
    pub lines_out: u64,
    /// Bytes that came.
    pub bytes_in: u64,
    /// Bytes that left.
    pub bytes_out: u64,
    /// Own texts.
    pub sent: u64,
    /// Own texts that were acknowledged.
    pub delivered: u64,
    /// Texts that were received and shown.
    pub received: u64,
}

/// The same by the second.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Rates {
    /// Lines that came.
    pub lines_in: f64,
    /// Lines that left.
    pub lines_out: f64,
    /// Bytes that came.
    pub bytes_in: f64,
    /// Bytes that left.
    pub bytes_out: f64,
}

/// A peer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeerLine {
    /// Its id, unaltered.
    pub peer: String,
    /// Whether it is connected.
    pub status: String,
    /// Its address, if one is known.
    pub address: Option<String>,
    /// Own messages that wait for it.
    pub queued: usize,
    /// The newest round-trip time in milliseconds, if one was measured.
    pub rtt_ms: Option<f64>,
    /// What 95 of 100 of the recent ones do not exceed.
    pub p95_ms: Option<f64>,
    /// The recent ones, oldest first.
    pub recent_ms: Vec<f64>,
}

/// An actor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ActorLine {
    /// Its name.
    pub actor: String,
    /// How often it failed and was replaced.
    pub restarts: u64,
    /// How long it is still away, if it is.
    pub backoff_ms: Option<f64>,
}

impl Totals {
    /// By the second, if this much was counted in these seconds.
    pub fn since(&self, before: &Self, seconds: f64) -> Option<Rates> {
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
        (seconds > 0.0).then(|| Rates {
            lines_in: rate(self.lines_in, before.lines_in),
            lines_out: rate(self.lines_out, before.lines_out),
            bytes_in: rate(self.bytes_in, before.bytes_in),
            bytes_out: rate(self.bytes_out, before.bytes_out),
        })
    }
}

impl Page for Top {
    fn rows(&self, columns: usize, rows: usize, held: u64) -> Vec<String> {
        let mut lines = draw(self, columns, rows.saturating_sub(1));
        lines.resize(rows.saturating_sub(1), String::new());
        lines.push(draw::foot(columns, held));
        lines
    }
}

/// For the terminal.
pub fn page(top: Top) -> Arc<dyn Page> {
    Arc::new(top)
}

//! The budget towards a rendezvous, which all nodes behind one address share (protocol text, section 4).

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// What all nodes behind one address may ask in a minute. The public server blocks an address at its 51st connection
/// in a minute; the ten places between are for UNREGISTER and for clients that know no budget.
pub const REQUESTS_PER_MINUTE: usize = 40;

/// What one node may ask in a minute on loopback, where no budget is kept until the rendezvous has blocked us once.
/// Only a guard against a fault of our own.
pub const LOOPBACK_REQUESTS_PER_MINUTE: usize = 300;

/// The window in which the server counts.
const WINDOW: Duration = Duration::from_secs(60);

/// When the next request may be made, given those of the last minutes.
#[derive(Debug, Clone, Default)]
pub struct Budget {
    /// The last requests, oldest first, at most [`LOOPBACK_REQUESTS_PER_MINUTE`].
    sent: VecDeque<Instant>,
    /// How many nodes share our address, as the last answer showed; 0 while unknown.
    sharers: usize,
    loopback: bool,
    blocked_before: bool,
}

impl Budget {
    /// The earliest moment for the next request, `now` if there is room. UNREGISTER need not ask.
    pub fn next_free(&self, now: Instant) -> Instant {
        let (most, window) = self.limit();
        let nth = self.sent.len().checked_sub(most);
        nth.and_then(|nth| self.sent.get(nth))
            .map_or(now, |at| now.max(*at + window))
    }

    /// A request was sent.
    pub fn spend(&mut self, now: Instant) {
        if self.sent.len() == LOOPBACK_REQUESTS_PER_MINUTE {
            self.sent.pop_front();
        }
        self.sent.push_back(now);
    }

    /// An answer came from a server that is, or is not, on this machine.
    pub fn answered_from(&mut self, loopback: bool) {
        self.loopback = loopback;
    }

    /// An answer listed so many records with our own address.
    pub fn shared_by(&mut self, nodes: usize) {
        self.sharers = nodes;
    }

    /// The server blocked our address: from now on the budget holds on loopback, too.
    pub fn blocked(&mut self) {
        self.blocked_before = true;
    }

    /// Whether requests are limited at all.
    pub fn applies(&self) -> bool {
        !self.loopback || self.blocked_before
    }

    /// Requests of the last minute, by this node alone.
    pub fn recent(&self, now: Instant) -> usize {
        let is_recent = |at: &&Instant| now.saturating_duration_since(**at) < WINDOW;
        self.sent.iter().rev().take_while(is_recent).count()
    }

    /// How many nodes share our address, ourselves included.
    pub fn sharers(&self) -> usize {
        self.sharers.max(1)
    }

    /// The share of this node: so many requests in such a time. With more nodes than requests the time grows.
    fn limit(&self) -> (usize, Duration) {
        if !self.applies() {
            return (LOOPBACK_REQUESTS_PER_MINUTE, WINDOW);
        }
        let nodes = self.sharers();
        let most = (REQUESTS_PER_MINUTE / nodes).max(1);
        let fair = WINDOW.as_secs_f64() * nodes as f64 / REQUESTS_PER_MINUTE as f64;
        (most, WINDOW.max(Duration::from_secs_f64(fair)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many requests an eager node makes in `minutes`.
    fn eager(mut budget: Budget, minutes: u64) -> usize {
        let start = Instant::now();
        let mut now = start;
        for made in 0.. {
            now = budget.next_free(now);
            if now >= start + WINDOW * u32::try_from(minutes).unwrap() {
                return made;
            }
            budget.spend(now);
        }
        unreachable!("the budget never runs out");
    }

    fn shared_by(nodes: usize) -> Budget {
        let mut budget = Budget::default();
        budget.shared_by(nodes);
        budget
    }

    #[test]
    fn forty_requests_a_minute_are_divided_by_the_nodes_behind_the_address() {
        for (nodes, minutes, requests) in [
            (0, 1, 40),
            (1, 3, 120),
            (3, 1, 13),
            (30, 3, 3),
            (60, 3, 2),
            (60, 6, 4),
        ] {
            assert_eq!(eager(shared_by(nodes), minutes), requests, "{nodes} nodes");
        }
    }

    #[test]
    fn loopback_is_limited_only_after_a_block() {
        let mut budget = Budget::default();
        budget.answered_from(true);
        assert_eq!(eager(budget.clone(), 1), LOOPBACK_REQUESTS_PER_MINUTE);
        budget.blocked();
        assert_eq!(eager(budget, 1), REQUESTS_PER_MINUTE);
    }

    #[test]
    fn a_smaller_share_holds_at_once() {
        let now = Instant::now();
        let mut budget = Budget::default();
        budget.spend(now);
        assert_eq!(budget.next_free(now), now);
        budget.shared_by(60);
        assert_eq!(budget.next_free(now), now + Duration::from_secs(90));
    }
}

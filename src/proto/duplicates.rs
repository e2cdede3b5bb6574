//! The duplicate filter of received texts: a repeated SEND is acknowledged again and shown once.

use std::{
    collections::{HashSet, VecDeque},
    hash::BuildHasher,
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;

/// Remembers what one peer sent, by (msg_id, payload), since some clients' ids repeat between messages. Bounded in
/// number and age; keyed by the link's peer, so a stranger cannot suppress another's texts. Whoever finds two texts of
/// one hash suppresses a text of its own, so a fast hash will do; it is seeded anew for each peer.
#[derive(Debug)]
pub struct Duplicates {
    ids_max: usize,
    age_max: Duration,
    seen: HashSet<u64, RandomState>,
    order: VecDeque<(Instant, u64)>,
    hasher: RandomState,
}

impl Duplicates {
    /// A filter that remembers at most `ids_max` texts for at most `age_max`.
    pub fn new(ids_max: usize, age_max: Duration) -> Self {
        Self {
            ids_max,
            age_max,
            seen: HashSet::default(),
            order: VecDeque::new(),
            hasher: RandomState::default(),
        }
    }

    /// Whether this text is new; from now on it is not.
    pub fn is_new(&mut self, now: Instant, msg_id: &str, payload: &str) -> bool {
        self.forget_old(now);
        let key = self.hasher.hash_one((msg_id, payload));
        if !self.seen.insert(key) {
            return false;
        }
        self.order.push_back((now, key));
        if self.order.len() > self.ids_max {
            self.forget_oldest();
        }
        true
    }

    /// Whether nothing is remembered any more.
    pub fn is_empty(&mut self, now: Instant) -> bool {
        self.forget_old(now);
        self.order.is_empty()
    }

    fn forget_old(&mut self, now: Instant) {
        let age = |at: &Instant| now.saturating_duration_since(*at);
        while self
            .order
            .front()
            .is_some_and(|(at, _)| age(at) > self.age_max)
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.order.pop_front() {
            self.seen.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_id_with_another_text_is_another_message() {
        let now = Instant::now();
        let mut filter = Duplicates::new(10, Duration::from_secs(600));
        assert!(filter.is_new(now, "msg-1", "a"));
        assert!(!filter.is_new(now, "msg-1", "a"));
        assert!(filter.is_new(now, "msg-1", "b"));
        assert!(filter.is_new(now, "msg-2", "a"));
    }

    #[test]
    fn memory_is_bounded_in_number_and_age() {
        let now = Instant::now();
        let mut filter = Duplicates::new(2, Duration::from_secs(600));
        for id in ["1", "2", "3"] {
            assert!(filter.is_new(now, id, ""));
        }
        assert!(filter.is_new(now, "1", ""), "the oldest was forgotten");
        assert!(!filter.is_new(now, "3", ""));
        assert_eq!(filter.seen.len(), 2);
        let later = now + Duration::from_secs(601);
        assert!(filter.is_empty(later));
        assert!(filter.is_new(later, "3", ""));
    }
}

//! How often actors were restarted, by their name; and what they wait for now.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;

/// A number for each actor. The names are few: those that the node gives its actors.
#[derive(Debug, Default)]
pub struct ByActor(Mutex<BTreeMap<&'static str, Restarts>>);

/// What is known of the restarts of one actor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Restarts {
    /// How often it was replaced.
    pub count: u64,
    /// When the next incarnation starts, or started.
    pub back_at: Option<Instant>,
}

impl ByActor {
    /// An actor that is watched: it is listed, also without any restart.
    pub fn watch(&self, actor: &'static str) {
        self.0.lock().entry(actor).or_default();
    }

    /// An actor failed at `now`; the next incarnation starts after `delay`.
    pub fn failed(&self, actor: &'static str, now: Instant, delay: Duration) {
        let mut table = self.0.lock();
        let restarts = table.entry(actor).or_default();
        restarts.count += 1;
        restarts.back_at = Some(now + delay);
    }

    /// All actors, by name.
    pub fn list(&self) -> Vec<(&'static str, Restarts)> {
        self.0
            .lock()
            .iter()
            .map(|(name, it)| (*name, *it))
            .collect()
    }
}

impl Restarts {
    /// How long the actor is still away at `now`; none while it runs.
    pub fn backoff(&self, now: Instant) -> Option<Duration> {
        let left = self.back_at?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_are_counted_for_each_actor_and_the_pause_passes() {
        let (table, now) = (ByActor::default(), Instant::now());
        table.watch("router");
        table.failed("ping", now, Duration::from_secs(1));
        table.failed("ping", now, Duration::from_secs(2));
        let rows = table.list();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].0, rows[0].1.count), ("ping", 2));
        assert_eq!(rows[0].1.backoff(now), Some(Duration::from_secs(2)));
        assert_eq!(rows[0].1.backoff(now + Duration::from_secs(2)), None);
        assert_eq!((rows[1].0, rows[1].1.count), ("router", 0));
        assert_eq!(rows[1].1.backoff(now), None);
    }
}

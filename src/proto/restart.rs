//! The supervision policy: whether and when an actor that failed is replaced. Pure; the supervisor applies it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::backoff::Backoff;

/// The limits of one actor's supervision (settings section `supervision`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RestartPolicy {
    /// How the waits grow from failure to failure.
    pub backoff: Backoff,
    /// An incarnation that lived this long was stable: the next wait is the first again.
    pub stable_after: Duration,
    /// The window in which failures are counted.
    pub window: Duration,
    /// With more failures than this inside the window the actor is given up.
    pub failures_max: usize,
}

/// What to do about an incarnation that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Start the next incarnation after this wait.
    RestartAfter(Duration),
    /// Too many failures inside the window: start none.
    GiveUp,
}

/// The failures of one actor so far.
#[derive(Debug, Clone)]
pub struct Restarts {
    policy: RestartPolicy,
    attempt: u32,
    recent: VecDeque<Instant>,
}

impl Restarts {
    /// No failure yet.
    pub fn new(policy: RestartPolicy) -> Self {
        Self {
            policy,
            attempt: 0,
            recent: VecDeque::new(),
        }
    }

    /// An incarnation that lived for `uptime` failed at `now`; `random` in 0.0 to 1.0 chooses the jitter.
    pub fn failed(&mut self, now: Instant, uptime: Duration, random: f64) -> Verdict {
        if uptime >= self.policy.stable_after {
            self.attempt = 0;
        }
        self.attempt = self.attempt.saturating_add(1);
        self.recent.push_back(now);
        while self.outside_window(now) {
            self.recent.pop_front();
        }
        if self.recent.len() > self.policy.failures_max {
            return Verdict::GiveUp;
        }
        Verdict::RestartAfter(self.policy.backoff.delay(self.attempt, random))
    }

    fn outside_window(&self, now: Instant) -> bool {
        self.recent
            .front()
            .is_some_and(|at| now.saturating_duration_since(*at) > self.policy.window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RestartPolicy = RestartPolicy {
        backoff: Backoff {
            base: Duration::from_millis(500),
            factor: 2.0,
            cap: Duration::from_secs(30),
        },
        stable_after: Duration::from_secs(30),
        window: Duration::from_secs(60),
        failures_max: 3,
    };

    fn after(seconds: u64, start: Instant) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn waits_grow_until_an_incarnation_was_stable() {
        let start = Instant::now();
        let mut restarts = Restarts::new(POLICY);
        let second = Duration::from_secs(1);
        let wait = |ms| Verdict::RestartAfter(Duration::from_millis(ms));
        assert_eq!(restarts.failed(start, second, 0.0), wait(500));
        assert_eq!(restarts.failed(after(2, start), second, 0.0), wait(1000));
        let stable = Duration::from_secs(30);
        assert_eq!(restarts.failed(after(40, start), stable, 0.0), wait(500));
    }

    #[test]
    fn too_many_failures_inside_the_window_give_up() {
        let start = Instant::now();
        let mut restarts = Restarts::new(POLICY);
        for at in 0..3 {
            let verdict = restarts.failed(after(at, start), Duration::ZERO, 0.0);
            assert_ne!(verdict, Verdict::GiveUp);
        }
        assert_eq!(
            restarts.failed(after(3, start), Duration::ZERO, 0.0),
            Verdict::GiveUp
        );
    }

    #[test]
    fn failures_outside_the_window_do_not_count() {
        let start = Instant::now();
        let mut restarts = Restarts::new(POLICY);
        for at in 0..20 {
            let verdict = restarts.failed(after(at * 25, start), Duration::ZERO, 0.0);
            assert_ne!(verdict, Verdict::GiveUp, "failure at {} s", at * 25);
        }
    }
}

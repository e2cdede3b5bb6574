//! When to ask for records: quickly after a start, then at the discovery interval.

use std::time::{Duration, Instant};

/// Seconds after a start, `/reconnect`, a changed network or waking from sleep at which records are asked for.
const QUICK_SECONDS: [u64; 6] = [0, 2, 4, 8, 16, 32];

/// The least time between two requests made because links ended; ten links often end together.
const LINK_ENDED_GAP: Duration = Duration::from_secs(1);

/// The times of DISCOVER. Missed ones are not made up for.
#[derive(Debug, Clone)]
pub struct Schedule {
    started: Instant,
    due: Instant,
    last: Option<Instant>,
    interval: Duration,
}

impl Schedule {
    /// Starts with the quick times.
    pub fn new(now: Instant, interval: Duration) -> Self {
        Self {
            started: now,
            due: now,
            last: None,
            interval,
        }
    }

    /// Starts the quick times anew.
    pub fn restart(&mut self, now: Instant) {
        self.started = now;
        self.due = now;
    }

    /// Changes the interval behind the quick times.
    pub fn set_interval(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// Asks once as soon as possible.
    pub fn ask_now(&mut self, now: Instant) {
        self.due = self.due.min(now);
    }

    /// Asks as soon as possible, but not again within a second of the last request.
    pub fn ask_soon(&mut self, now: Instant) {
        let earliest = self.last.map_or(now, |last| now.max(last + LINK_ENDED_GAP));
        self.due = self.due.min(earliest);
    }

    /// The next request is due then.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// A DISCOVER was sent.
    pub fn asked(&mut self, now: Instant) {
        self.last = Some(now);
        let quick = QUICK_SECONDS.map(|seconds| self.started + Duration::from_secs(seconds));
        let regular = now + self.interval;
        let next_quick = quick.into_iter().find(|at| *at > now);
        self.due = next_quick.map_or(regular, |at| at.min(regular));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: usize, interval: u64) -> Vec<u64> {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, Duration::from_secs(interval));
        let ask = |_| {
            let at = schedule.due();
            schedule.asked(at);
            at.duration_since(start).as_secs()
        };
        (0..count).map(ask).collect()
    }

    #[test]
    fn quick_times_come_first_and_then_the_interval() {
        assert_eq!(seconds(8, 60), [0, 2, 4, 8, 16, 32, 92, 152]);
    }

    #[test]
    fn an_interval_shorter_than_a_quick_gap_wins() {
        assert_eq!(seconds(7, 5), [0, 2, 4, 8, 13, 16, 21]);
    }

    #[test]
    fn missed_quick_times_are_not_made_up_for() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut schedule = Schedule::new(start, Duration::from_secs(60));
        schedule.asked(after(9));
        assert_eq!(schedule.due(), after(16));
    }

    #[test]
    fn links_that_end_together_make_one_request() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, Duration::from_secs(60));
        schedule.asked(start + Duration::from_secs(100));
        let now = start + Duration::from_secs(100) + Duration::from_millis(300);
        schedule.ask_soon(now);
        assert_eq!(schedule.due(), start + Duration::from_secs(101));
        schedule.ask_now(now);
        assert_eq!(schedule.due(), now);
    }
}

//! When the next message is due. Pure.

use std::time::{Duration, Instant};

/// What was missed beyond this, for the target was slow, is not caught up with.
const BEHIND_MAX: Duration = Duration::from_millis(20);

/// An even pace.
#[derive(Debug)]
pub(super) struct Pace {
    interval: Duration,
    next: Instant,
}

impl Pace {
    /// So many a second, the first at once.
    pub(super) fn new(rate: f64, now: Instant) -> Self {
        Self {
            interval: Duration::from_secs_f64(1.0 / rate),
            next: now,
        }
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// One was sent.
    pub(super) fn sent(&mut self, now: Instant) {
        let oldest = now.checked_sub(BEHIND_MAX).unwrap_or(now);
        self.next = (self.next + self.interval).max(oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_not_caught_up_with_in_a_burst() {
        let start = Instant::now();
        let mut pace = Pace::new(1000.0, start);
        let after = |millis| start + Duration::from_millis(millis);
        for number in 0..5 {
            assert_eq!(pace.next(), after(number));
            pace.sent(after(number));
        }
        pace.sent(after(1000));
        assert_eq!(pace.next(), after(980));
    }
}

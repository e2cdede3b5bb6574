//! Notices that the machine slept: the wall clock went on while the monotonic clock stood still.

use std::time::{Duration, Instant, SystemTime};

/// So much more time on the wall clock means a sleep (or a wall clock that was set forward, which does no harm).
const JUMP: Duration = Duration::from_secs(10);

/// Two clocks, read together from time to time.
#[derive(Debug, Clone, Copy)]
pub struct SleepWatch {
    monotonic: Instant,
    wall: SystemTime,
}

impl SleepWatch {
    /// Both clocks now.
    pub fn new(monotonic: Instant, wall: SystemTime) -> Self {
        Self { monotonic, wall }
    }

    /// Whether the machine slept since the last look.
    pub fn slept(&mut self, monotonic: Instant, wall: SystemTime) -> bool {
        let awake = monotonic.saturating_duration_since(self.monotonic);
        let passed = wall.duration_since(self.wall).unwrap_or_default();
        *self = Self { monotonic, wall };
        passed.saturating_sub(awake) >= JUMP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(awake: u64, wall: i64, slept: bool) {
        let (start, midnight) = (Instant::now(), SystemTime::now());
        let mut watch = SleepWatch::new(start, midnight);
        let by = Duration::from_secs(wall.unsigned_abs());
        let wall = if wall < 0 {
            midnight - by
        } else {
            midnight + by
        };
        let later = start + Duration::from_secs(awake);
        assert_eq!(watch.slept(later, wall), slept);
        assert!(!watch.slept(later, wall), "told twice");
    }

    #[test]
    fn only_a_wall_clock_far_ahead_means_a_sleep() {
        check(5, 5, false);
        check(5, 12, false);
        check(5, 15, true);
        check(5, 3600, true);
        check(5, -3600, false);
        check(3600, 5, false);
    }
}

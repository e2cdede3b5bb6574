//! Exponential backoff with a cap and jitter, shared by redialling, supervision and the rendezvous client.

use std::time::Duration;

/// How long to wait before attempt 1, 2, 3 …: `base * factor^(attempt - 1)`, at most `cap`, less up to a quarter
/// as jitter, so that nodes which failed together do not return together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// The wait before the first attempt, without jitter.
    pub base: Duration,
    /// What each further wait is multiplied by; 1.0 or more.
    pub factor: f64,
    /// The longest wait.
    pub cap: Duration,
}

/// The part of a wait that jitter may take away.
const JITTER: f64 = 0.25;

impl Backoff {
    /// The wait before `attempt` (from 1), with `random` in 0.0 to 1.0 choosing the jitter.
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        let exponent = f64::from(attempt.saturating_sub(1).min(64));
        let seconds = self.base.as_secs_f64() * self.factor.max(1.0).powf(exponent);
        let capped = seconds.min(self.cap.as_secs_f64());
        Duration::from_secs_f64(capped * (1.0 - JITTER * random.clamp(0.0, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REDIAL: Backoff = Backoff {
        base: Duration::from_secs(1),
        factor: 2.0,
        cap: Duration::from_secs(60),
    };

    #[test]
    fn waits_double_up_to_the_cap() {
        let waits: Vec<u64> = (1..=8).map(|n| REDIAL.delay(n, 0.0).as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn jitter_only_shortens_and_by_a_quarter_at_most() {
        assert_eq!(REDIAL.delay(3, 1.0), Duration::from_secs(3));
        assert_eq!(REDIAL.delay(3, 7.0), Duration::from_secs(3));
    }

    #[test]
    fn a_huge_attempt_number_stays_at_the_cap() {
        assert_eq!(REDIAL.delay(u32::MAX, 0.0), Duration::from_secs(60));
        assert_eq!(REDIAL.delay(0, 0.0), Duration::from_secs(1));
    }
}

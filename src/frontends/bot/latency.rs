//! How long messages took, in bounded memory however many they are: counts in buckets that are 3 % wide. Pure.

use std::time::Duration;

/// Buckets for each doubling of the time.
const STEPS: u32 = 32;

/// Doublings from a microsecond on: the last is above an hour.
const DOUBLINGS: u32 = 33;

/// What was measured.
#[derive(Debug, Clone)]
pub(super) struct Latency {
    counts: Vec<u64>,
    total: u64,
    max: Duration,
}

impl Default for Latency {
    fn default() -> Self {
        let buckets = usize::try_from(STEPS * DOUBLINGS).unwrap_or_default();
        Self {
            counts: vec![0; buckets],
            total: 0,
            max: Duration::ZERO,
        }
    }
}

impl Latency {
    /// One more.
    pub(super) fn add(&mut self, time: Duration) {
        let micros = (time.as_secs_f64() * 1e6).max(1.0);
        // A time is never negative, and one above all buckets counts in the last.
        let bucket = (micros.log2() * f64::from(STEPS)) as usize;
        let last = self.counts.len() - 1;
        self.counts[bucket.min(last)] += 1;
        self.total += 1;
        self.max = self.max.max(time);
    }

    /// So many of a thousand took no longer than this; none if nothing was measured.
    pub(super) fn permille(&self, permille: u64) -> Option<Duration> {
        let wanted = (self.total * permille).div_ceil(1000).max(1);
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        let middle = (bucket as f64 + 0.5) / f64::from(STEPS);
        Some(Duration::from_secs_f64(middle.exp2() / 1e6).min(self.max))
    }

    /// The longest; none if nothing was measured.
    pub(super) fn max(&self) -> Option<Duration> {
        (self.total > 0).then_some(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_within_three_percent() {
        let mut latency = Latency::default();
        assert_eq!((latency.permille(500), latency.max()), (None, None));
        for millis in 1..=1000 {
            latency.add(Duration::from_millis(millis));
        }
        for (permille, expected) in [(500, 0.5), (990, 0.99), (1000, 1.0), (1, 0.001)] {
            let found = latency.permille(permille).unwrap().as_secs_f64();
            assert!((found / expected - 1.0).abs() < 0.03, "{permille}: {found}");
        }
        assert_eq!(latency.max(), Some(Duration::from_secs(1)));
    }

    #[test]
    fn any_time_has_a_bucket() {
        let mut latency = Latency::default();
        for time in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
            latency.add(time);
        }
        assert!(latency.permille(1000) > Some(Duration::from_secs(3600)));
        assert!(latency.permille(1).unwrap() <= Duration::from_micros(2));
    }
}

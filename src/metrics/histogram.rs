//! Lengths of time in buckets, without a lock: what is measured at every message costs two atomic additions.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// The upper bounds of the buckets, in microseconds: from a link on one machine to a peer that is nearly given up.
const BOUNDS_US: [u64; 14] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000,
    5_000_000, 30_000_000,
];

/// How many lengths of time lay in which range.
#[derive(Debug, Default)]
pub struct Histogram {
    /// One for each bound, and one for what is longer than all.
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

/// What a histogram had at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// The upper bound of each bucket in seconds, the last one without end, and how many lay in it alone.
    pub buckets: Vec<(f64, u64)>,
    /// How many there were.
    pub count: u64,
    /// All of them together, in seconds.
    pub sum: f64,
}

impl Histogram {
    /// Adds one.
    pub fn record(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.partition_point(|bound| *bound < micros);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(micros, Ordering::Relaxed);
    }

    /// What there is now.
    pub fn now(&self) -> Distribution {
        let counts = self.buckets.iter().map(|it| it.load(Ordering::Relaxed));
        let bounds = BOUNDS_US
            .iter()
            .map(|it| seconds(*it))
            .chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        Distribution {
            count: buckets.iter().map(|(_, count)| count).sum(),
            sum: seconds(self.sum_us.load(Ordering::Relaxed)),
            buckets,
        }
    }
}

impl Distribution {
    /// The average; zero if there is none.
    pub fn average(&self) -> Duration {
        match self.count {
            0 => Duration::ZERO,
            count => Duration::from_secs_f64(self.sum / count as f64),
        }
    }
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_lies_in_the_bucket_whose_bound_it_does_not_exceed() {
        for (micros, bound) in [
            (0, 0.0001),
            (100, 0.0001),
            (101, 0.00025),
            (1_000, 0.001),
            (30_000_000, 30.0),
            (30_000_001, f64::INFINITY),
        ] {
            let histogram = Histogram::default();
            histogram.record(Duration::from_micros(micros));
            let filled: Vec<_> = histogram
                .now()
                .buckets
                .into_iter()
                .filter(|it| it.1 > 0)
                .collect();
            assert_eq!(filled, [(bound, 1)], "{micros}");
        }
    }

    #[test]
    fn sum_count_and_average_are_those_of_all() {
        let histogram = Histogram::default();
        assert_eq!(histogram.now().average(), Duration::ZERO);
        for ms in [1, 2, 6] {
            histogram.record(Duration::from_millis(ms));
        }
        let now = histogram.now();
        assert_eq!((now.count, now.sum), (3, 0.009));
        assert_eq!(now.average(), Duration::from_millis(3));
    }
}

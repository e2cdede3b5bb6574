//! Round-trip times of one link: the newest, the least, the average, the jitter, and a window of the last ones.

use std::time::Duration;

/// Round-trip times that are remembered one by one.
pub const RECENT_MAX: usize = 32;

/// Round-trip times of one link or peer.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rtt {
    /// The newest.
    pub last: Duration,
    /// The shortest.
    pub min: Duration,
    /// The mean deviation of neighbours, smoothed as in RFC 3550, section 6.4.1.
    pub jitter: Duration,
    /// How many were measured; with none the other fields say nothing.
    pub count: u32,
    sum: Duration,
    window: Window,
}

impl Rtt {
    /// Adds a measurement.
    pub fn add(&mut self, rtt: Duration) {
        if self.count > 0 {
            let deviation = rtt.abs_diff(self.last);
            let step = (deviation.as_secs_f64() - self.jitter.as_secs_f64()) / 16.0;
            let jitter = (self.jitter.as_secs_f64() + step).max(0.0);
            self.jitter = Duration::from_secs_f64(jitter);
        }
        self.min = if self.count == 0 {
            rtt
        } else {
            self.min.min(rtt)
        };
        self.last = rtt;
        self.count = self.count.saturating_add(1);
        self.sum = self.sum.saturating_add(rtt);
        self.window.add(rtt);
    }

    /// The last [`RECENT_MAX`], oldest first.
    pub fn recent(&self) -> Vec<Duration> {
        self.window.all()
    }

    /// What 95 of 100 of the recent ones do not exceed (nearest rank); zero if none was measured.
    pub fn p95(&self) -> Duration {
        let mut recent = self.recent();
        recent.sort_unstable();
        let rank = (recent.len() * 95).div_ceil(100);
        let at = rank.checked_sub(1).and_then(|at| recent.get(at));
        at.copied().unwrap_or_default()
    }

    /// The average; zero if none was measured.
    pub fn average(&self) -> Duration {
        self.sum.checked_div(self.count).unwrap_or_default()
    }
}

/// The last times, in microseconds; a longer one than an hour counts as that. Its size is fixed: there is one per link.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Window {
    micros: [u32; RECENT_MAX],
    /// How many were ever added.
    added: usize,
}

impl Window {
    fn add(&mut self, time: Duration) {
        let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        self.micros[self.added % RECENT_MAX] = micros;
        self.added = self.added.wrapping_add(1);
    }

    fn all(&self) -> Vec<Duration> {
        let first = self.added.saturating_sub(RECENT_MAX);
        let at = |number: usize| self.micros[number % RECENT_MAX];
        (first..self.added)
            .map(|number| Duration::from_micros(at(number).into()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_times_give_last_least_average_and_jitter() {
        let mut rtt = Rtt::default();
        assert_eq!(rtt.average(), Duration::ZERO);
        for ms in [40, 20, 60] {
            rtt.add(Duration::from_millis(ms));
        }
        assert_eq!(rtt.last, Duration::from_millis(60));
        assert_eq!(rtt.min, Duration::from_millis(20));
        assert_eq!(rtt.average(), Duration::from_millis(40));
        // 20/16 = 1.25, then 1.25 + (40 - 1.25)/16
        assert_eq!(rtt.jitter.as_micros(), 3671);
    }

    #[test]
    fn the_window_has_the_last_ones_oldest_first() {
        let mut rtt = Rtt::default();
        assert_eq!((rtt.recent(), rtt.p95()), (vec![], Duration::ZERO));
        for ms in 1..=40 {
            rtt.add(Duration::from_millis(ms));
        }
        let expected: Vec<Duration> = (9..=40).map(Duration::from_millis).collect();
        assert_eq!(rtt.recent(), expected);
        assert_eq!((rtt.count, rtt.min), (40, Duration::from_millis(1)));
    }

    #[test]
    fn p95_is_the_nearest_rank_of_the_window() {
        for (count, expected) in [(1, 1), (2, 2), (19, 19), (20, 19), (21, 20), (32, 31)] {
            let mut rtt = Rtt::default();
            for ms in (1..=count).rev() {
                rtt.add(Duration::from_millis(ms));
            }
            assert_eq!(rtt.p95(), Duration::from_millis(expected), "{count}");
        }
    }

    #[test]
    fn a_time_beyond_the_window_s_numbers_is_the_longest_it_knows() {
        let mut rtt = Rtt::default();
        rtt.add(Duration::from_secs(1_000_000));
        assert_eq!(rtt.p95(), Duration::from_micros(u32::MAX.into()));
    }
}

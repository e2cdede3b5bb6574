//! Keep-alive of one link: when to PING, and when a silent link is dead. And the round-trip times it measures.

use std::time::{Duration, Instant};

/// The limits of keep-alive (settings section `connection`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAliveLimits {
    /// The time between two PINGs, on every link and in both directions.
    pub interval: Duration,
    /// A link without any byte for so many intervals is dead.
    pub dead_after: u32,
}

impl KeepAliveLimits {
    /// How long a living link is never silent.
    pub fn silence_max(&self) -> Duration {
        self.interval * self.dead_after
    }
}

/// What a link needs now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// A PING.
    Ping,
    /// An end: it has been silent for too long.
    Close,
}

/// The keep-alive of one link.
#[derive(Debug, Clone)]
pub struct KeepAlive {
    limits: KeepAliveLimits,
    next_ping: Instant,
    /// The measured round-trip times.
    pub rtt: Rtt,
}

impl KeepAlive {
    /// A link that opened at `now`. Its first PING comes soon, so that a round-trip time is known; it waits for
    /// half a second because some clients want no line right behind their handshake.
    pub fn new(limits: KeepAliveLimits, now: Instant) -> Self {
        Self {
            limits,
            next_ping: now + limits.interval.min(Duration::from_millis(500)),
            rtt: Rtt::default(),
        }
    }

    /// What is due at `now`, if the last byte came at `heard`.
    pub fn check(&mut self, now: Instant, heard: Instant) -> Need {
        if now.saturating_duration_since(heard) >= self.limits.silence_max() {
            return Need::Close;
        }
        if now < self.next_ping {
            return Need::Nothing;
        }
        // From the time it was due: a late tick must not stretch the interval of all that follow.
        let next = self.next_ping + self.limits.interval;
        self.next_ping = match next > now {
            true => next,
            false => now + self.limits.interval,
        };
        Need::Ping
    }
}

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
    }

    /// The average; zero if none was measured.
    pub fn average(&self) -> Duration {
        self.sum.checked_div(self.count).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: KeepAliveLimits = KeepAliveLimits {
        interval: Duration::from_secs(30),
        dead_after: 3,
    };

    #[test]
    fn a_link_is_pinged_soon_after_opening_and_then_every_interval() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut link = KeepAlive::new(LIMITS, start);
        let needs: Vec<Need> = [0, 499, 500, 501, 30_499, 30_500, 60_499]
            .map(|ms| link.check(at(ms), at(ms)))
            .into();
        use Need::{Nothing, Ping};
        assert_eq!(
            needs,
            [Nothing, Nothing, Ping, Nothing, Nothing, Ping, Nothing]
        );
    }

    #[test]
    fn late_ticks_do_not_add_up() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut link = KeepAlive::new(LIMITS, start);
        assert_eq!(link.check(at(900), at(900)), Need::Ping);
        assert_eq!(link.check(at(30_500), at(30_500)), Need::Ping);
        // After a long sleep of the machine there is no burst.
        let needs = [500_000, 500_000, 500_001, 530_000].map(|ms| link.check(at(ms), at(ms)));
        use Need::{Nothing, Ping};
        assert_eq!(needs, [Ping, Nothing, Nothing, Ping]);
    }

    #[test]
    fn three_intervals_without_a_byte_are_the_end_whatever_was_pinged() {
        let start = Instant::now();
        let mut link = KeepAlive::new(LIMITS, start);
        let almost = start + Duration::from_millis(89_999);
        assert_eq!(link.check(almost, start), Need::Ping);
        assert_eq!(
            link.check(start + Duration::from_secs(90), start),
            Need::Close
        );
        let heard = start + Duration::from_secs(1);
        assert_eq!(
            link.check(start + Duration::from_secs(90), heard),
            Need::Nothing
        );
    }

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
}

//! Keep-alive of one link: when to PING, and when a silent link is dead.

use std::time::{Duration, Instant};

use super::rtt::Rtt;

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

    /// When [`KeepAlive::check`] is next to be asked, if nothing comes after `heard`.
    pub fn due(&self, heard: Instant) -> Instant {
        self.next_ping.min(heard + self.limits.silence_max())
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
    fn before_it_is_due_a_link_needs_nothing() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut link = KeepAlive::new(LIMITS, start);
        assert_eq!(link.due(start), at(500));
        link.check(at(500), start);
        assert_eq!(link.due(start), at(30_500));
        link.check(at(60_500), start);
        assert_eq!(link.due(start), at(90_000), "by then it is dead");
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
}

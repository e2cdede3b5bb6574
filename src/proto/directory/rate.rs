//! The login rate limit: how many connections one address may open, whatever it says on them.
//!
//! The connection above the limit is closed without a word and starts a block; those that follow are told so.
//! Knows no sockets and no clock; whether an address is exempt is its caller's decision.

use std::{
    collections::VecDeque,
    net::IpAddr,
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use lru::LruCache;

/// What to do with a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Serve it.
    Admitted,
    /// Close it without a word: the one above the limit, with which the block begins.
    OverLimit,
    /// Tell it to come back after this time, without reading its request.
    Blocked(Duration),
}

/// The most addresses that are remembered; beyond that the one that was silent longest is forgotten, and so starts
/// anew. With the default limit that is some ten MiB.
pub const ADDRESSES_MAX: NonZeroUsize = NonZeroUsize::new(16_384).expect("not zero");

/// A sliding window over the connections of each address.
#[derive(Debug)]
pub struct LoginRate {
    limit: usize,
    window: Duration,
    addresses: LruCache<IpAddr, State>,
}

#[derive(Debug)]
enum State {
    /// When it connected, at most `limit` times inside the window.
    Counting(VecDeque<Instant>),
    BlockedUntil(Instant),
}

impl LoginRate {
    /// At most `limit` connections of one address in any `window`; a block lasts as long as the window. A limit of 0
    /// is none.
    pub fn new(limit: u32, window: Duration) -> Self {
        Self {
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            window,
            addresses: LruCache::new(ADDRESSES_MAX),
        }
    }

    /// A connection from `address` at `now`. Each counts, even one that never sends anything; those during a block
    /// do not lengthen it. An exempt address is admitted and not counted.
    pub fn connected(&mut self, now: Instant, address: IpAddr, is_exempt: bool) -> Admission {
        if is_exempt || self.limit == 0 {
            return Admission::Admitted;
        }
        let state = self
            .addresses
            .get_or_insert_mut(address.to_canonical(), State::new);
        state.connected(now, self.limit, self.window)
    }
}

impl State {
    fn new() -> Self {
        Self::Counting(VecDeque::new())
    }

    fn connected(&mut self, now: Instant, limit: usize, window: Duration) -> Admission {
        if let Self::BlockedUntil(end) = self {
            let wait = end.saturating_duration_since(now);
            if !wait.is_zero() {
                return Admission::Blocked(wait);
            }
            *self = Self::new();
        }
        if self.count(now, limit, window) {
            return Admission::Admitted;
        }
        *self = Self::BlockedUntil(now + window);
        Admission::OverLimit
    }

    /// Whether one more is within the limit; if so it counts.
    fn count(&mut self, now: Instant, limit: usize, window: Duration) -> bool {
        let Self::Counting(times) = self else {
            return false;
        };
        while times
            .front()
            .is_some_and(|at| now.saturating_duration_since(*at) >= window)
        {
            times.pop_front();
        }
        let is_within = times.len() < limit;
        if is_within {
            times.push_back(now);
        }
        is_within
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(60);

    fn alice() -> IpAddr {
        [203, 0, 113, 42].into()
    }

    struct Rig {
        rate: LoginRate,
        start: Instant,
    }

    impl Rig {
        fn new() -> Self {
            Self {
                rate: LoginRate::new(50, WINDOW),
                start: Instant::now(),
            }
        }

        fn at(&mut self, ms: u64) -> Admission {
            let now = self.start + Duration::from_millis(ms);
            self.rate.connected(now, alice(), false)
        }

        fn fill(&mut self, ms: u64) {
            for _ in 0..50 {
                assert_eq!(self.at(ms), Admission::Admitted);
            }
        }
    }

    fn blocked(ms: u64) -> Admission {
        Admission::Blocked(Duration::from_millis(ms))
    }

    #[test]
    fn the_51st_connection_is_silent_and_the_next_are_told_how_long() {
        let mut rig = Rig::new();
        rig.fill(0);
        assert_eq!(rig.at(1_000), Admission::OverLimit);
        assert_eq!(rig.at(1_000), blocked(60_000));
        assert_eq!(rig.at(1_500), blocked(59_500));
        assert_eq!(rig.at(60_999), blocked(1));
    }

    #[test]
    fn a_block_ends_on_time_however_often_it_was_met_and_then_the_count_starts_anew() {
        let mut rig = Rig::new();
        rig.fill(0);
        assert_eq!(rig.at(0), Admission::OverLimit);
        for ms in (0..60_000).step_by(100) {
            assert_eq!(rig.at(ms), blocked(60_000 - ms));
        }
        rig.fill(60_000);
        assert_eq!(rig.at(60_000), Admission::OverLimit);
    }

    #[test]
    fn the_window_slides() {
        let mut rig = Rig::new();
        for second in 0..1_000 {
            assert_eq!(rig.at(second * 1_200), Admission::Admitted, "{second}");
        }
    }

    #[test]
    fn one_too_many_just_inside_the_window_is_blocked_and_just_outside_admitted() {
        let mut rig = Rig::new();
        rig.fill(0);
        assert_eq!(rig.at(59_999), Admission::OverLimit);
        let mut rig = Rig::new();
        rig.fill(0);
        assert_eq!(rig.at(60_000), Admission::Admitted);
    }

    #[test]
    fn addresses_are_counted_apart_and_a_mapped_one_is_its_ipv4() {
        let mut rig = Rig::new();
        rig.fill(0);
        let now = rig.start;
        let other = [203, 0, 113, 43].into();
        assert_eq!(rig.rate.connected(now, other, false), Admission::Admitted);
        let mapped = "::ffff:203.0.113.42".parse().unwrap();
        assert_eq!(rig.rate.connected(now, mapped, false), Admission::OverLimit);
    }

    #[test]
    fn an_exempt_address_is_never_blocked() {
        let mut rig = Rig::new();
        for _ in 0..1_000 {
            let admission = rig.rate.connected(rig.start, alice(), true);
            assert_eq!(admission, Admission::Admitted);
        }
    }

    #[test]
    fn a_limit_of_zero_is_none() {
        let mut rig = Rig::new();
        rig.rate = LoginRate::new(0, WINDOW);
        rig.fill(0);
        assert_eq!(rig.at(0), Admission::Admitted);
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_does_no_harm() {
        let mut rig = Rig::new();
        rig.start += Duration::from_secs(100);
        rig.fill(10_000);
        let earlier = rig.start;
        assert_eq!(
            rig.rate.connected(earlier, alice(), false),
            Admission::OverLimit
        );
    }

    #[test]
    fn the_table_of_addresses_is_bounded_and_forgets_the_longest_silent() {
        let mut rig = Rig::new();
        rig.fill(0);
        assert_eq!(rig.at(0), Admission::OverLimit);
        for number in 0..u32::try_from(ADDRESSES_MAX.get()).unwrap() {
            let address = IpAddr::from(number.to_be_bytes());
            rig.rate.connected(rig.start, address, false);
        }
        assert_eq!(rig.rate.addresses.len(), ADDRESSES_MAX.get());
        assert_eq!(rig.at(0), Admission::Admitted);
    }
}

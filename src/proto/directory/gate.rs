//! Who gets a place: decides about each new connection to the rendezvous server, by its address alone.
//!
//! Checked in this order: the login rate, the places in all, the places of one address. Pure; sockets are its
//! caller's.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use super::rate::{Admission, LoginRate};

/// The limits on connections (settings section `rendezvous_server`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateLimits {
    /// Connections of one address in a window; 0 = no limit.
    pub rate: u32,
    /// The window, and how long a block lasts.
    pub window: Duration,
    /// Connections open at one time.
    pub connections_max: usize,
    /// Of these, those of one address, so that no single one takes every place.
    pub per_address_max: usize,
    /// Whether the rate and `per_address_max` do not hold for this machine itself.
    pub exempt_loopback: bool,
}

/// What to do with a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Serve it; it has a place until [`Gate::closed`].
    Serve,
    /// Tell it that it is blocked for this time, without reading from it; it has a place until [`Gate::closed`].
    TellBlocked(Duration),
    /// Close it without a word.
    CloseSilently,
    /// No place is free: say so if that is possible at once, and close it.
    Busy,
}

/// The connections there are, and how many each address has opened lately.
#[derive(Debug)]
pub struct Gate {
    limits: GateLimits,
    rate: LoginRate,
    /// Never more entries than `connections_max`.
    open: HashMap<IpAddr, usize>,
    total: usize,
}

impl Gate {
    /// Nobody is in yet.
    pub fn new(limits: GateLimits) -> Self {
        Self {
            limits,
            rate: LoginRate::new(limits.rate, limits.window),
            open: HashMap::new(),
            total: 0,
        }
    }

    /// A connection from `address` at `now`.
    pub fn opened(&mut self, now: Instant, address: IpAddr) -> Entry {
        let address = address.to_canonical();
        let is_exempt = self.limits.exempt_loopback && address.is_loopback();
        let entry = match self.rate.connected(now, address, is_exempt) {
            Admission::Admitted => Entry::Serve,
            Admission::OverLimit => return Entry::CloseSilently,
            Admission::Blocked(wait) => Entry::TellBlocked(wait),
        };
        let of_address = self.open.get(&address).copied().unwrap_or(0);
        let is_crowded = !is_exempt && of_address >= self.limits.per_address_max;
        if is_crowded || self.total >= self.limits.connections_max {
            return Entry::Busy;
        }
        self.total += 1;
        self.open.insert(address, of_address + 1);
        entry
    }

    /// A connection that had a place ended.
    pub fn closed(&mut self, address: IpAddr) {
        let address = address.to_canonical();
        if let Some(count) = self.open.get_mut(&address) {
            *count -= 1;
            self.total -= 1;
            if *count == 0 {
                self.open.remove(&address);
            }
        }
    }

    /// How many have a place.
    pub fn total(&self) -> usize {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: GateLimits = GateLimits {
        rate: 4,
        window: Duration::from_secs(60),
        connections_max: 3,
        per_address_max: 2,
        exempt_loopback: true,
    };

    fn ip(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn places_are_limited_per_address_and_in_all() {
        let now = Instant::now();
        let mut gate = Gate::new(LIMITS);
        assert_eq!(gate.opened(now, ip(1)), Entry::Serve);
        assert_eq!(gate.opened(now, ip(1)), Entry::Serve);
        assert_eq!(gate.opened(now, ip(1)), Entry::Busy);
        assert_eq!(gate.opened(now, ip(2)), Entry::Serve);
        assert_eq!(gate.opened(now, ip(3)), Entry::Busy);
        gate.closed(ip(1));
        assert_eq!(gate.opened(now, ip(3)), Entry::Serve);
        assert_eq!(gate.total(), 3);
    }

    #[test]
    fn the_rate_is_checked_first_and_the_busy_count_too() {
        let now = Instant::now();
        let mut gate = Gate::new(LIMITS);
        for expected in [
            Entry::Serve,
            Entry::Serve,
            Entry::Busy,
            Entry::Busy,
            Entry::CloseSilently,
        ] {
            assert_eq!(gate.opened(now, ip(1)), expected);
        }
        gate.closed(ip(1));
        let told = Entry::TellBlocked(LIMITS.window);
        assert_eq!(gate.opened(now, ip(1)), told);
        assert_eq!(gate.opened(now, ip(1)), Entry::Busy);
        assert_eq!(gate.total(), 2);
    }

    #[test]
    fn loopback_is_exempt_from_rate_and_share_but_not_from_the_total() {
        let now = Instant::now();
        let mut gate = Gate::new(LIMITS);
        for _ in 0..3 {
            assert_eq!(gate.opened(now, LOOPBACK), Entry::Serve);
        }
        for _ in 0..10 {
            assert_eq!(gate.opened(now, LOOPBACK), Entry::Busy);
        }
    }

    #[test]
    fn loopback_is_an_address_like_any_other_when_it_is_not_exempt() {
        let now = Instant::now();
        let mut gate = Gate::new(GateLimits {
            exempt_loopback: false,
            ..LIMITS
        });
        assert_eq!(gate.opened(now, LOOPBACK), Entry::Serve);
        let mapped = "::ffff:127.0.0.1".parse().unwrap();
        assert_eq!(gate.opened(now, mapped), Entry::Serve);
        assert_eq!(gate.opened(now, LOOPBACK), Entry::Busy);
    }

    #[test]
    fn nothing_is_left_behind_when_all_have_gone() {
        let now = Instant::now();
        let mut gate = Gate::new(LIMITS);
        gate.opened(now, ip(1));
        gate.opened(now, ip(2));
        gate.closed(ip(1));
        gate.closed(ip(2));
        gate.closed(ip(9));
        assert!(gate.open.is_empty());
        assert_eq!(gate.total(), 0);
    }
}

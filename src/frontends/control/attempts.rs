//! Who gave a wrong token lately, and may not try again for a while. Pure.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use indexmap::IndexMap;

/// Wrong tokens of one address within [`WINDOW`]; then it is turned away unheard.
const FAILED_MAX: u32 = 5;

/// From the first wrong token on.
const WINDOW: Duration = Duration::from_secs(60);

/// Addresses that are remembered; of more the oldest is forgotten.
const ADDRESSES_MAX: usize = 1024;

/// The addresses with wrong tokens, in the order of their first one.
#[derive(Debug, Default)]
pub(super) struct Attempts(IndexMap<IpAddr, (Instant, u32)>);

impl Attempts {
    /// Whether this address may try.
    pub(super) fn may_try(&mut self, now: Instant, address: IpAddr) -> bool {
        self.0
            .retain(|_, (first, _)| now.saturating_duration_since(*first) < WINDOW);
        let address = address.to_canonical();
        self.0
            .get(&address)
            .is_none_or(|(_, failed)| *failed < FAILED_MAX)
    }

    /// It gave a wrong token, or none in time.
    pub(super) fn failed(&mut self, now: Instant, address: IpAddr) {
        let address = address.to_canonical();
        if self.0.len() == ADDRESSES_MAX && !self.0.contains_key(&address) {
            self.0.shift_remove_index(0);
        }
        self.0.entry(address).or_insert((now, 0)).1 += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn an_address_is_turned_away_after_five_wrong_tokens_for_a_minute() {
        let (mut attempts, start) = (Attempts::default(), Instant::now());
        let (one, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for _ in 0..FAILED_MAX {
            assert!(attempts.may_try(start, one));
            attempts.failed(start, one);
        }
        assert!(!attempts.may_try(start, one));
        assert!(attempts.may_try(start, other));
        let mapped = Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped().into();
        assert!(!attempts.may_try(start, mapped), "the same address");
        assert!(attempts.may_try(start + WINDOW, one));
    }

    #[test]
    fn a_bounded_number_of_addresses_is_remembered() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for number in 0..=ADDRESSES_MAX as u32 {
            attempts.failed(now, Ipv4Addr::from(number).into());
        }
        assert_eq!(attempts.0.len(), ADDRESSES_MAX);
    }
}

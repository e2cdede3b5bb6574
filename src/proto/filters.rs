//! Whom this user does not want to read (`/ignore`) and whom this node has no link with (`/block`), and until when.
//! Pure: the wall clock is an argument. Knows no file and no socket: `saved` is what a file may hold of it.

mod saved;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
    time::{Duration, SystemTime},
};

use thiserror::Error;

use crate::wire::identity::PeerId;

pub use saved::{BadFilters, SavedFilters};

/// The most peers that are ignored, and the most peers and addresses that are blocked.
pub const FILTERS_MAX: usize = 1000;

/// Who has no link with us.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blocked {
    /// Whoever says this id, from wherever.
    Peer(PeerId),
    /// Whoever comes from this address, on any port.
    Address(IpAddr),
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(peer) => peer.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// A list is full; nothing was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{FILTERS_MAX} are on the list already")]
pub struct FiltersFull;

/// Who is hidden and who is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// Each with the end of its time; none: until `/unignore`.
    ignored: BTreeMap<PeerId, Option<SystemTime>>,
    blocked: BTreeSet<Blocked>,
}

impl Filters {
    /// Whether what this peer says is not shown. Blocked peers are not, either: others may pass on what they say.
    pub fn hides(&self, now: SystemTime, peer: &PeerId) -> bool {
        self.ignores(now, peer) || self.refuses_peer(peer)
    }

    /// Whether this peer is ignored now.
    pub fn ignores(&self, now: SystemTime, peer: &PeerId) -> bool {
        self.ignored
            .get(peer)
            .is_some_and(|until| !is_over(now, *until))
    }

    /// Whether a link to this peer is refused, wherever it comes from.
    pub fn refuses_peer(&self, peer: &PeerId) -> bool {
        // A set that is empty, as most are, is asked nothing.
        !self.blocked.is_empty() && self.blocked.contains(&Blocked::Peer(peer.clone()))
    }

    /// Whether a connection from or to this address is refused.
    pub fn refuses_address(&self, address: IpAddr) -> bool {
        let address = Blocked::Address(address.to_canonical());
        !self.blocked.is_empty() && self.blocked.contains(&address)
    }

    /// Hides what a peer says, for that long or until it is taken back. Ignored again, it gets the new time.
    pub fn ignore(
        &mut self,
        now: SystemTime,
        peer: PeerId,
        time: Option<Duration>,
    ) -> Result<(), FiltersFull> {
        self.forget_ended(now);
        if self.ignored.len() >= FILTERS_MAX && !self.ignored.contains_key(&peer) {
            return Err(FiltersFull);
        }
        // A time that no clock can tell is one without end.
        let until = time.and_then(|time| now.checked_add(time));
        self.ignored.insert(peer, until);
        Ok(())
    }

    /// Shows a peer again; false if it was not ignored.
    pub fn unignore(&mut self, now: SystemTime, peer: &PeerId) -> bool {
        self.forget_ended(now);
        self.ignored.remove(peer).is_some()
    }

    /// Refuses links from now on; false if they were refused before.
    pub fn block(&mut self, whom: Blocked) -> Result<bool, FiltersFull> {
        let whom = canonical(whom);
        if self.blocked.len() >= FILTERS_MAX && !self.blocked.contains(&whom) {
            return Err(FiltersFull);
        }
        Ok(self.blocked.insert(whom))
    }

    /// Allows links again; false if they were not refused.
    pub fn unblock(&mut self, whom: &Blocked) -> bool {
        self.blocked.remove(&canonical(whom.clone()))
    }

    /// Who is ignored now, and for how long still; none: without end.
    pub fn ignored(&self, now: SystemTime) -> Vec<(PeerId, Option<Duration>)> {
        let left = |until: SystemTime| until.duration_since(now).unwrap_or_default();
        let living = self
            .ignored
            .iter()
            .filter(|(_, until)| !is_over(now, **until));
        living
            .map(|(peer, until)| (peer.clone(), until.map(left)))
            .collect()
    }

    /// Who is blocked: peers, then addresses.
    pub fn blocked(&self) -> Vec<Blocked> {
        self.blocked.iter().cloned().collect()
    }

    fn forget_ended(&mut self, now: SystemTime) {
        self.ignored.retain(|_, until| !is_over(now, *until));
    }
}

fn is_over(now: SystemTime, until: Option<SystemTime>) -> bool {
    until.is_some_and(|until| until <= now)
}

/// An IPv4 address that came written as IPv6 is the same one.
fn canonical(whom: Blocked) -> Blocked {
    match whom {
        Blocked::Address(address) => Blocked::Address(address.to_canonical()),
        peer => peer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn id(text: &str) -> PeerId {
        PeerId::parse(text).unwrap()
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn address(text: &str) -> Blocked {
        Blocked::Address(text.parse().unwrap())
    }

    #[test]
    fn an_ignored_peer_is_hidden_until_its_time_is_over() {
        let mut filters = Filters::default();
        let minute = Some(Duration::from_secs(60));
        filters.ignore(at(100), id("bob@X"), minute).unwrap();
        assert!(filters.hides(at(159), &id("bob@X")));
        assert!(!filters.hides(at(160), &id("bob@X")));
        assert!(!filters.hides(at(159), &id("bob@Y")));
        assert!(!filters.refuses_peer(&id("bob@X")), "its link stays");
        assert_eq!(
            filters.ignored(at(130)),
            [(id("bob@X"), Some(Duration::from_secs(30)))]
        );
        assert_eq!(filters.ignored(at(160)), []);
    }

    #[test]
    fn without_a_time_a_peer_is_hidden_until_it_is_taken_back() {
        let mut filters = Filters::default();
        filters.ignore(at(0), id("bob@X"), Some(DAY)).unwrap();
        filters.ignore(at(0), id("bob@X"), None).unwrap();
        assert!(filters.hides(at(1 << 40), &id("bob@X")));
        assert!(filters.unignore(at(1), &id("bob@X")));
        assert!(!filters.hides(at(1), &id("bob@X")));
        assert!(!filters.unignore(at(1), &id("bob@X")));
    }

    #[test]
    fn a_time_beyond_every_clock_is_without_end() {
        let mut filters = Filters::default();
        let ages = Some(Duration::MAX);
        filters.ignore(at(0), id("bob@X"), ages).unwrap();
        assert_eq!(filters.ignored(at(9)), [(id("bob@X"), None)]);
    }

    #[test]
    fn a_blocked_peer_is_refused_and_hidden() {
        let mut filters = Filters::default();
        let bob = || Blocked::Peer(id("bob@X"));
        assert_eq!(filters.block(bob()), Ok(true));
        assert_eq!(filters.block(bob()), Ok(false));
        assert!(filters.refuses_peer(&id("bob@X")));
        assert!(filters.hides(at(0), &id("bob@X")));
        assert!(!filters.ignores(at(0), &id("bob@X")));
        assert!(filters.unblock(&bob()));
        assert!(!filters.unblock(&bob()));
        assert!(!filters.refuses_peer(&id("bob@X")));
    }

    #[test]
    fn a_blocked_address_is_refused_however_it_is_written() {
        let mut filters = Filters::default();
        filters.block(address("::ffff:10.0.0.7")).unwrap();
        assert!(filters.refuses_address("10.0.0.7".parse().unwrap()));
        assert!(filters.refuses_address("::ffff:10.0.0.7".parse().unwrap()));
        assert!(!filters.refuses_address("10.0.0.8".parse().unwrap()));
        assert_eq!(filters.blocked(), [address("10.0.0.7")]);
        assert!(filters.unblock(&address("10.0.0.7")));
    }

    #[test]
    fn a_full_list_takes_nobody_until_a_time_is_over() {
        let mut filters = Filters::default();
        for n in 0..FILTERS_MAX {
            let time = (n == 0).then_some(Duration::from_secs(10));
            filters.ignore(at(0), id(&format!("{n}@X")), time).unwrap();
            filters.block(Blocked::Peer(id(&format!("{n}@X")))).unwrap();
        }
        let bob = id("bob@X");
        assert_eq!(filters.ignore(at(9), bob.clone(), None), Err(FiltersFull));
        assert_eq!(filters.ignore(at(9), id("7@X"), Some(DAY)), Ok(()));
        assert_eq!(filters.ignore(at(10), bob.clone(), None), Ok(()));
        assert_eq!(filters.block(Blocked::Peer(bob)), Err(FiltersFull));
        assert_eq!(filters.block(Blocked::Peer(id("7@X"))), Ok(false));
    }
}

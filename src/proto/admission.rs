//! Which inbound connections are let in (settings `connection.max_inbound`, `max_inbound_per_address`): when all
//! places are taken the newest is refused; only a peer without any link may take the place of another peer's
//! second link.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
};

use super::link::LinkId;
use crate::wire::identity::PeerId;

/// The limits on inbound links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// Inbound links in all.
    pub inbound_max: usize,
    /// Inbound links of one address; loopback is exempt.
    pub per_address_max: usize,
}

/// Connections over the limit that may say HELLO, to see whether they are a peer without a link.
const TENTATIVE_MAX: usize = 16;

/// What becomes of an inbound link once its peer has named itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It stays.
    Keep,
    /// It stays, and this second link of another peer ends.
    Displace(LinkId),
    /// It ends.
    Refuse,
}

/// The inbound connections there are.
#[derive(Debug)]
pub struct Admission {
    limits: AdmissionLimits,
    inbound: HashMap<LinkId, IpAddr>,
    per_address: HashMap<IpAddr, usize>,
    by_peer: HashMap<PeerId, Vec<LinkId>>,
}

impl Admission {
    /// Nobody is in yet.
    pub fn new(limits: AdmissionLimits) -> Self {
        Self {
            limits,
            inbound: HashMap::new(),
            per_address: HashMap::new(),
            by_peer: HashMap::new(),
        }
    }

    /// A connection came: whether it may say HELLO.
    pub fn accept(&mut self, link: LinkId, from: SocketAddr) -> bool {
        let ip = from.ip().to_canonical();
        let crowded =
            self.per_address.get(&ip).copied().unwrap_or(0) >= self.limits.per_address_max;
        let full = self.inbound.len() >= self.limits.inbound_max.saturating_add(TENTATIVE_MAX);
        if full || (crowded && !ip.is_loopback()) {
            return false;
        }
        self.inbound.insert(link, ip);
        *self.per_address.entry(ip).or_insert(0) += 1;
        true
    }

    /// A link, of either direction, is known to be of `peer`.
    pub fn identified(&mut self, link: LinkId, peer: &PeerId) -> Verdict {
        let linked = self.by_peer.contains_key(peer);
        let over = self.inbound.len() > self.limits.inbound_max && self.inbound.contains_key(&link);
        let verdict = match (over, linked) {
            (false, _) => Verdict::Keep,
            (true, true) => Verdict::Refuse,
            (true, false) => self
                .second_link()
                .map_or(Verdict::Refuse, Verdict::Displace),
        };
        if let Verdict::Displace(other) = verdict {
            self.disown(other);
        }
        if verdict != Verdict::Refuse {
            self.by_peer.entry(peer.clone()).or_default().push(link);
        }
        verdict
    }

    /// A link ended.
    pub fn ended(&mut self, link: LinkId, peer: Option<&PeerId>) {
        if let Some(ip) = self.inbound.remove(&link) {
            let left = self.per_address.get_mut(&ip).map(|count| {
                *count -= 1;
                *count
            });
            if left == Some(0) {
                self.per_address.remove(&ip);
            }
        }
        let Some(peer) = peer else { return };
        if let Some(links) = self.by_peer.get_mut(peer) {
            links.retain(|known| *known != link);
            if links.is_empty() {
                self.by_peer.remove(peer);
            }
        }
    }

    /// A link that has to yield is nobody's any more, so that it yields to one only.
    fn disown(&mut self, link: LinkId) {
        for links in self.by_peer.values_mut() {
            links.retain(|known| *known != link);
        }
    }

    /// The newest inbound link of a peer that has another.
    fn second_link(&self) -> Option<LinkId> {
        let several = self.by_peer.values().filter(|links| links.len() > 1);
        several
            .flatten()
            .filter(|link| self.inbound.contains_key(link))
            .max()
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rig(inbound_max: usize, per_address_max: usize) -> Admission {
        Admission::new(AdmissionLimits {
            inbound_max,
            per_address_max,
        })
    }

    fn from(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn id(text: &str) -> PeerId {
        PeerId::parse(text).unwrap()
    }

    #[test]
    fn one_address_has_few_places_and_loopback_many() {
        let mut admission = rig(100, 2);
        let got: Vec<bool> = (0..3)
            .map(|n| admission.accept(LinkId(n), from("10.0.0.1:1")))
            .collect();
        assert_eq!(got, [true, true, false]);
        assert!(admission.accept(LinkId(9), from("10.0.0.2:1")));
        admission.ended(LinkId(0), None);
        assert!(admission.accept(LinkId(10), from("[::ffff:10.0.0.1]:1")));
        assert!(!admission.accept(LinkId(11), from("10.0.0.1:1")));
        assert!((20..40).all(|n| admission.accept(LinkId(n), from("127.0.0.1:1"))));
    }

    #[test]
    fn when_full_a_peer_without_a_link_takes_the_place_of_a_second_link() {
        let mut admission = rig(2, 100);
        for n in 0..2 {
            assert!(admission.accept(LinkId(n), from("10.0.0.1:1")));
            assert_eq!(admission.identified(LinkId(n), &id("a@X")), Verdict::Keep);
        }
        assert!(admission.accept(LinkId(2), from("10.0.0.2:1")));
        let verdict = admission.identified(LinkId(2), &id("b@X"));
        assert_eq!(verdict, Verdict::Displace(LinkId(1)));
        admission.ended(LinkId(1), Some(&id("a@X")));
        assert!(admission.accept(LinkId(3), from("10.0.0.3:1")));
        assert_eq!(admission.identified(LinkId(3), &id("c@X")), Verdict::Refuse);
        admission.ended(LinkId(3), None);
        assert!(admission.accept(LinkId(4), from("10.0.0.2:1")));
        assert_eq!(admission.identified(LinkId(4), &id("b@X")), Verdict::Refuse);
    }

    #[test]
    fn a_second_link_yields_to_one_peer_only() {
        let mut admission = rig(2, 100);
        for n in 0..2 {
            admission.accept(LinkId(n), from("10.0.0.1:1"));
            admission.identified(LinkId(n), &id("a@X"));
        }
        for n in 2..4 {
            admission.accept(LinkId(n), from("10.0.0.1:1"));
        }
        let displaced = admission.identified(LinkId(2), &id("b@X"));
        assert_eq!(displaced, Verdict::Displace(LinkId(1)));
        assert_eq!(admission.identified(LinkId(3), &id("c@X")), Verdict::Refuse);
    }

    #[test]
    fn connections_that_say_nothing_are_bounded_too() {
        let mut admission = rig(2, 100);
        let let_in = (0..100)
            .filter(|n| admission.accept(LinkId(*n), from("10.0.0.1:1")))
            .count();
        assert_eq!(let_in, 2 + TENTATIVE_MAX);
    }
}

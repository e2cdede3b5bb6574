//! Bare addresses of `--join` and `/connect`: dialled until a link shows whose they are. Knows no peer but by its id.

use std::{collections::HashMap, net::SocketAddr, time::Instant};

use super::{
    Output, Target,
    redial::{Redial, RedialLimits, State},
};
use crate::{proto::close::CloseReason, wire::identity::PeerId};

/// The most bare addresses that are known at one time.
pub const SEEDS_MAX: usize = 256;

/// The bare addresses.
#[derive(Debug, Default)]
pub(super) struct Seeds(HashMap<SocketAddr, Seed>);

#[derive(Debug)]
struct Seed {
    redial: Redial,
    /// `--join` addresses are tried for ever, typed ones until they are stale or become a link.
    lasting: bool,
    /// Whose address it turned out to be: while that peer is known, it is dialled under its own name.
    of: Option<PeerId>,
}

impl Seeds {
    /// An address to dial now; false if there are too many.
    pub(super) fn join(&mut self, now: Instant, address: SocketAddr, lasting: bool) -> bool {
        if self.0.len() >= SEEDS_MAX && !self.0.contains_key(&address) {
            return false;
        }
        let seed = self.0.entry(address).or_insert_with(|| Seed {
            redial: Redial::idle(),
            lasting,
            of: None,
        });
        seed.lasting |= lasting;
        seed.of = None;
        seed.redial.renew(now);
        true
    }

    /// `/reconnect`: every address that is not dialled under the name of a known peer is due now.
    pub(super) fn reconnect(&mut self, now: Instant, is_known: impl Fn(&PeerId) -> bool) {
        for seed in self.0.values_mut() {
            if !seed.of.as_ref().is_some_and(&is_known) {
                seed.redial.renew(now);
            }
        }
    }

    /// A dial begins.
    pub(super) fn dial(&mut self, address: &SocketAddr) {
        if let Some(seed) = self.0.get_mut(address) {
            seed.redial.dial();
        }
    }

    /// This address turned out to be of `peer`; false if it was none of ours.
    pub(super) fn is_of(&mut self, address: &SocketAddr, peer: &PeerId) -> bool {
        let Some(seed) = self.0.get_mut(address) else {
            return false;
        };
        seed.redial.opened();
        seed.of = Some(peer.clone());
        if !seed.lasting {
            self.0.remove(address);
        }
        true
    }

    /// A link to the peer is open: its addresses have no reason to be dialled.
    pub(super) fn linked(&mut self, peer: &PeerId) {
        self.of_peer(peer).for_each(|seed| seed.redial.opened());
    }

    /// The peer is not dialled under its name any more: its lasting addresses are tried at `at`, and slowly.
    pub(super) fn revive(&mut self, at: Instant, peer: &PeerId) {
        self.of_peer(peer).for_each(|seed| seed.redial.retry_at(at));
    }

    /// A dial ended without a link; told at the first failure and when the address is given up.
    pub(super) fn dial_ended(
        &mut self,
        now: Instant,
        address: SocketAddr,
        reason: &CloseReason,
        limits: &RedialLimits,
        random: f64,
    ) -> Option<Output> {
        let seed = self.0.get_mut(&address)?;
        let first = seed.redial.attempts() == 1;
        seed.redial
            .ended(now, reason.redial(), None, limits, random);
        let given_up = match seed.redial.state() {
            State::Due(_) => false,
            State::Stale(_) => !seed.lasting,
            _ => true,
        };
        if given_up {
            self.0.remove(&address);
        }
        (first || given_up).then(|| Output::AddressUnreachable {
            address,
            reason: reason.clone(),
            given_up,
        })
    }

    /// The dialling of all addresses.
    pub(super) fn redials(&self) -> impl Iterator<Item = &Redial> {
        self.0.values().map(|seed| &seed.redial)
    }

    /// What is due at `now`, and since when.
    pub(super) fn due(&self, now: Instant) -> impl Iterator<Item = (Instant, Target)> {
        self.0.iter().filter_map(move |(address, seed)| {
            let target = Target {
                peer: None,
                address: *address,
            };
            let at = seed.redial.due_at().filter(|at| *at <= now)?;
            Some((at, target))
        })
    }

    fn of_peer(&mut self, peer: &PeerId) -> impl Iterator<Item = &mut Seed> {
        let seeds = self.0.values_mut();
        seeds.filter(move |seed| seed.of.as_ref() == Some(peer))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        Link,
        tests::{Rig, address, dials, id, never, unreachable_error},
    };
    use super::*;
    use crate::proto::{
        close::CloseReason,
        link::{Direction, LinkId},
    };

    const AT: &str = "10.0.0.7:1";

    fn target() -> Target {
        Target {
            peer: None,
            address: address(AT),
        }
    }

    /// `eve@Y` answers where the bare address was dialled.
    fn answered(rig: &mut Rig) {
        let link = Link {
            id: LinkId(99),
            direction: Direction::Outbound,
            address: address(AT),
            opened: rig.now,
        };
        let table = &mut rig.table;
        table.link_opened(rig.now, &id("eve@Y"), link, Some(&target()), never);
    }

    fn rig(lasting: bool) -> Rig {
        let mut rig = Rig::new();
        assert!(rig.table.join(rig.now, address(AT), lasting));
        assert_eq!(dials(&rig.pass(0)), [AT]);
        rig
    }

    #[test]
    fn a_lasting_address_is_tried_slowly_again_after_its_peer_said_bye() {
        for (lasting, expected) in [(true, vec![AT]), (false, vec![])] {
            let mut rig = rig(lasting);
            answered(&mut rig);
            let left = CloseReason::PeerLeft("quit".into());
            assert_eq!(dials(&rig.end("eve@Y", LinkId(99), left)), [""; 0]);
            assert_eq!(dials(&rig.pass(299)), [""; 0]);
            assert_eq!(dials(&rig.pass(1)), expected);
        }
    }

    #[test]
    fn a_lasting_address_is_not_dialled_while_its_peer_is_linked_or_redialled_by_name() {
        let mut rig = rig(true);
        answered(&mut rig);
        assert_eq!(dials(&rig.pass(10_000)), [""; 0]);
        rig.table.reconnect(rig.now);
        assert_eq!(dials(&rig.pass(0)), [""; 0]);
        let out = rig.end("eve@Y", LinkId(99), CloseReason::EndOfStream);
        assert_eq!(dials(&out), ["eve@Y"]);
        rig.fail("eve@Y", CloseReason::PeerLeft("quit".into()));
        rig.open("eve@Y", Direction::Inbound, "10.0.0.7:5555");
        assert_eq!(dials(&rig.pass(10_000)), [""; 0]);
    }

    #[test]
    fn a_lasting_address_whose_peer_is_forgotten_is_tried_at_once() {
        let mut rig = Rig::new();
        rig.discover(&[super::super::tests::record("eve@Y", AT, 60)]);
        rig.table.join(rig.now, address(AT), true);
        answered(&mut rig);
        rig.discover(&[]);
        rig.end("eve@Y", LinkId(99), CloseReason::EndOfStream);
        for _ in 0..3 {
            rig.fail("eve@Y", unreachable_error());
        }
        rig.table.discovered(rig.now, &[]);
        assert_eq!(dials(&rig.pass(600)), [AT]);
    }

    #[test]
    fn addresses_are_bounded_in_number() {
        let mut rig = Rig::new();
        let joined = (0..300)
            .filter(|port| {
                let at = address(&format!("10.0.0.1:{}", port + 1));
                rig.table.join(rig.now, at, false)
            })
            .count();
        assert_eq!(joined, SEEDS_MAX);
        let known = address("10.0.0.1:1");
        assert!(rig.table.join(rig.now, known, true), "not a further one");
    }

    #[test]
    fn a_restarted_router_dials_neither_what_is_linked_nor_what_is_being_dialled() {
        let mut rig = Rig::new();
        rig.table.join(rig.now, address(AT), true);
        rig.table.join(rig.now, address("10.0.0.8:1"), true);
        answered(&mut rig);
        let other = Target {
            peer: Some(id("bob@Y")),
            address: address("10.0.0.8:1"),
        };
        rig.table.dialling(rig.now, &other);
        assert_eq!(dials(&rig.pass(0)), [""; 0]);
        let out = rig
            .table
            .dial_ended(rig.now, &other, &unreachable_error(), 0.0);
        assert_eq!(out, []);
        assert_eq!(dials(&rig.pass(2)), ["bob@Y"]);
    }
}

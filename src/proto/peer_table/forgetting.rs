//! Which peers are forgotten: those of which nothing was heard for long, and strangers when there are too many.

use std::time::Instant;

use super::{Output, Peer, PeerTable, redial::State};
use crate::wire::identity::PeerId;

/// Peers that only ever dialled us and are not linked now. Anyone can come under ever new names, so beyond this the
/// one that left first is forgotten.
pub const STRANGERS_MAX: usize = 1024;

impl PeerTable {
    /// Forgets peers, at the time it is for each.
    pub(super) fn forget(&mut self, now: Instant, out: &mut Vec<Output>) {
        let limit = self.limits.forget_after;
        let is_over = |since: Instant| now.saturating_duration_since(since) >= limit;
        let mut gone: Vec<PeerId> = Vec::new();
        let mut strangers: Vec<(Instant, &PeerId)> = Vec::new();
        for (id, peer) in self.peers.iter().filter(|(_, peer)| is_unlinked(peer)) {
            match peer.absent_since {
                Some(since) if is_over(since) => gone.push(id.clone()),
                Some(since) if peer.address.is_none() => strangers.push((since, id)),
                _ => {}
            }
        }
        if let Some(over @ 1..) = strangers.len().checked_sub(STRANGERS_MAX) {
            strangers.sort_unstable();
            gone.extend(strangers.into_iter().take(over).map(|(_, id)| id.clone()));
        }
        for id in gone {
            self.peers.remove(&id);
            self.seeds.revive(now, &id);
            out.push(Output::Forgotten(id));
        }
    }
}

fn is_unlinked(peer: &Peer) -> bool {
    peer.links.is_empty() && peer.redial.state() != State::Dialling
}

#[cfg(test)]
mod tests {
    use super::super::{
        Status,
        tests::{LIMITS, Rig, dials, id, record},
    };
    use super::*;
    use crate::proto::{close::CloseReason, link::Direction};

    fn comes_and_goes(rig: &mut Rig, name: &str) -> Vec<Output> {
        let (link, _) = rig.open(name, Direction::Inbound, "10.9.9.9:7");
        rig.end(name, link, CloseReason::EndOfStream)
    }

    #[test]
    fn of_too_many_strangers_the_one_that_left_first_is_forgotten() {
        let mut rig = Rig::new();
        for n in 0..STRANGERS_MAX {
            rig.pass(if n < 2 { 1 } else { 0 });
            comes_and_goes(&mut rig, &format!("s{n}@X"));
        }
        rig.pass(1);
        let out = comes_and_goes(&mut rig, "one-more@X");
        assert!(out.contains(&Output::Forgotten(id("s0@X"))), "{out:?}");
        assert_eq!(rig.table.peers().count(), STRANGERS_MAX);
        assert!(rig.table.get(&id("one-more@X")).is_some());
    }

    #[test]
    fn strangers_take_no_place_from_records_and_no_peer_with_a_record_is_forgotten_for_them() {
        let mut rig = Rig::new();
        for n in 0..2 * LIMITS.peers_max {
            comes_and_goes(&mut rig, &format!("s{n}@X"));
        }
        let out = rig.discover(&[record("b@CIC", "10.0.0.2:1", 60)]);
        assert_eq!(dials(&out), ["b@CIC"]);
        for n in 0..=STRANGERS_MAX {
            comes_and_goes(&mut rig, &format!("t{n}@X"));
        }
        assert_eq!(rig.status("b@CIC"), Status::Connecting);
    }

    #[test]
    fn a_linked_stranger_is_never_forgotten() {
        let mut rig = Rig::new();
        rig.open("first@X", Direction::Inbound, "10.9.9.9:7");
        for n in 0..=STRANGERS_MAX {
            comes_and_goes(&mut rig, &format!("s{n}@X"));
        }
        assert_eq!(rig.pass(10_000).len(), STRANGERS_MAX);
        assert_eq!(rig.status("first@X"), Status::Connected);
    }
}

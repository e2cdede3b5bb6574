//! Which of the due targets are dialled now: own namespace first, and few at a time.

use std::time::Instant;

use super::{Output, PeerTable, Target, redial::Redial};
use crate::proto::link::Direction;

impl PeerTable {
    /// Begins what is due, as far as the bounds allow.
    pub(super) fn dial_due(&mut self, now: Instant, out: &mut Vec<Output>) {
        // Own namespace first, then whoever has waited longest; chance decides nothing.
        let due = self.due(now).into_iter();
        let mut due: Vec<_> = due
            .map(|(at, target)| (!self.is_neighbour(&target), at, target))
            .collect();
        due.sort_unstable();
        for (.., target) in due.into_iter().take(self.dials_left()) {
            self.begin_dial(target.clone());
            out.push(Output::Dial(target));
        }
    }

    /// A dial is under way, until it ends or becomes a link.
    pub(super) fn begin_dial(&mut self, target: Target) {
        match &target.peer {
            Some(id) => {
                if let Some(peer) = self.peers.get_mut(id) {
                    peer.redial.dial();
                }
            }
            None => self.seeds.dial(&target.address),
        }
        self.dials.push(target);
    }

    /// A dial ended, as a link or without one.
    pub(super) fn end_dial(&mut self, target: &Target) {
        if let Some(at) = self.dials.iter().position(|dial| dial == target) {
            self.dials.swap_remove(at);
        }
    }

    fn due(&self, now: Instant) -> Vec<(Instant, Target)> {
        let is_due = |redial: &Redial| redial.due_at().filter(|at| *at <= now);
        let peers = self.peers.iter().filter_map(|(id, peer)| {
            let at = is_due(&peer.redial).filter(|_| !peer.is_reached())?;
            let (address, _) = peer.address?;
            let peer = Some(id.clone());
            Some((at, Target { peer, address }))
        });
        let is_dialled = |target: &Target| match &target.peer {
            None => self.dials.contains(target),
            peer => self.dials.iter().any(|dial| dial.peer == *peer),
        };
        let due = peers.chain(self.seeds.due(now));
        due.filter(|(_, target)| !is_dialled(target)).collect()
    }

    pub(super) fn redials(&self) -> impl Iterator<Item = &Redial> {
        let peers = self.peers.values().map(|peer| &peer.redial);
        peers.chain(self.seeds.redials())
    }

    fn is_neighbour(&self, target: &Target) -> bool {
        let own = self.own.namespace();
        target.peer.as_ref().is_none_or(|it| it.namespace() == own)
    }

    fn dials_left(&self) -> usize {
        // A dial is under way also when the peer has linked itself meanwhile.
        let dialling = self.dials.len();
        let links = self.peers.values().flat_map(|peer| &peer.links);
        let outbound = links.filter(|link| link.direction == Direction::Outbound);
        let room = self
            .limits
            .outbound_max
            .saturating_sub(outbound.count() + dialling);
        room.min(self.limits.dials_max.saturating_sub(dialling))
    }
}

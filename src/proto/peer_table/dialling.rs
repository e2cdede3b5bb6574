//! Which of the due targets are dialled now: own namespace first, and few at a time.

use std::time::Instant;

use super::{
    Output, PeerTable, Target,
    redial::{Redial, State},
};
use crate::proto::link::Direction;

impl PeerTable {
    /// Begins what is due, as far as the bounds allow.
    pub(super) fn dial_due(&mut self, now: Instant, out: &mut Vec<Output>) {
        let mut due = self.due(now);
        // Own namespace first, then whoever has waited longest.
        due.sort_by_key(|(at, target)| (!self.is_neighbour(target), *at));
        for (_, target) in due.into_iter().take(self.dials_left()) {
            match &target.peer {
                Some(id) => {
                    if let Some(peer) = self.peers.get_mut(id) {
                        peer.redial.dial();
                    }
                }
                None => self.seeds.dial(&target.address),
            }
            out.push(Output::Dial(target));
        }
    }

    fn due(&self, now: Instant) -> Vec<(Instant, Target)> {
        let is_due = |redial: &Redial| redial.due_at().filter(|at| *at <= now);
        let peers = self.peers.iter().filter_map(|(id, peer)| {
            let at = is_due(&peer.redial).filter(|_| peer.links.is_empty())?;
            let (address, _) = peer.address?;
            let peer = Some(id.clone());
            Some((at, Target { peer, address }))
        });
        peers.chain(self.seeds.due(now)).collect()
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
        let is_dialling = |redial: &&Redial| redial.state() == State::Dialling;
        let dialling = self.redials().filter(is_dialling).count();
        let links = self.peers.values().flat_map(|peer| &peer.links);
        let outbound = links.filter(|link| link.direction == Direction::Outbound);
        let room = self
            .limits
            .outbound_max
            .saturating_sub(outbound.count() + dialling);
        room.min(self.limits.dials_max.saturating_sub(dialling))
    }
}

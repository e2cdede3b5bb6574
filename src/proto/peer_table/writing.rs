//! On which link of a peer our messages leave, and whose links are doubted.

use std::time::{Duration, Instant};

use super::{Link, Output, Peer, PeerTable};
use crate::{proto::link::LinkId, wire::identity::PeerId};

impl PeerTable {
    /// Tells when another link than before is to be written on.
    pub(super) fn choose_writer(
        &mut self,
        now: Instant,
        id: &PeerId,
        heard: impl Fn(LinkId) -> Option<Instant>,
        out: &mut Vec<Output>,
    ) {
        let peer = self.peers.get(id);
        let writer = peer.and_then(|peer| peer.writer(now, heard, self.limits.alive_for));
        let before = match writer {
            Some(link) => self.writers.insert(id.clone(), link),
            None => self.writers.remove(id),
        };
        if before != writer {
            out.push(Output::Writer(id.clone(), writer));
        }
    }
}

/// A link that is not trusted came while a trusted one is alive.
pub(super) fn conflict(
    id: &PeerId,
    peer: &Peer,
    link: &Link,
    now: Instant,
    heard: impl Fn(LinkId) -> Option<Instant>,
    alive: Duration,
) -> Option<Output> {
    let is_alive = |known: &&Link| {
        let at = heard(known.id).unwrap_or(known.opened);
        peer.trusts(known) && now.saturating_duration_since(at) < alive
    };
    let known = peer.links.iter().find(is_alive)?;
    Some(Output::Conflict {
        peer: id.clone(),
        known: known.address,
        claimed: link.address,
    })
}

//! The peers we know, whom to dial and when, and on which link of a peer to write (protocol text, section 4).
//! Pure: records, links and the time go in, dials and changes come out.

mod peer;
mod redial;

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    time::{Duration, Instant},
};

pub use peer::{Link, Peer, Source, Status, same_host};
pub use redial::{RedialLimits, State};

use self::redial::Redial;
use super::{
    close::CloseReason,
    link::{Direction, LinkId},
};
use crate::wire::{identity::PeerId, rendezvous::Record};

/// The bounds of the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TableLimits {
    /// When peers are dialled again.
    pub redial: RedialLimits,
    /// Dials under way at one time.
    pub dials_max: usize,
    /// Links that we dialled.
    pub outbound_max: usize,
    /// Known peers that are not linked; further records are not taken.
    pub peers_max: usize,
    /// A peer without link and record is forgotten after this.
    pub forget_after: Duration,
    /// A link that was silent for this long is not written on while there is another: two ping intervals.
    pub alive_for: Duration,
}

/// Whom a dial is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// The id that is dialled; none for a bare address.
    pub peer: Option<PeerId>,
    /// Where.
    pub address: SocketAddr,
}

/// What the table wants done or told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Dial; its end comes back as [`PeerTable::dial_ended`] or [`PeerTable::link_opened`].
    Dial(Target),
    /// Write to this peer on this link from now on; none: it has no link.
    Writer(PeerId, Option<LinkId>),
    /// A peer is stale or failed: nothing that waits for it will leave soon.
    Unreachable(PeerId, Status, String),
    /// A bare address did not become a link; `given_up` if it is not tried again.
    AddressUnreachable {
        /// Which.
        address: SocketAddr,
        /// Why, in words.
        reason: String,
        /// Whether it is not tried again.
        given_up: bool,
    },
    /// A link under a known id came from another address than the one that is trusted.
    Conflict {
        /// The id.
        peer: PeerId,
        /// The trusted, living link's address.
        known: SocketAddr,
        /// The new link's address.
        claimed: SocketAddr,
    },
    /// The peer is not known any more.
    Forgotten(PeerId),
}

/// A bare address that was given by `--join` or `/connect`, until a link shows whose it is.
#[derive(Debug)]
struct Seed {
    redial: Redial,
    /// `--join` addresses are tried for ever, typed ones until they are stale.
    lasting: bool,
}

/// The most bare addresses that are tried at one time.
const SEEDS_MAX: usize = 256;

/// The peers we know.
#[derive(Debug)]
pub struct PeerTable {
    own: PeerId,
    limits: TableLimits,
    peers: HashMap<PeerId, Peer>,
    seeds: HashMap<SocketAddr, Seed>,
    writers: HashMap<PeerId, LinkId>,
    /// Records that were not taken because the table was full.
    pub records_refused: u64,
}

impl PeerTable {
    /// An empty table of the node `own`.
    pub fn new(own: PeerId, limits: TableLimits) -> Self {
        Self {
            own,
            limits,
            peers: HashMap::new(),
            seeds: HashMap::new(),
            writers: HashMap::new(),
            records_refused: 0,
        }
    }

    /// All known peers.
    pub fn peers(&self) -> impl Iterator<Item = (&PeerId, &Peer)> {
        self.peers.iter()
    }

    /// One known peer.
    pub fn get(&self, peer: &PeerId) -> Option<&Peer> {
        self.peers.get(peer)
    }

    /// Whether a link to this peer is open.
    pub fn is_linked(&self, peer: &PeerId) -> bool {
        self.get(peer).is_some_and(|peer| !peer.links.is_empty())
    }

    /// Whether anything is under way that may become a link soon.
    pub fn is_busy(&self) -> bool {
        let busy = |redial: &Redial| matches!(redial.state(), State::Due(_) | State::Dialling);
        self.peers.values().any(|peer| busy(&peer.redial))
            || self.seeds.values().any(|seed| busy(&seed.redial))
    }

    /// A dial that a former incarnation of the router began is still under way.
    pub fn dialling(&mut self, now: Instant, target: &Target) {
        match &target.peer {
            Some(id) => {
                let peer = self.peers.entry(id.clone());
                peer.or_insert_with(|| Peer::new(now)).redial.dial();
            }
            None => {
                self.join(now, target.address, false);
                if let Some(seed) = self.seeds.get_mut(&target.address) {
                    seed.redial.dial();
                }
            }
        }
    }

    /// A reason to dial this one peer now, if it is known and not linked.
    pub fn wanted(&mut self, now: Instant, id: &PeerId) {
        let known = self.peers.get_mut(id);
        if let Some(peer) = known.filter(|it| it.links.is_empty() && it.address.is_some()) {
            peer.redial.renew(now);
        }
    }

    /// An answer to DISCOVER. The first record of an id counts.
    pub fn discovered(&mut self, now: Instant, records: &[Record]) {
        let mut present = HashSet::new();
        for record in records {
            if record.peer != self.own && present.insert(&record.peer) {
                self.record(now, record);
            }
        }
        for (id, peer) in &mut self.peers {
            let recorded = matches!(peer.address, Some((_, Source::Record { .. })));
            if recorded && !present.contains(id) && peer.absent_since.is_none() {
                peer.absent_since = Some(now);
            }
        }
    }

    /// A bare address to dial, from `--join` (`lasting`) or `/connect`.
    pub fn join(&mut self, now: Instant, address: SocketAddr, lasting: bool) {
        if self.seeds.len() >= SEEDS_MAX && !self.seeds.contains_key(&address) {
            return;
        }
        let seed = self.seeds.entry(address).or_insert_with(|| Seed {
            redial: Redial::idle(),
            lasting,
        });
        seed.lasting |= lasting;
        seed.redial.renew(now);
    }

    /// `/reconnect`: every peer that is not linked is due now.
    pub fn reconnect(&mut self, now: Instant) {
        let unlinked = |peer: &&mut Peer| peer.links.is_empty() && peer.address.is_some();
        for peer in self.peers.values_mut().filter(unlinked) {
            peer.redial.renew(now);
        }
        for seed in self.seeds.values_mut() {
            seed.redial.renew(now);
        }
    }

    /// A link is open. `dialled` is the target of an outbound one.
    pub fn link_opened(
        &mut self,
        now: Instant,
        id: &PeerId,
        link: Link,
        dialled: Option<&Target>,
        heard: impl Fn(LinkId) -> Option<Instant>,
    ) -> Vec<Output> {
        let mut out = Vec::new();
        let peer = self
            .peers
            .entry(id.clone())
            .or_insert_with(|| Peer::new(now));
        let from_seed = dialled.is_some_and(|target| target.peer.is_none());
        if from_seed {
            self.seeds.remove(&link.address);
            peer.absent_since = None;
            peer.address.get_or_insert((link.address, Source::Given));
        }
        if !peer.trusts(&link) {
            out.extend(conflict(
                id,
                peer,
                &link,
                now,
                &heard,
                self.limits.alive_for,
            ));
        }
        peer.redial.opened();
        peer.links.push(link);
        self.choose_writer(now, id, heard, &mut out);
        out
    }

    /// A link that was open ended.
    pub fn link_ended(
        &mut self,
        now: Instant,
        id: &PeerId,
        link: LinkId,
        reason: &CloseReason,
        random: f64,
        heard: impl Fn(LinkId) -> Option<Instant>,
    ) -> Vec<Output> {
        let mut out = Vec::new();
        let Some(peer) = self.peers.get_mut(id) else {
            return out;
        };
        let Some(at) = peer.links.iter().position(|known| known.id == link) else {
            return out;
        };
        let ended = peer.links.remove(at);
        if peer.links.is_empty() {
            let lived = Some(now.saturating_duration_since(ended.opened));
            let redial = &self.limits.redial;
            if peer.address.is_some() {
                peer.redial
                    .ended(now, reason.redial(), lived, redial, random);
            }
            if peer.absent_since.is_some() {
                peer.absent_since = Some(now);
            }
            out.extend(unreachable(id, peer, reason));
        }
        self.choose_writer(now, id, heard, &mut out);
        out
    }

    /// A dial ended without a link.
    pub fn dial_ended(
        &mut self,
        now: Instant,
        target: &Target,
        reason: &CloseReason,
        random: f64,
    ) -> Vec<Output> {
        match &target.peer {
            Some(id) => self.peer_dial_ended(now, id, reason, random),
            None => self.seed_dial_ended(now, target.address, reason, random),
        }
    }

    /// Time passes: dials that are due, peers to forget, writers that fell silent.
    pub fn tick(&mut self, now: Instant, heard: impl Fn(LinkId) -> Option<Instant>) -> Vec<Output> {
        let mut out = Vec::new();
        self.forget(now, &mut out);
        let several = |(_, peer): &(&PeerId, &Peer)| peer.links.len() > 1;
        let several: Vec<PeerId> = self
            .peers
            .iter()
            .filter(several)
            .map(|(id, _)| id.clone())
            .collect();
        for id in several {
            self.choose_writer(now, &id, &heard, &mut out);
        }
        self.dial_due(now, &mut out);
        out
    }

    fn record(&mut self, now: Instant, record: &Record) {
        if !self.peers.contains_key(&record.peer) && self.peers.len() >= self.limits.peers_max {
            self.records_refused += 1;
            return;
        }
        let peer = self
            .peers
            .entry(record.peer.clone())
            .or_insert_with(|| Peer::new(now));
        let expires = now + Duration::from_secs(record.expires_in.min(86400));
        peer.recorded(now, record.address, expires);
    }

    fn peer_dial_ended(
        &mut self,
        now: Instant,
        id: &PeerId,
        reason: &CloseReason,
        random: f64,
    ) -> Vec<Output> {
        let Some(peer) = self.peers.get_mut(id) else {
            return Vec::new();
        };
        if !peer.links.is_empty() {
            return Vec::new();
        }
        let was_stale = peer.redial.attempts() > self.limits.redial.attempts_max;
        peer.redial
            .ended(now, reason.redial(), None, &self.limits.redial, random);
        match was_stale {
            true => Vec::new(),
            false => unreachable(id, peer, reason).into_iter().collect(),
        }
    }

    fn seed_dial_ended(
        &mut self,
        now: Instant,
        address: SocketAddr,
        reason: &CloseReason,
        random: f64,
    ) -> Vec<Output> {
        let Some(seed) = self.seeds.get_mut(&address) else {
            return Vec::new();
        };
        let first = seed.redial.attempts() == 1;
        seed.redial
            .ended(now, reason.redial(), None, &self.limits.redial, random);
        let over = match seed.redial.state() {
            State::Due(_) => false,
            State::Stale(_) => !seed.lasting,
            _ => true,
        };
        if over {
            self.seeds.remove(&address);
        }
        let told = Output::AddressUnreachable {
            address,
            reason: reason.to_string(),
            given_up: over,
        };
        (first || over).then_some(told).into_iter().collect()
    }

    fn choose_writer(
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

    fn forget(&mut self, now: Instant, out: &mut Vec<Output>) {
        let limit = self.limits.forget_after;
        self.peers.retain(|id, peer| {
            let gone = |since: Instant| now.saturating_duration_since(since) >= limit;
            let dialling = peer.redial.state() == State::Dialling;
            let keep = dialling || !peer.links.is_empty() || !peer.absent_since.is_some_and(gone);
            if !keep {
                out.push(Output::Forgotten(id.clone()));
            }
            keep
        });
    }

    fn dial_due(&mut self, now: Instant, out: &mut Vec<Output>) {
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
                None => {
                    if let Some(seed) = self.seeds.get_mut(&target.address) {
                        seed.redial.dial();
                    }
                }
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
        let seeds = self.seeds.iter().filter_map(|(address, seed)| {
            let target = Target {
                peer: None,
                address: *address,
            };
            Some((is_due(&seed.redial)?, target))
        });
        peers.chain(seeds).collect()
    }

    fn is_neighbour(&self, target: &Target) -> bool {
        let own = self.own.namespace();
        target.peer.as_ref().is_none_or(|it| it.namespace() == own)
    }

    fn dials_left(&self) -> usize {
        let is_dialling = |redial: &&Redial| redial.state() == State::Dialling;
        let redials = self.peers.values().map(|peer| &peer.redial);
        let seeds = self.seeds.values().map(|seed| &seed.redial);
        let dialling = redials.chain(seeds).filter(is_dialling).count();
        let links = self.peers.values().flat_map(|peer| &peer.links);
        let outbound = links.filter(|link| link.direction == Direction::Outbound);
        let room = self
            .limits
            .outbound_max
            .saturating_sub(outbound.count() + dialling);
        room.min(self.limits.dials_max.saturating_sub(dialling))
    }
}

fn unreachable(id: &PeerId, peer: &Peer, reason: &CloseReason) -> Option<Output> {
    let status = peer.status();
    let is_told = matches!(status, Status::Stale | Status::Failed);
    is_told.then(|| Output::Unreachable(id.clone(), status, reason.to_string()))
}

fn conflict(
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

#[cfg(test)]
mod tests;

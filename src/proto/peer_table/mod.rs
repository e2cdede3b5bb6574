//! The peers we know, whom to dial and when, and on which link of a peer to write (protocol text, section 4).
//! Pure: records, links and the time go in, dials and changes come out.

mod dialling;
mod forgetting;
mod peer;
mod redial;
mod seeds;
mod writing;

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    time::{Duration, Instant},
};

pub use forgetting::STRANGERS_MAX;
pub use peer::{Link, Peer, Source, Status, same_host};
pub use redial::{RedialLimits, State};
pub use seeds::SEEDS_MAX;

use self::{redial::Redial, seeds::Seeds, writing::conflict};
use super::{
    close::{self, CloseReason},
    link::LinkId,
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
    /// Peers whose address is known; further records are not taken.
    pub peers_max: usize,
    /// A peer without link and record is forgotten after this.
    pub forget_after: Duration,
    /// A link that was silent for this long is not written on while there is another: two ping intervals.
    pub alive_for: Duration,
}

/// Whom a dial is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
        /// Why.
        reason: CloseReason,
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

/// The peers we know.
#[derive(Debug)]
pub struct PeerTable {
    own: PeerId,
    limits: TableLimits,
    /// Boxed, since such a table has nearly as many free places as taken ones.
    peers: HashMap<PeerId, Box<Peer>>,
    seeds: Seeds,
    writers: HashMap<PeerId, LinkId>,
    /// Dials under way, at most `dials_max`.
    dials: Vec<Target>,
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
            seeds: Seeds::default(),
            writers: HashMap::new(),
            dials: Vec::new(),
            records_refused: 0,
        }
    }

    /// All known peers.
    pub fn peers(&self) -> impl Iterator<Item = (&PeerId, &Peer)> {
        self.peers.iter().map(|(id, peer)| (id, &**peer))
    }

    /// One known peer.
    pub fn get(&self, peer: &PeerId) -> Option<&Peer> {
        self.peers.get(peer).map(|it| &**it)
    }

    /// Whether a link to this peer is open.
    pub fn is_linked(&self, peer: &PeerId) -> bool {
        self.get(peer).is_some_and(|peer| !peer.links.is_empty())
    }

    /// Whether anything is under way that may become a link soon.
    pub fn is_busy(&self) -> bool {
        let busy = |redial: &Redial| matches!(redial.state(), State::Due(_) | State::Dialling);
        self.redials().any(busy)
    }

    /// A dial that a former incarnation of the router began is still under way.
    pub fn dialling(&mut self, now: Instant, target: &Target) {
        match &target.peer {
            Some(id) => self.known_at(now, id, target),
            None => {
                self.join(now, target.address, false);
            }
        }
        self.begin_dial(target.clone());
    }

    /// A message waits for this peer: a reason to dial it soon, if it is known and not linked.
    pub fn wanted(&mut self, now: Instant, id: &PeerId) {
        let known = self.peers.get_mut(id);
        if let Some(peer) = known.filter(|it| !it.is_reached() && it.address.is_some()) {
            peer.redial.want(now);
        }
    }

    /// An answer to DISCOVER. The first record of an id counts.
    pub fn discovered(&mut self, now: Instant, records: &[Record]) {
        let mut present = HashSet::new();
        let is_located = |(_, peer): &(&PeerId, &Peer)| peer.address.is_some();
        let mut located = self.peers().filter(is_located).count();
        for record in records {
            if record.peer != self.own && present.insert(&record.peer) {
                self.record(now, record, &mut located);
            }
        }
        for (id, peer) in &mut self.peers {
            let recorded = matches!(peer.address, Some((_, Source::Record { .. })));
            if recorded && !present.contains(id) && peer.absent_since.is_none() {
                peer.absent_since = Some(now);
            }
        }
    }

    /// A bare address to dial, from `--join` (`lasting`) or `/connect`; false if there are too many.
    pub fn join(&mut self, now: Instant, address: SocketAddr, lasting: bool) -> bool {
        self.seeds.join(now, address, lasting)
    }

    /// `/reconnect`: every peer that is not linked is due now.
    pub fn reconnect(&mut self, now: Instant) {
        for peer in self.peers.values_mut() {
            if !peer.is_reached() && peer.address.is_some() {
                peer.redial.renew(now);
            }
        }
        let peers = &self.peers;
        self.seeds.reconnect(now, |peer| peers.contains_key(peer));
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
        if let Some(target) = dialled {
            self.end_dial(target);
            self.known_at(now, id, target);
        }
        let peer = self
            .peers
            .entry(id.clone())
            .or_insert_with(|| Box::new(Peer::new(now)));
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
        if peer.trusts(&link) {
            peer.redial.opened();
        }
        // Few peers have two.
        peer.links.reserve_exact(1);
        peer.links.push(link);
        self.seeds.linked(id);
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
        // Of who only dialled us nothing is to be remembered but its BYE: its record may come any moment.
        let remembered = peer.address.is_some() || reason.redial() == close::Redial::WhenRenewed;
        if peer.trusts(&ended) && !peer.is_reached() && remembered {
            let lived = Some(now.saturating_duration_since(ended.opened));
            let redial = &self.limits.redial;
            peer.redial
                .ended(now, reason.redial(), lived, redial, random);
        }
        if peer.links.is_empty() {
            if peer.absent_since.is_some() {
                peer.absent_since = Some(now);
            }
            out.extend(unreachable(id, peer, reason));
            self.fall_back(now, id);
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
        self.end_dial(target);
        match &target.peer {
            Some(id) => self.peer_dial_ended(now, id, reason, random),
            None => {
                let limits = &self.limits.redial;
                let seeds = &mut self.seeds;
                let told = seeds.dial_ended(now, target.address, reason, limits, random);
                told.into_iter().collect()
            }
        }
    }

    /// Time passes: dials that are due, peers to forget, writers that fell silent.
    pub fn tick(&mut self, now: Instant, heard: impl Fn(LinkId) -> Option<Instant>) -> Vec<Output> {
        let mut out = Vec::new();
        self.forget(now, &mut out);
        let several = |(_, peer): &(&PeerId, &Peer)| peer.links.len() > 1;
        let several = self.peers().filter(several);
        let mut several: Vec<PeerId> = several.map(|(id, _)| id.clone()).collect();
        several.sort_unstable();
        for id in several {
            self.choose_writer(now, &id, &heard, &mut out);
        }
        self.dial_due(now, &mut out);
        out
    }

    /// A peer answers, or is dialled, at this address: it can be dialled there again.
    fn known_at(&mut self, now: Instant, id: &PeerId, target: &Target) {
        let joined = self.seeds.is_of(&target.address, id) || target.peer.is_none();
        let peer = self.peers.entry(id.clone());
        let peer = peer.or_insert_with(|| Box::new(Peer::new(now)));
        peer.address.get_or_insert((target.address, Source::Given));
        if joined {
            peer.absent_since = None;
        }
    }

    fn record(&mut self, now: Instant, record: &Record, located: &mut usize) {
        let known = self.get(&record.peer);
        if known.is_none_or(|peer| peer.address.is_none()) {
            if *located >= self.limits.peers_max {
                self.records_refused += 1;
                return;
            }
            *located += 1;
        }
        let peer = self
            .peers
            .entry(record.peer.clone())
            .or_insert_with(|| Box::new(Peer::new(now)));
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
        if peer.is_reached() {
            peer.redial.opened();
            return Vec::new();
        }
        let was_stale = peer.redial.attempts() > self.limits.redial.attempts_max;
        peer.redial
            .ended(now, reason.redial(), None, &self.limits.redial, random);
        let told = unreachable(id, peer, reason).filter(|_| !was_stale);
        self.fall_back(now, id);
        told.into_iter().collect()
    }

    /// A peer that is not dialled by itself any more may still be reached at an address that was given to last.
    fn fall_back(&mut self, now: Instant, id: &PeerId) {
        let state = self.get(id).map(|peer| peer.redial.state());
        if let Some(State::Left | State::Failed) = state {
            let at = now + self.limits.redial.stale_retry;
            self.seeds.revive(at, id);
        }
    }
}

fn unreachable(id: &PeerId, peer: &Peer, reason: &CloseReason) -> Option<Output> {
    let status = peer.status();
    let is_told = matches!(status, Status::Stale | Status::Failed);
    is_told.then(|| Output::Unreachable(id.clone(), status, reason.to_string()))
}

#[cfg(test)]
mod tests;

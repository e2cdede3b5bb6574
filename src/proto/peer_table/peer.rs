//! One known peer: where it is, the links to it, and which of them is written on.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use super::redial::{Redial, State};
use crate::proto::link::{Direction, LinkId};

/// What a peer is to us, as `/peers` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Its address is known, or it was linked.
    Known,
    /// A dial is under way.
    Connecting,
    /// A link is open.
    Connected,
    /// It does not answer; tried now and then.
    Stale,
    /// It answers, but not as a peer.
    Failed,
}

impl Status {
    /// The word for tables and events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Known => "known",
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Stale => "stale",
            Self::Failed => "failed",
        }
    }
}

/// An open link to a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub id: LinkId,
    /// Who dialled.
    pub direction: Direction,
    /// The address of the other end.
    pub address: SocketAddr,
    /// When it opened.
    pub opened: Instant,
}

/// Where the address of a peer is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A record of the rendezvous that ends at this time.
    Record {
        /// When the record ends, if it is not renewed.
        expires: Instant,
    },
    /// `--join` or `/connect`.
    Given,
}

/// Everything about one peer.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Where to dial; none for who only dialled us.
    pub address: Option<(SocketAddr, Source)>,
    /// The open links, oldest first.
    pub links: Vec<Link>,
    /// The state of dialling it.
    pub redial: Redial,
    /// Since when nothing has spoken for it: no link, no record.
    pub absent_since: Option<Instant>,
}

/// A renewal of a record shows as an end that moved by more than its rounding.
const RENEWED_BY: Duration = Duration::from_secs(3);

impl Peer {
    /// A peer about which nothing is known yet.
    pub fn new(now: Instant) -> Self {
        Self {
            address: None,
            links: Vec::new(),
            redial: Redial::idle(),
            absent_since: Some(now),
        }
    }

    /// What it is to us.
    pub fn status(&self) -> Status {
        match self.redial.state() {
            _ if !self.links.is_empty() => Status::Connected,
            State::Dialling => Status::Connecting,
            State::Stale(_) => Status::Stale,
            State::Failed => Status::Failed,
            _ => Status::Known,
        }
    }

    /// A record of it was discovered: new, moved or renewed is a reason to dial.
    pub fn recorded(&mut self, now: Instant, address: SocketAddr, expires: Instant) {
        let is_new = self.absent_since.take().is_some();
        let (moved, renewed) = match self.address {
            None => (true, true),
            Some((known, Source::Given)) => (known != address, false),
            Some((known, Source::Record { expires: before })) => {
                (known != address, expires > before + RENEWED_BY)
            }
        };
        self.address = Some((address, Source::Record { expires }));
        let failed = self.redial.state() == State::Failed;
        if !self.is_reached() && (is_new || moved || (renewed && !failed)) {
            self.redial.renew(now);
        }
    }

    /// The link that is written on: the newest that is alive, from the peer's own address if it can be. `heard`
    /// tells when a link's last byte came; a link is alive for `alive` after it.
    pub fn writer(
        &self,
        now: Instant,
        heard: impl Fn(LinkId) -> Option<Instant>,
        alive: Duration,
    ) -> Option<LinkId> {
        let is_alive = |link: &&Link| {
            let at = heard(link.id).unwrap_or(link.opened).max(link.opened);
            now.saturating_duration_since(at) < alive
        };
        let trusted = |link: &&Link| self.trusts(link);
        let newest = self.links.iter().rev();
        let mut choices = [
            newest.clone().find(|link| is_alive(link) && trusted(link)),
            newest.clone().find(is_alive),
            newest.clone().next(),
        ]
        .into_iter()
        .flatten();
        choices.next().map(|link| link.id)
    }

    /// Whether it is linked as far as the plain wire can tell. A stranger's link under its id does not keep the peer
    /// itself from being dialled.
    pub fn is_reached(&self) -> bool {
        self.links.iter().any(|link| self.trusts(link))
    }

    /// Whether a link comes from where the peer is known to be. The plain wire proves nothing more than that.
    pub fn trusts(&self, link: &Link) -> bool {
        match self.address {
            _ if link.direction == Direction::Outbound => true,
            None => true,
            Some((known, _)) => same_host(known.ip(), link.address.ip()),
        }
    }
}

/// Whether two addresses are one host; the loopback addresses of both families are.
pub fn same_host(a: IpAddr, b: IpAddr) -> bool {
    let (a, b) = (a.to_canonical(), b.to_canonical());
    a == b || (a.is_loopback() && b.is_loopback() && a.is_ipv4() != b.is_ipv4())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_address_however_it_is_written_and_loopback_of_either_family() {
        let check = |a: &str, b: &str, same| {
            let [a, b]: [IpAddr; 2] = [a, b].map(|it| it.parse().unwrap());
            assert_eq!(same_host(a, b), same, "{a} {b}");
        };
        check("10.0.0.1", "::ffff:10.0.0.1", true);
        check("127.0.0.1", "::1", true);
        check("127.0.0.1", "127.0.0.2", false);
        check("10.0.0.1", "10.0.0.2", false);
        check("10.0.0.1", "127.0.0.1", false);
    }
}

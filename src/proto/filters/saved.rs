//! The form in which filters are kept: what `filters.json` holds, and what of a file is believed.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Blocked, FILTERS_MAX, Filters};
use crate::wire::identity::PeerId;

/// Filters as a file holds them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedFilters {
    version: u32,
    ignored: Vec<SavedIgnored>,
    blocked_peers: Vec<String>,
    blocked_addresses: Vec<IpAddr>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedIgnored {
    peer: String,
    /// Seconds since 1970; none: without end.
    until: Option<u64>,
}

/// The form that this version writes.
const VERSION: u32 = 1;

/// Why a file holds no filters.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadFilters {
    /// A later papo wrote it.
    #[error("version {0} is not known")]
    Version(u32),
    /// This is no peer.
    #[error("{} is no peer id", crate::wire::printable::Printable::id(.0))]
    NoPeer(String),
    /// More than [`FILTERS_MAX`] in a list.
    #[error("a list is longer than {FILTERS_MAX}")]
    TooLong,
}

impl From<&Filters> for SavedFilters {
    fn from(filters: &Filters) -> Self {
        let seconds = |until: SystemTime| {
            let since = until.duration_since(UNIX_EPOCH).unwrap_or_default();
            since.as_secs()
        };
        let ignored = filters.ignored.iter().map(|(peer, until)| SavedIgnored {
            peer: peer.as_str().to_owned(),
            until: until.map(seconds),
        });
        let mut saved = Self {
            version: VERSION,
            ignored: ignored.collect(),
            blocked_peers: Vec::new(),
            blocked_addresses: Vec::new(),
        };
        for blocked in &filters.blocked {
            match blocked {
                Blocked::Peer(peer) => saved.blocked_peers.push(peer.as_str().to_owned()),
                Blocked::Address(address) => saved.blocked_addresses.push(*address),
            }
        }
        saved
    }
}

impl TryFrom<SavedFilters> for Filters {
    type Error = BadFilters;

    /// All of it, or nothing: half a list of who is blocked would look like a whole one.
    fn try_from(saved: SavedFilters) -> Result<Self, BadFilters> {
        if saved.version != VERSION {
            return Err(BadFilters::Version(saved.version));
        }
        let blocked = saved.blocked_peers.len() + saved.blocked_addresses.len();
        if saved.ignored.len().max(blocked) > FILTERS_MAX {
            return Err(BadFilters::TooLong);
        }
        let mut filters = Self::default();
        for SavedIgnored { peer, until } in saved.ignored {
            let until = until.and_then(|at| UNIX_EPOCH.checked_add(Duration::from_secs(at)));
            filters.ignored.insert(parse(peer)?, until);
        }
        for peer in saved.blocked_peers {
            filters.blocked.insert(Blocked::Peer(parse(peer)?));
        }
        let addresses = saved.blocked_addresses.into_iter();
        filters
            .blocked
            .extend(addresses.map(|it| Blocked::Address(it.to_canonical())));
        Ok(filters)
    }
}

fn parse(peer: String) -> Result<PeerId, BadFilters> {
    PeerId::parse(&peer).map_err(|_| BadFilters::NoPeer(peer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Filters, BadFilters> {
        serde_json::from_str::<SavedFilters>(text)
            .unwrap()
            .try_into()
    }

    #[test]
    fn what_was_saved_is_read_again() {
        let mut filters = Filters::default();
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        let peer = |text| PeerId::parse(text).unwrap();
        let minute = Some(Duration::from_secs(60));
        filters.ignore(now, peer("a\u{1b}@X"), minute).unwrap();
        filters.ignore(now, peer("b@X"), None).unwrap();
        filters.block(Blocked::Peer(peer("c@X"))).unwrap();
        let address = Blocked::Address("10.0.0.7".parse().unwrap());
        filters.block(address).unwrap();
        let text = serde_json::to_string(&SavedFilters::from(&filters)).unwrap();
        assert_eq!(
            text,
            r#"{"version":1,"ignored":[{"peer":"a\u001b@X","until":1060},{"peer":"b@X","until":null}],"blocked_peers":["c@X"],"blocked_addresses":["10.0.0.7"]}"#
        );
        assert_eq!(read(&text), Ok(filters));
    }

    #[test]
    fn a_file_that_cannot_be_ours_is_refused_as_a_whole() {
        let check = |text: &str, why: &str| {
            assert_eq!(read(text).unwrap_err().to_string(), why);
        };
        let with = |version, peer: &str| {
            format!(
                r#"{{"version":{version},"ignored":[],"blocked_peers":["{peer}"],"blocked_addresses":[]}}"#
            )
        };
        check(&with(2, "a@X"), "version 2 is not known");
        check(&with(1, "nobody"), "nobody is no peer id");
        let many = vec!["a@X"; FILTERS_MAX + 1].join(r#"",""#);
        check(&with(1, &many), "a list is longer than 1000");
    }

    #[test]
    fn a_time_that_no_clock_can_tell_is_without_end() {
        let text = r#"{"version":1,"ignored":[{"peer":"a@X","until":18446744073709551615}],"blocked_peers":[],"blocked_addresses":[]}"#;
        let filters = read(text).unwrap();
        let ignored = filters.ignored(UNIX_EPOCH);
        assert_eq!(ignored.len(), 1);
        assert_eq!(ignored[0].1, None);
    }
}

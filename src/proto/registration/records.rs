//! What an answer to DISCOVER means for this node: who can be dialled, who shares our address, whether we are in it.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    net::{IpAddr, SocketAddr},
};

use crate::wire::{identity::PeerId, rendezvous::Record};

/// Whom the records are arranged for, and where they come from.
#[derive(Debug, Clone, Copy)]
pub struct Viewpoint<'a> {
    /// Our own identity.
    pub own: &'a PeerId,
    /// Our own record's address: as the rendezvous saw us at REGISTER, with the registered port.
    pub seen: Option<SocketAddr>,
    /// The rendezvous itself.
    pub server: Option<IpAddr>,
}

/// An answer to DISCOVER, made ready for the router.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arranged {
    /// The records of others in the server's order, with addresses that can be dialled from here. Several records of
    /// one id stand together, the one that lasts longest first.
    pub records: Vec<Record>,
    /// How many nodes share our address, ourselves included.
    pub sharers: usize,
    /// Whether our own record was there.
    pub own_listed: bool,
    /// The ids with more than one record.
    pub repeated: Vec<PeerId>,
}

impl Viewpoint<'_> {
    /// Sorts the records out.
    pub fn arrange(&self, records: Vec<Record>) -> Arranged {
        let seen = self.seen.map(|address| address.ip());
        let from_us = |record: &&Record| Some(record.address.ip()) == seen;
        let sharers = records.iter().filter(from_us).count().max(1);
        let own_listed = records
            .iter()
            .any(|record| record.peer == *self.own && (seen.is_none() || from_us(&record)));
        let others = records.into_iter().filter(|record| !self.is_own(record));
        let (records, repeated) = group(others.map(|record| self.correct(record)).collect());
        Arranged {
            records,
            sharers,
            own_listed,
            repeated,
        }
    }

    /// Where others answer, or answered once, under our own id; without `leftover`, our own last registration.
    pub fn rivals(&self, records: &[Record], leftover: Option<SocketAddr>) -> Vec<SocketAddr> {
        let is_rival =
            |record: &&Record| record.peer == *self.own && Some(record.address) != leftover;
        let rivals = records.iter().filter(is_rival).cloned();
        rivals.map(|record| self.correct(record).address).collect()
    }

    /// A loopback address that a rendezvous elsewhere lists is a peer on the rendezvous's machine.
    pub fn correct(&self, mut record: Record) -> Record {
        if let Some(server) = self.server.map(|ip| ip.to_canonical())
            && record.address.ip().is_loopback()
            && !server.is_loopback()
        {
            record.address.set_ip(server);
        }
        record
    }

    fn is_own(&self, record: &Record) -> bool {
        record.peer == *self.own || Some(record.address) == self.seen
    }
}

/// Brings records of one id together, the longest-lived first, without changing the order of first appearance.
fn group(mut records: Vec<Record>) -> (Vec<Record>, Vec<PeerId>) {
    let mut seen = HashSet::new();
    records.retain(|record| seen.insert((record.peer.clone(), record.address)));
    let mut places: HashMap<PeerId, usize> = HashMap::new();
    let mut repeated: Vec<PeerId> = Vec::new();
    for (place, record) in records.iter().enumerate() {
        let first = *places.entry(record.peer.clone()).or_insert(place);
        if first != place && repeated.last() != Some(&record.peer) {
            repeated.push(record.peer.clone());
        }
    }
    repeated.sort();
    repeated.dedup();
    records.sort_by_key(|record| {
        (
            places.get(&record.peer).copied(),
            Reverse(record.expires_in),
        )
    });
    (records, repeated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(peer: &str, address: &str, expires_in: u64) -> Record {
        Record {
            peer: PeerId::parse(peer).unwrap(),
            address: address.parse().unwrap(),
            expires_in,
        }
    }

    fn arrange(seen: Option<&str>, server: &str, records: &[(&str, &str, u64)]) -> Arranged {
        let own = PeerId::parse("alice@CIC").unwrap();
        let viewpoint = Viewpoint {
            own: &own,
            seen: seen.map(|address| address.parse().unwrap()),
            server: Some(server.parse().unwrap()),
        };
        let make = |(peer, address, left): &(&str, &str, u64)| record(peer, address, *left);
        viewpoint.arrange(records.iter().map(make).collect())
    }

    fn shown(arranged: &Arranged) -> Vec<String> {
        let show = |record: &Record| format!("{} {}", record.peer, record.address);
        arranged.records.iter().map(show).collect()
    }

    #[test]
    fn our_own_record_is_left_out_by_id_and_by_address() {
        let arranged = arrange(
            Some("10.0.0.1:4000"),
            "10.0.0.9",
            &[
                ("alice@CIC", "10.0.0.1:4000", 9),
                ("alice@CIC", "10.0.0.7:4000", 9),
                ("old@CIC", "10.0.0.1:4000", 9),
                ("bob@CIC", "10.0.0.1:4001", 9),
            ],
        );
        assert_eq!(shown(&arranged), ["bob@CIC 10.0.0.1:4001"]);
        assert!(arranged.own_listed);
        assert_eq!(arranged.sharers, 3);
    }

    #[test]
    fn our_id_at_another_address_is_not_our_record() {
        let records = [("alice@CIC", "10.0.0.7:4000", 9)];
        assert!(!arrange(Some("10.0.0.1:4000"), "10.0.0.9", &records).own_listed);
        assert!(arrange(None, "10.0.0.9", &records).own_listed);
    }

    #[test]
    fn a_loopback_record_is_dialled_at_the_rendezvous_unless_that_is_on_loopback() {
        let records = [("bob@CIC", "127.0.0.1:4001", 9)];
        let elsewhere = arrange(None, "10.0.0.9", &records);
        assert_eq!(shown(&elsewhere), ["bob@CIC 10.0.0.9:4001"]);
        let here = arrange(None, "127.0.0.1", &records);
        assert_eq!(shown(&here), ["bob@CIC 127.0.0.1:4001"]);
    }

    #[test]
    fn records_of_one_id_stand_together_with_the_longest_lived_first() {
        let arranged = arrange(
            None,
            "10.0.0.9",
            &[
                ("bob@CIC", "10.0.0.2:4000", 5),
                ("eve@CIC", "10.0.0.3:4000", 90),
                ("bob@CIC", "10.0.0.4:4000", 50),
                ("bob@CIC", "10.0.0.4:4000", 50),
            ],
        );
        let expected = [
            "bob@CIC 10.0.0.4:4000",
            "bob@CIC 10.0.0.2:4000",
            "eve@CIC 10.0.0.3:4000",
        ];
        assert_eq!(shown(&arranged), expected);
        assert_eq!(arranged.repeated, [PeerId::parse("bob@CIC").unwrap()]);
    }

    #[test]
    fn rivals_are_records_of_our_id_that_we_did_not_leave_behind() {
        let own = PeerId::parse("alice@CIC").unwrap();
        let viewpoint = Viewpoint {
            own: &own,
            seen: None,
            server: Some([10, 0, 0, 9].into()),
        };
        let records = [
            record("alice@CIC", "10.0.0.1:4000", 9),
            record("alice@CIC", "127.0.0.1:4000", 9),
            record("bob@CIC", "10.0.0.2:4000", 9),
        ];
        let rivals = viewpoint.rivals(&records, Some("10.0.0.1:4000".parse().unwrap()));
        assert_eq!(rivals, ["10.0.0.9:4000".parse().unwrap()]);
    }
}

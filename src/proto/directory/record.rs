//! A record: who is found where, until when; and the form in which records are kept over a restart.

use std::{net::IpAddr, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::request::{NAME_POINTS_MAX, TTL_MAX};

/// What makes a record one: registering the same again renews it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct RecordKey {
    /// As the server saw it, an IPv4-mapped address as IPv4.
    pub(super) ip: IpAddr,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// Where the peer listens, and for how long the record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) port: u16,
    /// In seconds.
    pub(super) ttl: u32,
    /// Since the Unix epoch.
    pub(super) registered_at: Duration,
}

impl Lease {
    /// Whether the record still holds. In its last instant it does.
    pub(super) fn is_live(&self, now: Duration) -> bool {
        now <= self.end()
    }

    /// Whole seconds until it ends, rounded down.
    pub(super) fn expires_in(&self, now: Duration) -> u64 {
        self.end().saturating_sub(now).as_secs()
    }

    fn end(&self) -> Duration {
        let ttl = Duration::from_secs(self.ttl.into());
        self.registered_at.saturating_add(ttl)
    }
}

/// All records at one moment. Cheap to take and to clone: the names are shared with the directory.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot(pub(super) Arc<[(Arc<RecordKey>, Lease)]>);

impl Snapshot {
    /// The form that is written to the records file.
    pub fn to_saved(&self) -> SavedRecords {
        let save = |(key, lease): &(Arc<RecordKey>, Lease)| SavedRecord {
            ip: key.ip,
            port: lease.port,
            name: key.name.clone(),
            namespace: key.namespace.clone(),
            ttl: lease.ttl,
            registered_at_ms: u64::try_from(lease.registered_at.as_millis()).unwrap_or(u64::MAX),
        };
        SavedRecords {
            version: SavedRecords::VERSION,
            records: self.0.iter().map(save).collect(),
        }
    }
}

/// The content of the records file, in order of first registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedRecords {
    /// [`SavedRecords::VERSION`]; another one was written by another papo and is not understood.
    pub version: u32,
    /// The records; those that ended meanwhile are dropped when they are taken back.
    pub records: Vec<SavedRecord>,
}

impl SavedRecords {
    /// The version of this form.
    pub const VERSION: u32 = 1;
}

/// One record as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedRecord {
    /// As the server saw it.
    pub ip: IpAddr,
    /// Where the peer listens.
    pub port: u16,
    /// The peer's name, 1 to 64 code points.
    pub name: String,
    /// Its namespace, 1 to 64 code points.
    pub namespace: String,
    /// In seconds, 1 to 86,400.
    pub ttl: u32,
    /// Milliseconds since the Unix epoch.
    pub registered_at_ms: u64,
}

impl SavedRecord {
    /// The record, unless it could never have been registered: a file can be edited.
    pub(super) fn restored(self) -> Option<(RecordKey, Lease)> {
        let fits = |text: &str| (1..=NAME_POINTS_MAX).contains(&text.chars().count());
        let is_valid = fits(&self.name)
            && fits(&self.namespace)
            && self.port != 0
            && (1..=TTL_MAX).contains(&self.ttl);
        let key = RecordKey {
            ip: self.ip.to_canonical(),
            namespace: self.namespace,
            name: self.name,
        };
        let lease = Lease {
            port: self.port,
            ttl: self.ttl,
            registered_at: Duration::from_millis(self.registered_at_ms),
        };
        is_valid.then_some((key, lease))
    }
}

//! The rendezvous directory: who registered from where, and the answer to every request line ("rendezvous protocol").
//!
//! Pure: a line and its sender's address go in, one answer line comes out. Knows no sockets, files or clock.
//!
//! Records survive restarts, so they are kept by wall clock. A clock that jumps forward ends records early: their
//! owners read `peer_not_registered` and register again. A clock that goes back must not make records immortal: a
//! record from the future counts as registered now, so none outlives its ttl by more than the time before the jump.

mod answer;
pub mod gate;
pub mod rate;
mod record;
mod request;

use std::{net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use indexmap::IndexMap;

pub use self::{
    answer::{LINE_BYTES_MAX, Refusal},
    record::{SavedRecord, SavedRecords, Snapshot},
};
use self::{
    record::{Lease, RecordKey},
    request::{Pattern, Registration, Removal, Request},
};

/// How much a directory holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// All records; when full, a new one is refused (`server_full`) and known ones can still be renewed.
    pub records_max: usize,
    /// Records of one address, so that no single one fills the directory; when full, a new one is refused
    /// (`address_full`). Does not hold for loopback, where all belong to the users of this machine.
    pub records_per_address_max: usize,
}

/// One answer, and what became of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The line with its newline.
    pub line: Bytes,
    /// What to count and log; whether there is something to save.
    pub outcome: Outcome,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A record was added or renewed.
    Registered,
    /// Records were listed.
    Discovered,
    /// Records were removed.
    Unregistered,
    /// Nothing was done.
    Refused(Refusal),
}

impl Outcome {
    /// Whether the records are now different and should be saved.
    pub fn is_change(&self) -> bool {
        matches!(self, Self::Registered | Self::Unregistered)
    }
}

/// The records and the rules by which they are given out.
#[derive(Debug, Clone)]
pub struct Directory {
    limits: Limits,
    /// In order of first registration.
    records: IndexMap<Arc<RecordKey>, Lease>,
}

impl Directory {
    /// An empty directory.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            records: IndexMap::new(),
        }
    }

    /// A directory with the saved records that still hold at `now`; records that could never have been registered,
    /// and those beyond the limit, are left out.
    pub fn restored(limits: Limits, now: Duration, saved: SavedRecords) -> Self {
        let mut directory = Self::new(limits);
        let records = saved
            .records
            .into_iter()
            .filter_map(SavedRecord::restored)
            .map(|(key, lease)| (Arc::new(key), lease));
        directory.records.extend(records);
        directory.drop_ended(now);
        directory.records.truncate(limits.records_max);
        directory
    }

    /// A directory as it was when the snapshot was taken: how a new incarnation of its owner goes on.
    pub fn resumed(limits: Limits, snapshot: &Snapshot) -> Self {
        Self {
            limits,
            records: snapshot.0.iter().cloned().collect(),
        }
    }

    /// Answers one request line (without its newline) from `from`, at `now` since the Unix epoch.
    pub fn answer(&mut self, now: Duration, from: IpAddr, line: &[u8]) -> Answer {
        self.drop_ended(now);
        let outcome =
            Request::read(line).and_then(|request| self.handle(now, from.to_canonical(), request));
        outcome.unwrap_or_else(|refusal| Answer {
            line: refusal.line(),
            outcome: Outcome::Refused(refusal),
        })
    }

    /// All records as they are now.
    pub fn snapshot(&self) -> Snapshot {
        let records = self.records.iter();
        Snapshot(records.map(|(key, lease)| (key.clone(), *lease)).collect())
    }

    /// How many records there are, those included that ended since the last request.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    fn handle(&mut self, now: Duration, from: IpAddr, request: Request) -> Result<Answer, Refusal> {
        match request {
            Request::Register(registration) => self.register(now, from, registration?),
            Request::Discover(namespace) => {
                self.check_registered(from)?;
                Ok(self.discover(now, &namespace?))
            }
            Request::Unregister(removal) => {
                self.check_registered(from)?;
                self.unregister(from, &removal?)
            }
        }
    }

    fn register(
        &mut self,
        now: Duration,
        ip: IpAddr,
        registration: Registration,
    ) -> Result<Answer, Refusal> {
        let (key, lease) = registration.record(now, ip);
        if !self.records.contains_key(&key) {
            self.check_room(ip)?;
        }
        self.records.insert(Arc::new(key), lease);
        Ok(Answer {
            line: answer::registered(ip, &lease),
            outcome: Outcome::Registered,
        })
    }

    fn discover(&self, now: Duration, namespace: &Pattern) -> Answer {
        let records = self.records.iter().map(|(key, lease)| (&**key, lease));
        let found = records.filter(|(key, _)| namespace.matches(&key.namespace));
        Answer {
            line: answer::discovered(now, found),
            outcome: Outcome::Discovered,
        }
    }

    fn unregister(&mut self, from: IpAddr, removal: &Removal) -> Result<Answer, Refusal> {
        let before = self.records.len();
        self.records.retain(|key, lease| {
            !(key.ip == from
                && removal.namespace.matches(&key.namespace)
                && removal.name.matches(&key.name)
                && removal.port.is_none_or(|port| port == lease.port))
        });
        if self.records.len() == before {
            return Err(Refusal::NoMatch);
        }
        Ok(Answer {
            line: answer::unregistered(),
            outcome: Outcome::Unregistered,
        })
    }

    fn check_registered(&self, from: IpAddr) -> Result<(), Refusal> {
        match self.records.keys().any(|key| key.ip == from) {
            true => Ok(()),
            false => Err(Refusal::NotRegistered),
        }
    }

    fn check_room(&self, ip: IpAddr) -> Result<(), Refusal> {
        let of_address = || self.records.keys().filter(|key| key.ip == ip).count();
        if self.records.len() >= self.limits.records_max {
            Err(Refusal::ServerFull)
        } else if !ip.is_loopback() && of_address() >= self.limits.records_per_address_max {
            Err(Refusal::AddressFull)
        } else {
            Ok(())
        }
    }

    /// Drops the records that ended, and takes those from the future as registered now (see the top).
    fn drop_ended(&mut self, now: Duration) {
        self.records.retain(|_, lease| {
            lease.registered_at = lease.registered_at.min(now);
            lease.is_live(now)
        });
    }
}

#[cfg(test)]
mod rows;
#[cfg(test)]
mod tests;

//! The client's side of the rendezvous protocol: requests to bytes, answers to values (protocol text, section 3).

use std::net::SocketAddr;

use super::identity::PeerId;

/// The largest answer that is read, in bytes: an answer to DISCOVER has no limit of its own.
pub const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most records that are taken from one answer.
pub const RECORDS_MAX: usize = 4096;

/// One peer as an answer to DISCOVER lists it, its address already corrected for where the rendezvous is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Who.
    pub peer: PeerId,
    /// Where to dial.
    pub address: SocketAddr,
    /// Seconds until the record ends; a renewal makes it grow.
    pub expires_in: u64,
}

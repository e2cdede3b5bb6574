//! RouterActor: the peer table, routing and dialling.

use std::sync::Arc;

use actix::Message;

use crate::wire::rendezvous::Record;

/// An answer to DISCOVER: every peer that is registered now, without our own record.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct RecordsDiscovered {
    /// The records, at most [`RECORDS_MAX`](crate::wire::rendezvous::RECORDS_MAX).
    pub records: Arc<[Record]>,
}

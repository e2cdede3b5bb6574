//! The numbers that stand for peers in the tables, remembered for the busy ones.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension};

use crate::wire::identity::PeerId;

/// Peers remembered; when there are more, all are looked up anew.
const PEERS_MAX: usize = 10_000;

/// Numbers of peers.
#[derive(Debug, Default)]
pub(super) struct PeerIds {
    known: HashMap<PeerId, i64>,
}

impl PeerIds {
    /// The number of this peer, which is given one if it has none.
    pub fn of(&mut self, connection: &Connection, peer: &PeerId) -> rusqlite::Result<i64> {
        if let Some(id) = self.known.get(peer) {
            return Ok(*id);
        }
        let id = match Self::find(connection, peer)? {
            Some(id) => id,
            None => connection
                .prepare_cached("INSERT INTO peers (peer) VALUES (?1)")?
                .insert([peer.as_str()])?,
        };
        if self.known.len() == PEERS_MAX {
            self.known.clear();
        }
        self.known.insert(peer.clone(), id);
        Ok(id)
    }

    /// The number of this peer, if it has one.
    pub fn find(connection: &Connection, peer: &PeerId) -> rusqlite::Result<Option<i64>> {
        let mut statement = connection.prepare_cached("SELECT id FROM peers WHERE peer = ?1")?;
        statement
            .query_row([peer.as_str()], |row| row.get(0))
            .optional()
    }

    /// Numbers given within a transaction that was rolled back, or of peers that were removed, mean nothing.
    pub fn forget(&mut self) {
        self.known.clear();
    }
}

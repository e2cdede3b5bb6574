//! Questions about what was said: on disk, or for a while in memory.

use super::{NodeError, NodeHandle};
use crate::{
    actors::{
        disk::Health,
        door::Door,
        history::{ExplainMessage, ListHistory},
        router::ListRecent,
    },
    store::rows::{Life, MessageName, Query, Row},
};

/// The doors of the actor that looks after the history.
pub struct HistoryDoors {
    /// `/history`, `/search`.
    pub list: Door<ListHistory>,
    /// `/why`.
    pub explain: Door<ExplainMessage>,
}

impl NodeHandle {
    /// The messages that a query asks for, oldest first. Without a history on disk words cannot be searched for.
    pub async fn history(&self, query: Query) -> Result<Vec<Row>, NodeError> {
        if let Some(doors) = &self.0.doors.history {
            return Ok(doors.list.ask(ListHistory(query)).await??);
        }
        if query.words.is_some() {
            return Err(NodeError::NoHistory);
        }
        let Query { count, with, .. } = query;
        Ok(self.0.doors.recent.ask(ListRecent { count, with }).await?)
    }

    /// The life of one of our messages; none if there is no such message.
    pub async fn explain(&self, name: MessageName) -> Result<Option<Life>, NodeError> {
        match &self.0.doors.history {
            Some(doors) => Ok(doors.explain.ask(ExplainMessage(name)).await??),
            None => Err(NodeError::NoHistory),
        }
    }

    /// How the history on disk is, and how many messages wait there; none without one.
    pub fn disk(&self) -> Option<(Health, usize)> {
        let disk = self.0.kept.disk()?;
        let health = disk.health().borrow().clone();
        Some((health, self.0.kept.waiting_on_disk()))
    }
}

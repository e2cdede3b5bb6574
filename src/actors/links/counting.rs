//! What becomes of a link in the counters and in the log.

use std::time::Duration;

use super::{LinkEnded, Links};
use crate::{
    actors::clock,
    proto::{close::CloseReason, link::Direction},
};

impl Links {
    /// Counts and logs how a connection ended.
    pub(super) fn count_end(&self, ended: &LinkEnded) {
        let metrics = &self.0.metrics;
        match (&ended.reason, ended.was_open.is_some()) {
            (_, false) => metrics.handshakes_failed.increment(),
            (CloseReason::EndOfStream | CloseReason::Broken(_), _) => {
                metrics.links_lost.increment()
            }
            (CloseReason::Silent(_), _) => metrics.links_silent.increment(),
            (CloseReason::Overloaded, _) => metrics.links_overloaded.increment(),
            (CloseReason::Panicked(_), _) => {
                metrics.actor_restarts.increment();
                // The connection is made anew by the rule for lost links; nobody knows when.
                metrics
                    .restarts
                    .failed("peer", clock::now(), Duration::ZERO);
            }
            _ => {}
        }
        let (address, reason) = (ended.address, &ended.reason);
        match (&ended.peer, ended.was_open.is_some()) {
            (Some(peer), true) => {
                tracing::info!(%address, %reason, "{} disconnected: {peer}", title(ended.direction));
            }
            _ => tracing::debug!(%address, %reason, "No link"),
        }
    }
}

/// The word of a log line.
pub(super) fn title(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "Inbound",
        Direction::Outbound => "Outbound",
    }
}

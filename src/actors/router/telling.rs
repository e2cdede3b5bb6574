//! What the router tells the front end, and how it waits for one that has no room.

use std::{net::SocketAddr, sync::Arc};

use actix::{AsyncContext, Context, WrapFuture};
use jiff::Timestamp;

use super::RouterActor;
use crate::{
    actors::{door::DoorError, events::NodeEvent, recent::RecentFact},
    proto::{
        close::CloseReason,
        outgoing::Outcome,
        peer_table::{SEEDS_MAX, Status},
    },
    wire::identity::PeerId,
};

impl RouterActor {
    pub(super) fn unreachable(&mut self, peer: PeerId, status: Status, reason: String) {
        tracing::info!(%reason, "{peer} is {}", status.name());
        self.fail_waiting(&peer, "the peer does not answer");
        self.emit(NodeEvent::PeerUnreachable {
            peer,
            status: status.name(),
            reason,
        });
    }

    pub(super) fn address_unreachable(
        &mut self,
        address: SocketAddr,
        reason: &CloseReason,
        given_up: bool,
    ) {
        let hint = match (reason, given_up) {
            (CloseReason::Ourselves, _) => "give the address of another node",
            (CloseReason::Blocked, _) => "/block lists who is blocked, /unblock allows links again",
            (_, true) => "it is not tried again: check the address, then /connect it again",
            (_, false) => {
                "it is tried again for a while; check the address and whether the node runs"
            }
        };
        if given_up {
            let mut kept = self.kept.inner.lock();
            kept.joined.retain(|(joined, _)| *joined != address);
        }
        self.emit(NodeEvent::Trouble {
            code: "address_unreachable",
            message: format!("{address}: {reason}"),
            hint: hint.into(),
        });
    }

    pub(super) fn too_many_addresses(&mut self, address: SocketAddr) {
        self.emit(NodeEvent::Trouble {
            code: "too_many_addresses",
            message: format!("{address} is not dialled: {SEEDS_MAX} addresses are tried already"),
            hint: "wait until some of them have answered or were given up".into(),
        });
    }

    pub(super) fn conflict(&mut self, peer: PeerId, known: SocketAddr, claimed: SocketAddr) {
        tracing::warn!(%known, %claimed, "Another address claims to be {peer}");
        self.metrics.peer_conflicts.increment();
        self.emit(NodeEvent::PeerConflict {
            peer,
            known,
            claimed,
        });
    }

    pub(super) fn tell_outcomes(&mut self, outcomes: Vec<Outcome>) {
        for outcome in outcomes {
            self.tell_outcome(outcome);
        }
    }

    pub(super) fn tell_outcome(&mut self, outcome: Outcome) {
        let metrics = Arc::clone(&self.metrics);
        match outcome {
            Outcome::Delivered(message, rtt) => {
                metrics.texts_delivered.increment();
                metrics.ack_latency.record(rtt);
                self.remember(RecentFact::Delivered(Arc::clone(&message), rtt));
                self.emit(NodeEvent::TextDelivered { message, rtt });
            }
            Outcome::AckTimedOut(message) => {
                metrics.ack_timeouts.increment();
                let after = self.kept.ack_timeout();
                tracing::warn!(msg_id = %message.msg_id, "{} has not acknowledged", message.to);
                self.emit(NodeEvent::AckTimedOut { message, after });
            }
            Outcome::Unconfirmed(message, reason) => {
                metrics.texts_unconfirmed.increment();
                let reason = reason.into();
                self.emit(NodeEvent::TextUnconfirmed { message, reason });
            }
            Outcome::Failed(message, reason) => {
                metrics.texts_failed.increment();
                let reason = reason.into();
                self.emit(NodeEvent::TextFailed { message, reason });
            }
            // A publication that missed one of its peers did not fail; it is counted.
            Outcome::Missed(count) => metrics.texts_failed.add(u64::try_from(count).unwrap_or(0)),
        }
    }

    pub(super) fn remember(&mut self, fact: RecentFact) {
        self.kept.inner.lock().recent.add(Timestamp::now(), fact);
    }

    /// Queues an event; [`RouterActor::settle`] hands it on.
    pub(super) fn emit(&mut self, event: NodeEvent) {
        self.kept.inner.lock().backlog.push_back(event);
    }

    /// The end of every handler: events go to the front end, and time is made to pass. While the front end has no
    /// room the router is deaf, so that links and commands feel it.
    pub(super) fn settle(&mut self, ctx: &mut Context<Self>) {
        let dials = self.table.is_busy();
        self.arm(ctx, dials);
        self.show(ctx);
    }

    /// The same where nobody became due to be dialled: without a look at every peer.
    pub(super) fn settle_undialled(&mut self, ctx: &mut Context<Self>) {
        self.arm(ctx, false);
        self.show(ctx);
    }

    fn show(&mut self, ctx: &mut Context<Self>) {
        if self.flushing {
            return;
        }
        loop {
            let Some(event) = self.kept.inner.lock().backlog.pop_front() else {
                return;
            };
            if self.events.try_put(event.clone()) == Err(DoorError::Full) {
                self.kept.inner.lock().backlog.push_front(event);
                return self.flush_slowly(ctx);
            }
        }
    }

    fn flush_slowly(&mut self, ctx: &mut Context<Self>) {
        self.flushing = true;
        let (kept, events) = (Arc::clone(&self.kept), self.events.clone());
        let flush = async move {
            loop {
                let Some(event) = kept.inner.lock().backlog.front().cloned() else {
                    return;
                };
                events.tell(event).await;
                kept.inner.lock().backlog.pop_front();
            }
        };
        let flush = actix::ActorFutureExt::map(flush.into_actor(self), |(), actor, _| {
            actor.flushing = false;
        });
        ctx.wait(flush);
    }
}

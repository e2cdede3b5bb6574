//! What the router tells the front end, and how it waits for one that has no room.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix::{AsyncContext, Context, WrapFuture};
use jiff::Timestamp;

use super::RouterActor;
use crate::{
    actors::{door::DoorError, events::NodeEvent, kept::Told, recent::RecentFact},
    proto::{
        close::CloseReason,
        outgoing::{Outcome, OwnMessage},
        peer_table::{SEEDS_MAX, Status},
    },
    store::facts::{Fact, Ticket},
    wire::identity::PeerId,
};

/// So many events wait for their commits without making the router deaf.
const UNTOLD_MAX: usize = 4096;

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
        let at = Timestamp::now();
        match outcome {
            Outcome::Delivered(message, rtt) => self.delivered(message, rtt),
            Outcome::AckTimedOut(message) => self.ack_timed_out(message),
            Outcome::Unconfirmed(message, reason) => self.unconfirmed(message, reason),
            Outcome::Failed(message, reason) => self.failed(message, reason),
            Outcome::LinkLost(message) => {
                let msg_id = message.msg_id;
                self.record(Fact::LinkLost { msg_id, at });
            }
            Outcome::Parked(message) => self.parked(message),
            // A publication that missed one of its peers did not fail; it is counted.
            Outcome::Missed(count) => {
                let count = u64::try_from(count).unwrap_or(0);
                self.metrics.texts_failed.add(count);
            }
        }
    }

    fn delivered(&mut self, message: Arc<OwnMessage>, rtt: Duration) {
        self.metrics.texts_delivered.increment();
        self.metrics.ack_latency.record(rtt);
        let (msg_id, at) = (message.msg_id, Timestamp::now());
        let ticket = self.record(Fact::Delivered { msg_id, at, rtt });
        if ticket.is_none() {
            self.remember(RecentFact::Delivered(msg_id, rtt));
        }
        self.emit_after(NodeEvent::TextDelivered { message, rtt }, ticket);
    }

    fn ack_timed_out(&mut self, message: Arc<OwnMessage>) {
        self.metrics.ack_timeouts.increment();
        let after = self.kept.ack_timeout();
        tracing::warn!(msg_id = %message.msg_id, "{} has not acknowledged", message.to);
        let (msg_id, at) = (message.msg_id, Timestamp::now());
        let ticket = self.record(Fact::TimedOut { msg_id, at, after });
        self.emit_after(NodeEvent::AckTimedOut { message, after }, ticket);
    }

    pub(super) fn unconfirmed(&mut self, message: Arc<OwnMessage>, reason: &'static str) {
        self.metrics.texts_unconfirmed.increment();
        let reason = reason.to_owned();
        let ticket = self.record(Fact::Unconfirmed {
            msg_id: message.msg_id,
            at: Timestamp::now(),
            reason: reason.clone(),
        });
        self.emit_after(NodeEvent::TextUnconfirmed { message, reason }, ticket);
    }

    fn failed(&mut self, message: Arc<OwnMessage>, reason: &'static str) {
        self.metrics.texts_failed.increment();
        let reason = reason.to_owned();
        let ticket = self.record(Fact::Failed {
            msg_id: message.msg_id,
            at: Timestamp::now(),
            reason: reason.clone(),
        });
        self.emit_after(NodeEvent::TextFailed { message, reason }, ticket);
    }

    pub(super) fn remember(&mut self, fact: RecentFact) {
        self.kept.inner.lock().recent.add(Timestamp::now(), fact);
    }

    /// Queues an event; [`RouterActor::settle`] hands it on.
    pub(super) fn emit(&mut self, event: NodeEvent) {
        self.emit_after(event, None);
    }

    /// The same for an event that is told once this is on disk.
    pub(super) fn emit_after(&mut self, event: NodeEvent, ticket: Option<Ticket>) {
        let told = Told { event, ticket };
        self.kept.inner.lock().backlog.push_back(told);
    }

    /// The end of every handler: events go to the front end, and time is made to pass. While the front end has no
    /// room, or the disk is far behind, the router is deaf, so that links and commands feel it.
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
        self.refill(ctx);
        if self.flushing {
            return;
        }
        while let Some(event) = self.kept.next_told(self.progress.as_ref()) {
            if self.events.try_put(event) == Err(DoorError::Full) {
                return self.flush_slowly(ctx);
            }
            self.kept.inner.lock().backlog.pop_front();
        }
        if self.kept.inner.lock().backlog.len() > UNTOLD_MAX {
            self.flush_slowly(ctx);
        }
    }

    fn flush_slowly(&mut self, ctx: &mut Context<Self>) {
        self.flushing = true;
        let (kept, events) = (Arc::clone(&self.kept), self.events.clone());
        let flush = async move {
            loop {
                let Some(ticket) = kept.first_ticket() else {
                    return;
                };
                if let (Some(disk), Some(ticket)) = (kept.disk(), ticket) {
                    disk.committed(ticket).await;
                }
                let Some(event) = kept.next_told(None) else {
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

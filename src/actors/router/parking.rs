//! Own messages and the disk: what is recorded there, what waits there for peers that are away, and how it comes back
//! into the queue of a peer that is linked. What comes back when is decided in `proto/outbox`.

use std::{sync::Arc, time::Instant};

use actix::{ActorFutureExt, AsyncContext, Context, Handler, WrapFuture};
use jiff::Timestamp;

use super::{Draft, OutboxExpired, Published, RouterActor, SendError, sending::own_message};
use crate::{
    actors::{disk::Disk, events::NodeEvent, recent::RecentFact},
    proto::{
        outbox::{Admitted, Load, Route, Stored},
        outgoing::{Entry, OwnMessage},
    },
    store::{
        StoreError,
        facts::{Fact, Queued, RowId, State, Ticket},
    },
    wire::{destination::Destination, identity::PeerId, printable::Printable},
};

impl RouterActor {
    /// Notes on disk what became of a message; none where nothing is kept.
    pub(super) fn record(&self, fact: Fact) -> Option<Ticket> {
        self.kept.disk().map(|disk| disk.record(fact))
    }

    /// A message was accepted: it is remembered on disk, or for a while in memory.
    pub(super) fn record_accepted(
        &mut self,
        message: &Arc<OwnMessage>,
        state: State,
        peers: usize,
    ) -> Option<Ticket> {
        if self.kept.disk().is_none() {
            self.remember(RecentFact::Sent(Arc::clone(message), peers));
            return None;
        }
        let at = Timestamp::now();
        let accepted = self.record(Fact::Accepted {
            message: Arc::clone(message),
            state,
            peers,
            at,
        });
        let sent = match (&message.to, state) {
            (Destination::Peer(peer), State::Sent) => self.record_sent(peer, message, at),
            _ => None,
        };
        sent.or(accepted)
    }

    /// A message was handed to the link that writes to this peer.
    fn record_sent(&self, peer: &PeerId, message: &OwnMessage, at: Timestamp) -> Option<Ticket> {
        let writer = self.kept.known_queue_of(peer)?.lock().writer()?;
        let address = self.open.get(&writer)?.address;
        let msg_id = message.msg_id;
        self.record(Fact::Sent {
            msg_id,
            at,
            address,
        })
    }

    /// Puts a message for a peer that is away, or for whom others wait already, on disk; none if it is to go straight
    /// into the queue of the peer.
    pub(super) fn put_on_disk(
        &mut self,
        now: Instant,
        peer: &PeerId,
        draft: &Draft,
        is_linked: bool,
        until: Option<Instant>,
    ) -> Option<Result<Published, SendError>> {
        let disk = self.kept.disk()?;
        let max = disk.limits().outbox_messages;
        match self.kept.inner.lock().outbox.route(peer, is_linked) {
            Route::Queue => return None,
            Route::Disk => {}
            // Those of a linked peer leave as fast as it reads: the source waits.
            Route::Full if is_linked => return Some(Err(SendError::Full(vec![peer.clone()]))),
            Route::Full => return Some(Err(SendError::OutboxFull(peer.clone(), max))),
        }
        let message = own_message(draft, Destination::Peer(peer.clone()));
        if let Err(error) = self.line(&message) {
            return Some(Err(error));
        }
        let queued = self.queue_on_disk(peer, &message, is_linked);
        if let Some(until) = until {
            self.kept.inner.lock().hope(message.msg_id, until);
        }
        match is_linked {
            true => drop(self.refillable.insert(peer.clone())),
            false => self.table.wanted(now, peer),
        }
        Some(Ok(Published {
            queued,
            ..Published::default()
        }))
    }

    fn queue_on_disk(
        &mut self,
        peer: &PeerId,
        message: &Arc<OwnMessage>,
        is_linked: bool,
    ) -> Option<Ticket> {
        self.metrics.texts_sent.increment();
        self.metrics.texts_queued.increment();
        tracing::info!(msg_id = %message.msg_id, "queued for {peer}");
        let ticket = self.record_accepted(message, State::Queued, 1);
        self.kept.inner.lock().outbox.put(peer);
        let reason = match is_linked {
            true => "earlier ones go first".into(),
            false => is_away(peer),
        };
        let event = NodeEvent::TextQueued {
            message: Arc::clone(message),
            reason,
            again: false,
        };
        self.emit_after(event, ticket);
        ticket
    }

    /// A message found no link: it waits on disk, in front of those that came later.
    pub(super) fn parked(&mut self, message: Arc<OwnMessage>) {
        let Destination::Peer(peer) = message.to.clone() else {
            return;
        };
        let ticket = self.record(Fact::Parked {
            msg_id: message.msg_id,
        });
        self.kept.inner.lock().outbox.given_back(&peer);
        self.refillable.insert(peer.clone());
        let event = NodeEvent::TextQueued {
            message,
            reason: is_away(&peer),
            again: true,
        };
        self.emit_after(event, ticket);
    }

    /// Whether a message for this peer may wait on disk.
    pub(super) fn is_known(&self, peer: &PeerId) -> bool {
        self.kept.disk().is_some() && self.kept.inner.lock().known.contains(peer)
    }

    /// Peers of this name that were met, and are in no table now.
    pub(super) fn known_by_name(&self, name: &str) -> Vec<PeerId> {
        if self.kept.disk().is_none() {
            return Vec::new();
        }
        let inner = self.kept.inner.lock();
        let known = inner.known.iter().map(|(peer, ())| peer);
        known.filter(|peer| peer.name() == name).cloned().collect()
    }

    /// A link to a peer is open: it is known from now on, and what waits for it may leave.
    pub(super) fn met(&mut self, peer: &PeerId) {
        if self.kept.disk().is_none() {
            return;
        }
        if self.kept.inner.lock().known.put(peer.clone(), ()).is_none() {
            self.record(Fact::Met { peer: peer.clone() });
        }
        self.hand_over_returned(peer);
        self.refillable.insert(peer.clone());
    }

    /// What a lost link gave back is handed to the one that writes now.
    fn hand_over_returned(&self, peer: &PeerId) {
        let queue = self.kept.queue_of(peer);
        let queue = queue.lock();
        let Some(opened) = queue.writer().and_then(|link| self.open.get(&link)) else {
            return;
        };
        for message in queue.returned() {
            self.record(Fact::Sent {
                msg_id: message.msg_id,
                at: Timestamp::now(),
                address: opened.address,
            });
        }
    }

    /// Time passes: what could not be loaded is asked for again, and the end of a pipe has waited long enough.
    pub(super) fn look_at_disk(&mut self, now: Instant) {
        if self.kept.disk().is_none() {
            return;
        }
        let mut inner = self.kept.inner.lock();
        inner.hoped.retain(|_, until| *until > now);
        let peers = inner.outbox.peers().cloned();
        let linked = peers.filter(|peer| self.table.is_linked(peer));
        self.refillable.extend(linked);
    }

    /// Loads what waits on disk for peers that are linked, as far as their queues have room.
    pub(super) fn refill(&mut self, ctx: &mut Context<Self>) {
        if self.refillable.is_empty() {
            return;
        }
        for peer in std::mem::take(&mut self.refillable) {
            let Some(disk) = self.kept.disk().filter(|_| self.table.is_linked(&peer)) else {
                continue;
            };
            let queue = self.kept.queue_of(&peer);
            let load = self.kept.inner.lock().outbox.load(&peer, &queue.lock());
            let Some(load) = load else { continue };
            let loading = load_from(Arc::clone(disk), load).into_actor(self);
            ctx.spawn(loading.map(move |rows, actor, ctx| actor.loaded(&peer, rows, ctx)));
        }
    }

    fn loaded(
        &mut self,
        peer: &PeerId,
        rows: Result<Vec<Queued>, StoreError>,
        ctx: &mut Context<Self>,
    ) {
        let queue = self.kept.queue_of(peer);
        let writer = queue.lock().writer();
        let opened = writer.and_then(|link| self.open.get(&link));
        let (Ok(rows), Some(opened)) = (rows, opened) else {
            // A peer that is linked is asked for again when time passes.
            return self.kept.inner.lock().outbox.not_loaded(peer);
        };
        let (kind, address) = (opened.kind, opened.address);
        let admitted = {
            let rows = rows.into_iter().map(stored).collect();
            let entry = |stored: &Stored| self.entry(stored);
            let mut inner = self.kept.inner.lock();
            inner
                .outbox
                .admit(peer, rows, &mut queue.lock(), kind, entry)
        };
        let has_some = !admitted.is_empty();
        for fate in admitted {
            self.admitted(fate, address);
        }
        self.owing.insert(peer.clone());
        if has_some {
            self.refillable.insert(peer.clone());
        }
        self.wake(&queue);
        self.settle(ctx);
    }

    fn entry(&self, stored: &Stored) -> Option<Entry> {
        Some(Entry {
            message: Arc::clone(&stored.message),
            line: self.line(&stored.message).ok()?,
            expires: None,
            announced: true,
            lost: stored.lost,
        })
    }

    fn admitted(&mut self, fate: Admitted, address: std::net::SocketAddr) {
        let at = Timestamp::now();
        match fate {
            Admitted::Crashed(message) => {
                let msg_id = message.msg_id;
                self.record(Fact::LinkLost { msg_id, at });
            }
            Admitted::Queued(message) => {
                let msg_id = message.msg_id;
                tracing::info!(%msg_id, "SEND {}", message.to);
                self.kept.inner.lock().hoped.remove(&msg_id);
                let ticket = self.record(Fact::Sent {
                    msg_id,
                    at,
                    address,
                });
                self.emit_after(NodeEvent::QueuedTextSent { message }, ticket);
            }
            Admitted::Unconfirmed(message, reason) => self.unconfirmed(message, reason),
        }
    }

    /// A message that waited on disk for too long.
    fn expired(&mut self, message: &OwnMessage) {
        let Destination::Peer(peer) = &message.to else {
            return;
        };
        let queue = self.kept.known_queue_of(peer);
        let is_withdrawn = queue
            .as_ref()
            .is_some_and(|it| it.lock().withdraw(message.msg_id));
        if !is_withdrawn {
            if queue.is_some_and(|it| it.lock().owed().any(|id| id == message.msg_id)) {
                // It is on its way: what becomes of it is told then.
                return;
            }
            self.kept.inner.lock().outbox.removed(peer);
        }
        self.kept.inner.lock().hoped.remove(&message.msg_id);
        self.metrics.texts_failed.increment();
        self.emit(NodeEvent::TextFailed {
            message: Arc::new(message.clone()),
            reason: "the peer did not come back in time".into(),
        });
    }

    /// Events wait for their commits: each one may be the one that was waited for.
    pub(super) fn follow(&mut self, ctx: &mut Context<Self>) {
        let Some(mut progress) = self.progress.clone() else {
            return;
        };
        let changed = async move { progress.changed().await.is_ok() };
        ctx.spawn(changed.into_actor(self).map(|is_open, actor, ctx| {
            if is_open {
                if let Some(progress) = &mut actor.progress {
                    progress.mark_unchanged();
                }
                actor.follow(ctx);
            }
            actor.settle(ctx);
        }));
    }
}

impl Handler<OutboxExpired> for RouterActor {
    type Result = ();

    fn handle(&mut self, OutboxExpired(messages): OutboxExpired, ctx: &mut Context<Self>) {
        for message in messages.iter() {
            self.expired(message);
        }
        self.settle(ctx);
    }
}

async fn load_from(disk: Arc<Disk>, load: Load) -> Result<Vec<Queued>, StoreError> {
    let after = RowId(load.after);
    let rows = disk.store().outbox(load.peer, after, load.limit).await;
    disk.note(rows.as_ref().map(drop));
    rows
}

fn stored(queued: Queued) -> Stored {
    Stored {
        row: queued.row.0,
        message: Arc::new(queued.message),
        lost: u8::try_from(queued.lost).unwrap_or(u8::MAX),
        was_sent: queued.was_sent,
    }
}

fn is_away(peer: &PeerId) -> String {
    format!("{} is away", Printable::id(peer.name()))
}

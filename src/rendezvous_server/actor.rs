//! RendezvousServerActor: the directory, with its effects.
//!
//! - Purpose: answers request lines and hands each new state of the records to the store.
//! - Owns: the directory. The sockets, the connections and the newest records live outside of it.
//! - Started by / stops when: `RendezvousServer::start` through a supervisor; with the server.
//! - Incoming: [`AnswerRequest`] from the connections, at most one from each, so its queue is never full.
//! - Outgoing: the answer. It writes nothing and waits for nothing.
//! - Timers: none. The accept loops run in its context, so that a panic in them is seen and repaired like its own.
//! - If it dies: the next incarnation goes on with the newest records; requests wait in its queue, connections that
//!   nobody accepts yet in the backlog.

use std::{
    net::{IpAddr, SocketAddr},
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix::{Actor, AsyncContext, Context, Handler, Message, MessageResponse, WrapFuture};
use bytes::Bytes;

use super::{
    accept::{self, Host},
    records_store::{RecordsStore, Version},
};
use crate::{
    metrics::Metrics,
    panics_on_request,
    proto::directory::{Answer, Directory, Limits, Outcome, Refusal},
};

/// Answer this request line. From a connection; when the queue is full it waits.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Answered")]
pub struct AnswerRequest {
    /// Who asks.
    pub from: SocketAddr,
    /// The line without its newline.
    pub line: Bytes,
}

/// The answer, and what must happen before it may leave.
#[derive(Debug, Clone, PartialEq, Eq, MessageResponse)]
pub struct Answered {
    /// The line with its newline.
    pub line: Bytes,
    /// The version of the records that must be saved first; none if they are as before.
    pub after: Option<Version>,
}

/// The directory, with its effects.
pub struct RendezvousServerActor {
    directory: Directory,
    store: RecordsStore,
    metrics: Arc<Metrics>,
    host: Rc<Host>,
}

impl RendezvousServerActor {
    /// A new incarnation, which goes on with the newest records in the store.
    pub(super) fn new(
        limits: Limits,
        store: RecordsStore,
        metrics: Arc<Metrics>,
        host: Rc<Host>,
    ) -> Self {
        Self {
            directory: Directory::resumed(limits, &store.newest()),
            store,
            metrics,
            host,
        }
    }

    fn note(&self, from: IpAddr, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Registered => &self.metrics.rendezvous_registrations,
            Outcome::Discovered => &self.metrics.rendezvous_discoveries,
            Outcome::Unregistered => &self.metrics.rendezvous_unregistrations,
            Outcome::Refused(Refusal::ServerFull | Refusal::AddressFull) => {
                &self.metrics.rendezvous_full
            }
            Outcome::Refused(_) => &self.metrics.rendezvous_refusals,
        };
        counter.increment();
        tracing::debug!(%from, ?outcome, records = self.directory.len(), "answered a request");
    }
}

impl Actor for RendezvousServerActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        for index in 0..self.host.sockets() {
            context.spawn(accept::accept_loop(Rc::clone(&self.host), index).into_actor(self));
        }
    }
}

impl Handler<AnswerRequest> for RendezvousServerActor {
    type Result = Answered;

    fn handle(&mut self, request: AnswerRequest, _: &mut Self::Context) -> Answered {
        let from = request.from.ip().to_canonical();
        let Answer { line, outcome } = self.directory.answer(wall_clock(), from, &request.line);
        self.note(from, &outcome);
        let changed = outcome.is_change().then(|| self.directory.snapshot());
        Answered {
            line,
            after: changed.map(|snapshot| self.store.save(snapshot)),
        }
    }
}

panics_on_request!(RendezvousServerActor);

/// Now, since the Unix epoch: records are kept over restarts. A clock before the epoch counts as the epoch.
pub(super) fn wall_clock() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

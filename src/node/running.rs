//! A running node, and its ordered end: stop accepting, BYE to all and UNREGISTER beside it, then no actor matters.

use std::{rc::Rc, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};

use super::NodeHandle;
use crate::{
    actors::{
        door::Door,
        links::Links,
        listener::StopAccepting,
        rendezvous::{
            LEAVE_TIMEOUT, Leave, RendezvousConfig, kept::Kept as KeptRendezvous, network::Network,
        },
        supervisor::Reports,
    },
    identity_lock::IdentityLock,
    metrics_server::MetricsServer,
};

/// How long links have to end after BYE: the two seconds of the protocol, and a little for the system.
const BYE_LIMIT: Duration = Duration::from_millis(2500);

/// How often it is looked whether all links have ended.
const BYE_POLL: Duration = Duration::from_millis(5);

/// A node whose actors run.
pub struct RunningNode {
    /// For front ends.
    pub handle: NodeHandle,
    /// Where supervisors report to; for the front end's own actor.
    pub reports: Reports,
    /// Names a long-lived actor that was given up: the node has to end.
    pub gave_up: mpsc::Receiver<String>,
    pub(super) links: Links,
    pub(super) listening: Door<StopAccepting>,
    pub(super) listeners: Vec<Arc<TcpListener>>,
    pub(super) leave: Option<Leaving>,
    /// Held for its socket.
    pub(super) metrics_server: Option<MetricsServer>,
    pub(super) tasks: Vec<JoinHandle<()>>,
    pub(super) _lock: Option<IdentityLock>,
}

/// How to leave the rendezvous.
pub(super) struct Leaving {
    pub door: Door<Leave>,
    pub kept: Rc<KeptRendezvous>,
    pub config: RendezvousConfig,
    pub network: Rc<dyn Network>,
}

impl RunningNode {
    /// Ends in order, within about three seconds; longer only if a hosted rendezvous cannot save its records.
    pub async fn stop(&mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
        }
        self.listening.tell(StopAccepting).await;
        self.listeners.clear();
        self.metrics_server = None;
        tokio::join!(self.say_bye(), self.unregister());
    }

    async fn say_bye(&self) {
        self.links.leave_all();
        let ended = async {
            while self.links.unfinished() > 0 {
                tokio::time::sleep(BYE_POLL).await;
            }
        };
        if tokio::time::timeout(BYE_LIMIT, ended).await.is_err() {
            tracing::debug!("Some links did not end in time");
        }
    }

    async fn unregister(&self) {
        let Some(leave) = &self.leave else { return };
        let limit = LEAVE_TIMEOUT + Duration::from_millis(500);
        let asked = tokio::time::timeout(limit, leave.door.ask(Leave)).await;
        if !matches!(asked, Ok(Ok(_))) {
            // The actor was given up, or is between two incarnations.
            let network = leave.network.as_ref();
            leave
                .kept
                .leave(&leave.config, network, LEAVE_TIMEOUT)
                .await;
        }
    }
}

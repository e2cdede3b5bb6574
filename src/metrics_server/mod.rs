//! The endpoint for Prometheus: `GET /metrics` over HTTP/1, and nothing else. Knows nothing of peers; who starts it
//! says what is so now ([`Gauges`]).
//!
//! It is written by hand because it is so little: one bounded request for each connection, whose fields do not matter,
//! and one answer behind which the connection ends. A library for HTTP would be the largest of all dependencies.

mod actor;
mod connection;
mod request;

use std::{io, net::SocketAddr, rc::Rc, sync::Arc};

use tokio::{net::TcpListener, sync::Semaphore, task::JoinHandle};

pub use self::actor::{CONNECTIONS_MAX, Gauges, MetricsActor, RenderMetrics};
use crate::{
    actors::{
        door::{self, Door},
        supervisor::{self, Exit, PanicNow, Reports},
        transport,
    },
    metrics::Metrics,
    proto::restart::RestartPolicy,
};

/// A running endpoint. Dropping it closes the socket and ends the actor.
pub struct MetricsServer {
    local_addr: SocketAddr,
    panic_door: Door<PanicNow>,
    supervised: JoinHandle<Exit>,
    /// The incarnations hold it weakly.
    _listener: Arc<TcpListener>,
}

impl MetricsServer {
    /// Listens at `address` and answers there. Must be called on the arbiter that shall run it.
    ///
    /// # Errors
    /// The address cannot be had; nothing was started then.
    pub fn start(
        address: SocketAddr,
        metrics: Arc<Metrics>,
        gauges: Gauges,
        policy: RestartPolicy,
        reports: Reports,
    ) -> io::Result<Self> {
        let listener = Arc::new(transport::listen(address)?);
        let local_addr = listener.local_addr()?;
        metrics.restarts.watch("metrics");
        // Every connection with a place has at most one request in the queue, so it is never full.
        let (doorway, inbox) = door::queue::<MetricsActor>(CONNECTIONS_MAX + 1);
        let (socket, places) = (
            Arc::downgrade(&listener),
            Arc::new(Semaphore::new(CONNECTIONS_MAX)),
        );
        let door = doorway.door();
        let supervised = supervisor::supervise("metrics", inbox, policy, reports, move |_, _| {
            MetricsActor::new(
                socket.clone(),
                Arc::clone(&places),
                door.clone(),
                Arc::clone(&metrics),
                Rc::clone(&gauges),
            )
        });
        tracing::info!(%local_addr, "metrics are served");
        Ok(Self {
            local_addr,
            panic_door: doorway.door(),
            supervised,
            _listener: listener,
        })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The way for the hidden request to panic.
    pub fn panic_door(&self) -> Door<PanicNow> {
        self.panic_door.clone()
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        self.supervised.abort();
    }
}

#[cfg(test)]
mod tests;

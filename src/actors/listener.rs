//! ListenerActor: accepts connections and gives each a PeerActor. The listening sockets lie outside of it, so that
//! the port is never lost while the actor is replaced.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use actix::{Actor, Context, Handler, Message};
use tokio::{net::TcpListener, task::JoinHandle};

use super::{links::Links, supervisor::ExitNote, transport::Wire};
use crate::metrics::Metrics;

/// Stops accepting: the first step of an orderly end. Closes the sockets once their owner drops them too.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct StopAccepting;

/// How long accepting pauses when file descriptors or memory run out.
const PAUSE: Duration = Duration::from_millis(200);

/// Accepts connections.
pub struct ListenerActor {
    listeners: Vec<Arc<TcpListener>>,
    links: Links,
    metrics: Arc<Metrics>,
    tasks: Vec<JoinHandle<()>>,
}

impl ListenerActor {
    /// Accepts on `listeners`, which stay open between incarnations.
    pub fn new(
        listeners: Vec<Arc<TcpListener>>,
        links: Links,
        metrics: Arc<Metrics>,
        _note: ExitNote,
    ) -> Self {
        Self {
            listeners,
            links,
            metrics,
            tasks: Vec::new(),
        }
    }
}

impl Actor for ListenerActor {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        for listener in &self.listeners {
            let (listener, links) = (Arc::clone(listener), self.links.clone());
            let accepting = accept(listener, links, Arc::clone(&self.metrics));
            self.tasks.push(actix_rt::spawn(accepting));
        }
    }
}

impl Drop for ListenerActor {
    fn drop(&mut self) {
        self.stop();
    }
}

impl ListenerActor {
    fn stop(&mut self) {
        self.listeners.clear();
        for task in self.tasks.drain(..) {
            task.abort();
        }
    }
}

impl Handler<StopAccepting> for ListenerActor {
    type Result = ();

    fn handle(&mut self, _: StopAccepting, _: &mut Self::Context) {
        self.stop();
    }
}

crate::panics_on_request!(ListenerActor);

async fn accept(listener: Arc<TcpListener>, links: Links, metrics: Arc<Metrics>) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                let from = SocketAddr::new(from.ip().to_canonical(), from.port());
                match Wire::of_tcp(stream) {
                    Ok(wire) => links.accept(wire, from),
                    Err(error) => {
                        tracing::debug!(%error, "A connection broke while it was accepted")
                    }
                }
            }
            Err(error) if is_of_one_connection(&error) => {
                tracing::debug!(%error, "A connection broke before it was accepted");
            }
            Err(error) => {
                metrics.accept_pauses.increment();
                tracing::warn!(%error, "Accepting pauses");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

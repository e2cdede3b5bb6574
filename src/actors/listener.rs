//! ListenerActor: accepts connections and gives each a PeerActor. The listening sockets lie outside of it, so that
//! the port is never lost while the actor is replaced.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, WrapFuture};
use tokio::net::TcpListener;

use super::{links::Links, supervisor::ExitNote, transport::Wire};
use crate::metrics::Metrics;

/// Stops accepting: the first step of an orderly end. The actor ends by choice, so its supervisor lets go of the
/// sockets too; they are closed once their owner drops them.
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
        }
    }
}

impl Actor for ListenerActor {
    type Context = Context<Self>;

    /// The actor's own futures accept, so that a panic there is a panic of the actor, and noticed.
    fn started(&mut self, ctx: &mut Self::Context) {
        for listener in std::mem::take(&mut self.listeners) {
            let accepting = accept(listener, self.links.clone(), Arc::clone(&self.metrics));
            ctx.spawn(accepting.into_actor(self));
        }
    }
}

impl Handler<StopAccepting> for ListenerActor {
    type Result = ();

    fn handle(&mut self, _: StopAccepting, ctx: &mut Self::Context) {
        ctx.stop();
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

//! MetricsActor: accepts connections of the endpoint for Prometheus, and renders the metrics when one asks.

use std::{
    io,
    rc::Rc,
    sync::{Arc, Weak},
    time::Duration,
};

use actix::{Actor, AsyncContext, Context, Handler, Message, WrapFuture};
use tokio::{net::TcpListener, sync::Semaphore};

use super::connection;
use crate::{
    actors::door::Door,
    metrics::{
        Metrics,
        exposition::{self, Gauge},
    },
    panics_on_request,
};

/// Asks for the metrics as text (OpenMetrics). From a connection of the endpoint, one each.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "String")]
pub struct RenderMetrics;

/// What is so now, and may shrink again: asked at each request. Must not block.
pub type Gauges = Rc<dyn Fn() -> Vec<Gauge>>;

/// Connections answered at one time; those beyond are closed at once.
pub const CONNECTIONS_MAX: usize = 16;

/// After a failed accept for want of descriptors or memory.
const PAUSE: Duration = Duration::from_millis(200);

/// Answers those who want to know the metrics.
pub struct MetricsActor {
    /// The socket belongs to the server, so that it outlives every incarnation.
    listener: Weak<TcpListener>,
    places: Arc<Semaphore>,
    door: Door<RenderMetrics>,
    metrics: Arc<Metrics>,
    gauges: Gauges,
}

impl MetricsActor {
    /// A new incarnation; `door` is the way to itself, for the connections.
    pub(super) fn new(
        listener: Weak<TcpListener>,
        places: Arc<Semaphore>,
        door: Door<RenderMetrics>,
        metrics: Arc<Metrics>,
        gauges: Gauges,
    ) -> Self {
        Self {
            listener,
            places,
            door,
            metrics,
            gauges,
        }
    }
}

impl Actor for MetricsActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(listener) = self.listener.upgrade() {
            let accepting = accept(listener, Arc::clone(&self.places), self.door.clone());
            ctx.spawn(accepting.into_actor(self));
        }
    }
}

impl Handler<RenderMetrics> for MetricsActor {
    type Result = String;

    fn handle(&mut self, _: RenderMetrics, _: &mut Self::Context) -> String {
        exposition::render(&self.metrics, (self.gauges)())
    }
}

panics_on_request!(MetricsActor);

async fn accept(listener: Arc<TcpListener>, places: Arc<Semaphore>, door: Door<RenderMetrics>) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                    tracing::debug!(%from, "no place for a request for metrics");
                    continue;
                };
                let door = door.clone();
                actix_rt::spawn(async move {
                    connection::serve(stream, &door).await;
                    drop(place);
                });
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "accepting requests for metrics pauses");
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
            | io::ErrorKind::Interrupted
    )
}

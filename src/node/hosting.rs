//! The embedded rendezvous: how RendezvousActor, which may not know the server's floor, starts one in this process.

use std::{io, net::Ipv4Addr, sync::Arc};

use futures_util::future::LocalBoxFuture;

use parking_lot::Mutex;

use crate::{
    actors::{
        door::Door,
        rendezvous::host::{BindError, HostRendezvous, Hosted},
        supervisor::{PanicNow, Reports},
    },
    metrics::Metrics,
    paths::Places,
    proto::restart::RestartPolicy,
    rendezvous_server::{self, RendezvousServer, ServerConfig},
};

/// Starts rendezvous servers on loopback.
pub struct EmbeddedHost {
    /// The settings; port and file are set for each server.
    pub config: ServerConfig,
    /// Where the records file is.
    pub places: Places,
    /// How the server's actor is supervised.
    pub policy: RestartPolicy,
    /// Where its failures are told.
    pub reports: Reports,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// The newest server's way to be made to panic (`/debug panic rendezvous server`).
    pub panic: PanicDoor,
}

/// The way to make the hosted server panic, if one is hosted.
pub type PanicDoor = Arc<Mutex<Option<Door<PanicNow>>>>;

impl EmbeddedHost {
    fn start(&self, port: u16) -> io::Result<RendezvousServer> {
        let config = ServerConfig {
            listen: vec![Ipv4Addr::LOCALHOST.into()],
            port,
            // Without a home the records live as long as the host.
            records_file: self.places.rendezvous_records("127.0.0.1", port).ok(),
            exempt_loopback: true,
            ..self.config.clone()
        };
        let listeners = rendezvous_server::bind(&config)?;
        let (policy, reports) = (self.policy, self.reports.clone());
        let server = RendezvousServer::start(
            &config,
            listeners,
            policy,
            reports,
            Arc::clone(&self.metrics),
        )?;
        *self.panic.lock() = Some(server.panic_door());
        Ok(server)
    }
}

impl HostRendezvous for EmbeddedHost {
    fn bind(&self, port: u16) -> LocalBoxFuture<'static, Result<Box<dyn Hosted>, BindError>> {
        let started = match self.start(port) {
            Ok(server) => Ok(Box::new(EmbeddedServer(server)) as Box<dyn Hosted>),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(BindError::InUse),
            Err(error) => Err(BindError::Other(error.to_string())),
        };
        Box::pin(std::future::ready(started))
    }
}

struct EmbeddedServer(RendezvousServer);

impl Hosted for EmbeddedServer {
    fn stop(self: Box<Self>) -> LocalBoxFuture<'static, ()> {
        Box::pin(self.0.stop())
    }
}

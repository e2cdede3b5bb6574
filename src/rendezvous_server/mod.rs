//! The rendezvous server: sockets and a records file around the pure directory. Knows nothing of peers.
//!
//! ```text
//!   listening sockets ─ accept ─ connection ── AnswerRequest ──> RendezvousServerActor (directory)
//!   (live here)         (in the actor)   │                            │ snapshot
//!                                        └──── waits until saved ── RecordsStore ──> file
//! ```
//!
//! What may not die with the actor lives outside it: the listening sockets, the requests in its queue, the open
//! connections, and the newest records with the file they go to. `papo rendezvous` and the host inside a node are
//! the same [`RendezvousServer`].

mod accept;
mod actor;
mod connection;
mod records_file;
mod records_store;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use tokio::{net::TcpListener, task::JoinHandle, time};

pub use self::actor::{AnswerRequest, Answered, RendezvousServerActor};
use self::{accept::Host, connection::Times, records_store::RecordsStore};
use crate::{
    actors::{
        door::{self, Door},
        supervisor::{self, Exit, PanicNow, Reports},
        transport,
    },
    metrics::Metrics,
    proto::{
        directory::{Limits, gate::GateLimits},
        restart::RestartPolicy,
    },
};

/// What the server is told (settings section `rendezvous_server`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// The addresses to listen on; none = all, IPv4 and IPv6.
    pub listen: Vec<IpAddr>,
    /// The port; 0 = any free one, the same on all addresses.
    pub port: u16,
    /// Connections of one address in a window; 0 = no limit.
    pub rate: u32,
    /// The window of the rate, and how long a block lasts.
    pub window: Duration,
    /// How long a connection may be silent.
    pub idle: Duration,
    /// How long a request may take in all to arrive, and its answer to leave.
    pub request_timeout: Duration,
    /// Connections open at one time; the newest is refused and counted. One address may have a quarter of them.
    pub max_connections: usize,
    /// Records held at one time; a new one is refused (`server_full`) and counted. One address may have a tenth.
    pub max_records: usize,
    /// Where the records are kept over restarts; none = only in memory.
    pub records_file: Option<PathBuf>,
    /// Whether the rate and the share of one address do not hold for this machine itself.
    pub exempt_loopback: bool,
}

impl ServerConfig {
    fn limits(&self) -> Limits {
        Limits {
            records_max: self.max_records,
            records_per_address_max: (self.max_records / 10).max(1),
        }
    }

    fn gate_limits(&self) -> GateLimits {
        GateLimits {
            rate: self.rate,
            window: self.window,
            connections_max: self.max_connections,
            per_address_max: (self.max_connections / 4).max(1),
            exempt_loopback: self.exempt_loopback,
        }
    }

    fn times(&self) -> Times {
        Times {
            idle: self.idle,
            request: self.request_timeout,
        }
    }
}

/// Binds the listening sockets (SO_REUSEADDR, never SO_REUSEPORT: of several nodes that try, one succeeds).
/// `AddrInUse` = somebody else serves here.
pub fn bind(config: &ServerConfig) -> io::Result<Vec<TcpListener>> {
    if config.listen.is_empty() {
        return bind_all_addresses(config.port).map(|listener| vec![listener]);
    }
    let mut port = config.port;
    let mut listeners = Vec::with_capacity(config.listen.len());
    for ip in &config.listen {
        let listener = transport::listen(SocketAddr::new(*ip, port))?;
        port = listener.local_addr()?.port();
        listeners.push(listener);
    }
    Ok(listeners)
}

/// One socket for both families; where there is no IPv6, for IPv4 alone.
fn bind_all_addresses(port: u16) -> io::Result<TcpListener> {
    let bind = |ip: IpAddr| transport::listen(SocketAddr::new(ip, port));
    bind(Ipv6Addr::UNSPECIFIED.into()).or_else(|error| match error.kind() {
        io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied => Err(error),
        _ => bind(Ipv4Addr::UNSPECIFIED.into()),
    })
}

/// A running server. Dropping it closes the sockets and ends the actor at once; [`RendezvousServer::stop`] is the
/// orderly way.
pub struct RendezvousServer {
    local_addrs: Vec<SocketAddr>,
    host: Rc<Host>,
    store: RecordsStore,
    panic_door: Door<PanicNow>,
    supervised: JoinHandle<Exit>,
}

/// How long [`RendezvousServer::stop`] waits for requests that are under way.
const DRAIN_MAX: Duration = Duration::from_secs(1);

/// How long [`RendezvousServer::stop`] waits for the records to be on disk.
const FLUSH_MAX: Duration = Duration::from_secs(3);

impl RendezvousServer {
    /// Loads the records and serves the `listeners` that [`bind`] made. Must be called on the arbiter that shall
    /// run the server.
    pub fn start(
        config: &ServerConfig,
        listeners: Vec<TcpListener>,
        policy: RestartPolicy,
        reports: Reports,
        metrics: Arc<Metrics>,
    ) -> io::Result<Self> {
        let addresses = listeners.iter().map(TcpListener::local_addr);
        let local_addrs = addresses.collect::<io::Result<Vec<_>>>()?;
        let limits = config.limits();
        let file = config.records_file.clone();
        let store = RecordsStore::open(file, limits, actor::wall_clock(), metrics.clone());
        // Every connection with a place has at most one request in the queue, so it is never full.
        let (doorway, inbox) = door::queue::<RendezvousServerActor>(config.max_connections.max(1));
        let door = doorway.door();
        let host = Host::new(config, listeners, door, store.clone(), metrics.clone());
        let (kept, records) = (Rc::clone(&host), store.clone());
        metrics.restarts.watch("rendezvous server");
        let supervised =
            supervisor::supervise("rendezvous server", inbox, policy, reports, move |_, _| {
                RendezvousServerActor::new(limits, records.clone(), metrics.clone(), kept.clone())
            });
        tracing::info!(?local_addrs, "the rendezvous server is listening");
        Ok(Self {
            local_addrs,
            host,
            store,
            panic_door: doorway.door(),
            supervised,
        })
    }

    /// Where it listens.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.local_addrs
    }

    /// The way for the hidden request to panic.
    pub fn panic_door(&self) -> Door<PanicNow> {
        self.panic_door.clone()
    }

    /// Waits until the actor has been given up, which is told once; it ends in no other way. Its owner should then
    /// stop the server: nobody accepts connections any more.
    pub async fn gave_up(&mut self) -> Exit {
        match (&mut self.supervised).await {
            Ok(exit) => exit,
            Err(error) => Exit::Failed(error.to_string()),
        }
    }

    /// Ends in order: no new connection, a moment for the requests under way, the records to disk, and only then
    /// the listening sockets closed, so that whoever takes the address over finds every record in the file.
    pub async fn stop(self) {
        self.host.stop_accepting();
        let mut open = self.host.open_connections();
        let drained = open.wait_for(|open| *open == 0);
        if time::timeout(DRAIN_MAX, drained).await.is_err() {
            tracing::debug!("connections were still open when the rendezvous server stopped");
        }
        if time::timeout(FLUSH_MAX, self.store.flushed())
            .await
            .is_err()
        {
            tracing::warn!("the rendezvous records could not be saved in time");
        }
    }
}

impl Drop for RendezvousServer {
    fn drop(&mut self) {
        self.host.close();
        self.supervised.abort();
    }
}

#[cfg(test)]
mod tests;

//! The control socket: other programs of this user reach the running node through it, with events as in `--json` out
//! and commands in. What a command means is the business of `cli::session`.

mod actor;
mod attempts;
mod clients;
mod local;
mod tcp;
mod token;

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use tokio::io::{AsyncRead, AsyncWrite};

pub use self::{
    actor::{CloseClients, ControlActor},
    clients::ClientParts,
};
use self::{clients::Clients, local::LocalSocket, tcp::TcpSocket};
use crate::{
    actors::{
        door::{Doorway, Inbox, queue},
        events::Tap,
        supervisor::{Reports, supervise},
    },
    node::Node,
    proto::restart::RestartPolicy,
    settings::HostPort,
};

/// Events that may wait for the actor; more are counted and told as skipped.
const EVENTS_MAX: usize = 4096;

/// How long the last lines to the clients may take at the end of the node.
const CLOSE_WAIT: Duration = Duration::from_millis(500);

/// The sockets of a node that is about to start.
pub struct ControlSockets {
    local: Option<LocalSocket>,
    tcp: Option<TcpSocket>,
    notices: Vec<String>,
    ways: Doorway<ControlActor>,
    inbox: Inbox<ControlActor>,
    tap: Tap,
}

impl ControlSockets {
    /// Listens for the programs of this user, and over TCP if the settings say so. What cannot be had is said in
    /// [`ControlSockets::notices`]; the node goes on without. Called while the lock of the identity is held.
    pub async fn open(node: &Node, over_tcp: Option<&HostPort>) -> Self {
        let mut sockets = Self::none();
        // Without a lock another node of this identity may run, and the socket may be its own.
        if node.is_locked() {
            let paths = node.places().control_sockets(node.own().as_str());
            let bound = LocalSocket::bind(&paths).await;
            sockets.local = sockets.noting(bound);
        }
        if let Some(address) = over_tcp {
            let bound = TcpSocket::bind(address, node.places()).await;
            sockets.tcp = sockets.noting(bound);
        }
        sockets
    }

    /// No socket at all: for a node that lives as long as one command.
    pub fn none() -> Self {
        let (ways, inbox) = queue(EVENTS_MAX);
        Self {
            local: None,
            tcp: None,
            notices: Vec::new(),
            tap: Tap::new(ways.door()),
            ways,
            inbox,
        }
    }

    /// What the user should know.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Where the programs of this user find the node.
    pub fn path(&self) -> Option<&Path> {
        self.local.as_ref().map(LocalSocket::path)
    }

    /// Where it is reached over TCP.
    pub fn tcp_address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref()?.address()
    }

    /// For the events of the node.
    pub fn tap(&self) -> Tap {
        self.tap.clone()
    }

    /// Lets clients in.
    pub fn start(self, parts: ClientParts, policy: RestartPolicy, reports: Reports) -> Control {
        let node = parts.node.clone();
        node.add_panic("control", self.ways.door());
        let clients = Clients::new(parts, self.tap);
        let local = self.local.as_ref().map(LocalSocket::listener);
        let (tcp, kept) = (self.tcp.map(Arc::new), clients.clone());
        drop(supervise(
            "control",
            self.inbox,
            policy,
            reports,
            move |_, _| ControlActor::new(kept.clone(), local.clone(), tcp.clone()),
        ));
        Control {
            clients,
            ways: self.ways,
            local: self.local,
        }
    }

    fn noting<T>(&mut self, bound: Result<T, String>) -> Option<T> {
        bound.map_err(|words| self.notices.push(words)).ok()
    }
}

/// The clients of a running node.
pub struct Control {
    clients: Clients,
    ways: Doorway<ControlActor>,
    local: Option<LocalSocket>,
}

impl Control {
    /// Serves a client of this very process.
    pub fn attach<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(&self, stream: S) {
        let (reader, writer) = tokio::io::split(stream);
        actix_rt::spawn(self.clients.clone().serve(reader, writer, None));
    }

    /// Tells the clients what happened until now, and ends them.
    pub async fn close(self) {
        let closing = async {
            // Without it nobody tells them anything any more.
            if self.ways.door().ask(CloseClients).await.is_ok() {
                self.clients.gone().await;
            }
        };
        if tokio::time::timeout(CLOSE_WAIT, closing).await.is_err() {
            tracing::debug!("Some clients of the control socket do not read their last lines");
        }
        drop(self.local);
    }
}

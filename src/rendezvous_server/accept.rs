//! The way in: accepts connections, asks the gate about each, and gives it a place or turns it away.
//!
//! The listening sockets and the places live in [`Host`], outside of the actor: while it is restarted, connections
//! wait in the backlog and in its queue, and none is lost.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    io,
    net::SocketAddr,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time,
};

use super::{
    ServerConfig,
    actor::AnswerRequest,
    connection::{self, Desk, Ending},
    records_store::RecordsStore,
};
use crate::{
    actors::{clock, door::Door},
    metrics::Metrics,
    proto::directory::{
        Refusal,
        gate::{Entry, Gate},
    },
};

/// The wait after a failed accept, mostly for want of file descriptors: hammering frees none.
const ACCEPT_PAUSE: Duration = Duration::from_millis(250);

/// The listening sockets, and the places of the connections. One per server; outlives every incarnation of the actor.
pub(super) struct Host {
    listeners: RefCell<Vec<TcpListener>>,
    is_accepting: Cell<bool>,
    gate: RefCell<Gate>,
    rate: u32,
    /// How many connections have a place; for whoever waits for the last to end.
    open: watch::Sender<usize>,
    desk: Desk,
    metrics: Arc<Metrics>,
}

impl Host {
    pub(super) fn new(
        config: &ServerConfig,
        listeners: Vec<TcpListener>,
        door: Door<AnswerRequest>,
        store: RecordsStore,
        metrics: Arc<Metrics>,
    ) -> Rc<Self> {
        Rc::new(Self {
            listeners: RefCell::new(listeners),
            is_accepting: Cell::new(true),
            gate: RefCell::new(Gate::new(config.gate_limits())),
            rate: config.rate,
            open: watch::Sender::new(0),
            desk: Desk {
                door,
                store,
                times: config.times(),
                leaving: Cell::new(0),
            },
            metrics,
        })
    }

    /// How many listening sockets there are.
    pub(super) fn sockets(&self) -> usize {
        self.listeners.borrow().len()
    }

    /// Lets nobody in any more. The sockets stay bound, so that nobody else takes the address yet.
    pub(super) fn stop_accepting(&self) {
        self.is_accepting.set(false);
    }

    /// How many connections have a place, now and as it changes.
    pub(super) fn open_connections(&self) -> watch::Receiver<usize> {
        self.open.subscribe()
    }

    /// Closes the listening sockets.
    pub(super) fn close(&self) {
        self.stop_accepting();
        self.listeners.borrow_mut().clear();
    }

    /// The next connection of one socket; nothing once accepting has ended.
    async fn accept(&self, index: usize) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        poll_fn(|context| self.poll_accept(index, context)).await
    }

    fn poll_accept(
        &self,
        index: usize,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<(TcpStream, SocketAddr)>>> {
        match self.listeners.borrow().get(index) {
            Some(listener) if self.is_accepting.get() => listener.poll_accept(context).map(Some),
            _ => Poll::Ready(None),
        }
    }

    /// A new connection: the gate decides. An IPv4-mapped address is IPv4 from here on.
    fn receive(self: &Rc<Self>, stream: TcpStream, from: SocketAddr) {
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        self.metrics.rendezvous_connections.increment();
        let entry = self.gate.borrow_mut().opened(clock::now(), from.ip());
        match entry {
            Entry::Serve => self.serve(stream, from),
            Entry::TellBlocked(wait) => self.tell_blocked(stream, from, wait),
            Entry::CloseSilently => {
                self.metrics.rendezvous_blocked.increment();
                tracing::warn!(%from, "blocked an address for too many connections");
            }
            Entry::Busy => {
                self.metrics.rendezvous_busy.increment();
                tracing::debug!(%from, "no place for a connection");
                // Best effort: there is no place in which it could wait to be written.
                drop(stream.try_write(&Refusal::Busy.line()));
            }
        }
    }

    fn serve(self: &Rc<Self>, mut stream: TcpStream, from: SocketAddr) {
        let place = Place::take(self, from);
        actix_rt::spawn(async move {
            let ending = connection::serve(&mut stream, from, &place.host.desk).await;
            place.host.count(ending);
            tracing::debug!(%from, ?ending, "a connection ended");
        });
    }

    fn count(&self, ending: Ending) {
        match ending {
            Ending::TimedOut => self.metrics.rendezvous_timeouts.increment(),
            Ending::Overloaded => self.metrics.rendezvous_busy.increment(),
            Ending::Answered | Ending::TooLong | Ending::Unanswered | Ending::Broken => {}
        }
    }

    fn tell_blocked(self: &Rc<Self>, mut stream: TcpStream, from: SocketAddr, wait: Duration) {
        self.metrics.rendezvous_blocked.increment();
        let place = Place::take(self, from);
        let limit = self.rate;
        let refusal = Refusal::Blocked { from, limit, wait };
        actix_rt::spawn(async move {
            connection::refuse(&mut stream, &refusal, &place.host.desk).await;
        });
    }
}

/// Accepts connections of one socket until the host stops accepting.
pub(super) async fn accept_loop(host: Rc<Host>, index: usize) {
    let mut is_failing = false;
    while let Some(accepted) = host.accept(index).await {
        match accepted {
            Ok((stream, from)) => {
                is_failing = false;
                host.receive(stream, from);
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                host.metrics.accept_pauses.increment();
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!(%error, "accepting connections pauses");
                }
                time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether a failed accept says something about that connection only, so that the next may follow at once.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// The place of one connection, given back when it is dropped.
struct Place {
    host: Rc<Host>,
    from: SocketAddr,
}

impl Place {
    /// The gate has already counted it.
    fn take(host: &Rc<Host>, from: SocketAddr) -> Self {
        let place = Self {
            host: Rc::clone(host),
            from,
        };
        place.publish();
        place
    }

    fn publish(&self) {
        self.host.open.send_replace(self.host.gate.borrow().total());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.host.gate.borrow_mut().closed(self.from.ip());
        self.publish();
    }
}

//! The handle by which front ends reach the node: questions and wishes, each answered. Cheap to clone.

mod sending;

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{Arc, OnceLock, atomic::AtomicU64},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use thiserror::Error;

pub use self::sending::Texts;
use super::{FilterKeeper, hosting::PanicDoor};
use crate::{
    actors::{
        door::{Door, DoorError},
        kept::Kept,
        links::Links,
        ping::{LinkRtt, ReportRtts},
        recent::RecentEntry,
        rendezvous::{DiscoverNow, DiscoverReply, ReportRendezvous},
        router::{
            DialAddress, LinkRow, ListLinks, ListPeers, ListRecent, PeerName, PeerRow, Reconnect,
            ResolvePeer, SendError, SendTexts,
        },
        supervisor::PanicNow,
    },
    metrics::Metrics,
    proto::registration::Report,
    wire::{destination::Destination, identity::PeerId},
};

/// Why a wish was not met.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NodeError {
    /// The message was not accepted.
    #[error(transparent)]
    Send(#[from] SendError),
    /// An actor failed on the request, or the node is ending.
    #[error("internal error: {0}")]
    Internal(#[from] DoorError),
}

/// The doors of a running node.
pub struct Doors {
    /// To the router.
    pub send: Door<SendTexts>,
    /// To the router.
    pub resolve: Door<ResolvePeer>,
    /// To the router.
    pub dial: Door<DialAddress>,
    /// To the router.
    pub reconnect: Door<Reconnect>,
    /// To the router.
    pub peers: Door<ListPeers>,
    /// To the router.
    pub links: Door<ListLinks>,
    /// To the router.
    pub recent: Door<ListRecent>,
    /// To the ping actor.
    pub rtts: Door<ReportRtts>,
    /// To the rendezvous actor, unless there is none.
    pub rendezvous: Option<(Door<ReportRendezvous>, Door<DiscoverNow>)>,
    /// By the names of the actors, for `/debug panic`.
    pub panics: Mutex<Vec<(&'static str, Door<PanicNow>)>>,
    /// The hosted rendezvous server's, if one is hosted.
    pub server_panic: PanicDoor,
}

/// What is fixed for the life of a node.
pub struct Facts {
    /// Who we are.
    pub own: PeerId,
    /// Where peers are accepted.
    pub listen: Vec<SocketAddr>,
    /// When the node started.
    pub started: Instant,
    /// How long a publication waits for its slowest peer.
    pub pub_wait: Duration,
    /// How long a piped message waits for its peer.
    pub peer_wait: Duration,
    /// How long an ACK may take.
    pub ack_timeout: Duration,
}

/// The handle of a running node.
#[derive(Clone)]
pub struct NodeHandle(Arc<Inner>);

struct Inner {
    facts: Facts,
    doors: Doors,
    supervised: Links,
    filters: FilterKeeper,
    kept: Arc<Kept>,
    metrics: Arc<Metrics>,
    metrics_address: OnceLock<SocketAddr>,
    numbers: AtomicU64,
    /// Peers whose full queue was waited for in vain: not waited for again until there is room.
    lagging: Mutex<HashSet<PeerId>>,
}

/// How often room in a full queue is looked for.
const ROOM_POLL: Duration = Duration::from_millis(2);

impl NodeHandle {
    /// The handle over these doors. Called by the composition root.
    pub fn new(
        facts: Facts,
        doors: Doors,
        links: Links,
        filters: FilterKeeper,
        kept: Arc<Kept>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self(Arc::new(Inner {
            facts,
            doors,
            supervised: links,
            filters,
            kept,
            metrics,
            metrics_address: OnceLock::new(),
            numbers: AtomicU64::new(0),
            lagging: Mutex::default(),
        }))
    }

    /// What is fixed.
    pub fn facts(&self) -> &Facts {
        &self.0.facts
    }

    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Who is ignored and who is blocked.
    pub fn filters(&self) -> &FilterKeeper {
        &self.0.filters
    }

    /// Finds out whom a user means.
    pub async fn resolve(&self, name: PeerName) -> Result<PeerId, NodeError> {
        Ok(self.0.doors.resolve.ask(ResolvePeer(name)).await??)
    }

    /// Dials a bare address.
    pub async fn dial(&self, address: SocketAddr, lasting: bool) -> Result<(), NodeError> {
        Ok(self
            .0
            .doors
            .dial
            .ask(DialAddress { address, lasting })
            .await?)
    }

    /// Looks for peers anew and dials all that are not linked; how many those are, and what became of the look.
    pub async fn reconnect(&self) -> Result<(usize, Option<DiscoverReply>), NodeError> {
        let reply = self.discover(true).await?;
        Ok((self.0.doors.reconnect.ask(Reconnect).await?, reply))
    }

    /// Asks the rendezvous for fresh records, within its budget; none without a rendezvous.
    pub async fn discover(&self, quick: bool) -> Result<Option<DiscoverReply>, NodeError> {
        match &self.0.doors.rendezvous {
            Some((_, discover)) => Ok(Some(discover.ask(DiscoverNow { quick }).await?)),
            None => Ok(None),
        }
    }

    /// The known peers.
    pub async fn peers(&self) -> Result<Vec<PeerRow>, NodeError> {
        Ok(self.0.doors.peers.ask(ListPeers).await?)
    }

    /// The open links.
    pub async fn links(&self) -> Result<Vec<LinkRow>, NodeError> {
        Ok(self.0.doors.links.ask(ListLinks).await?)
    }

    /// The round-trip times of the open links.
    pub async fn rtts(&self) -> Result<Vec<LinkRtt>, NodeError> {
        Ok(self.0.doors.rtts.ask(ReportRtts).await?)
    }

    /// The last messages and acknowledgements.
    pub async fn recent(
        &self,
        count: usize,
        with: Option<Destination>,
    ) -> Result<Vec<RecentEntry>, NodeError> {
        Ok(self.0.doors.recent.ask(ListRecent { count, with }).await?)
    }

    /// What is known of the rendezvous; none without one.
    pub async fn rendezvous(&self) -> Result<Option<Report>, NodeError> {
        match &self.0.doors.rendezvous {
            Some((report, _)) => Ok(Some(report.ask(ReportRendezvous).await?)),
            None => Ok(None),
        }
    }

    /// Our own messages that have not reached their last state.
    pub fn unsettled(&self) -> usize {
        self.0.kept.unsettled()
    }

    /// Waits until every message of ours has reached its last state, at most `limit`.
    pub async fn settled(&self, limit: Option<Duration>) {
        let settled = async {
            while self.unsettled() > 0 {
                tokio::time::sleep(ROOM_POLL).await;
            }
        };
        match limit {
            // What is left then is what the user chose not to wait for.
            Some(limit) => drop(tokio::time::timeout(limit, settled).await),
            None => settled.await,
        }
    }

    /// Where metrics are served, if they are.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.0.metrics_address.get().copied()
    }

    /// Metrics are served here.
    pub(super) fn add_metrics(&self, address: SocketAddr, panic: Door<PanicNow>) {
        // It is told once, when the node starts.
        self.0.metrics_address.get_or_init(|| address);
        self.add_panic("metrics", panic);
    }

    /// Lets an actor of a front end panic on request, too.
    pub fn add_panic(&self, actor: &'static str, door: Door<PanicNow>) {
        self.0.doors.panics.lock().push((actor, door));
    }

    /// Makes an actor panic; the names that there are, if there is none of this name.
    pub fn panic(&self, actor: &str) -> Result<(), Vec<String>> {
        let doors = self.0.doors.panics.lock();
        if let Some((_, door)) = doors.iter().find(|(name, _)| *name == actor) {
            return door.try_put_once(PanicNow).map_err(|_| Vec::new());
        }
        if actor == "peer" && self.0.supervised.panic_one() {
            return Ok(());
        }
        let server = self.0.doors.server_panic.lock().clone();
        let hosts = server.is_some();
        if let Some(door) = server.filter(|_| actor == "rendezvous server") {
            return door.try_put_once(PanicNow).map_err(|_| Vec::new());
        }
        let mut names: Vec<String> = doors.iter().map(|(name, _)| (*name).to_owned()).collect();
        names.push("peer".into());
        names.extend(hosts.then(|| "rendezvous server".into()));
        Err(names)
    }
}

//! The supervisor of PeerActors: starts one for each accepted or dialled connection, watches how it ends, and tells
//! the router and the ping actor. PeerActors have no door: they are reached by link id, and are redialled instead of
//! restarted. What it knows survives them, so that a restarted router can ask who is there.

mod counting;
mod ending;
mod messages;
mod refusing;

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use actix::Addr;
use futures_util::FutureExt;
use parking_lot::Mutex;

use self::counting::title;
pub use self::{
    messages::{CloseLink, LinkActor, LinkEnded, LinkOpened, OpenLink, SendPing},
    refusing::SharedFilters,
};
use super::{
    clock,
    door::Door,
    kept::Kept,
    link_out::{LinkOut, OutLimits},
    peer::{PeerActor, Start},
    ping::PongReceived,
    router::{AcksReceived, TextsReceived},
    supervisor,
    transport::Wire,
};
use crate::{
    metrics::Metrics,
    proto::{
        admission::{Admission, AdmissionLimits, Verdict},
        close::CloseReason,
        link::{Direction, LinkId},
        peer_table::Target,
    },
    wire::identity::PeerId,
};

/// The settings of a link (section `connection`).
#[derive(Debug, Clone, Copy)]
pub struct LinkLimits {
    /// For connecting, and again for the handshake.
    pub handshake_timeout: Duration,
    /// Of its way out.
    pub out: OutLimits,
    /// Lines a second above which a peer is read more slowly.
    pub rate: Option<f64>,
}

/// Where links report to.
#[derive(Clone)]
pub struct LinkDoors {
    /// To the router.
    pub opened: Door<LinkOpened>,
    /// To the router.
    pub ended: Door<LinkEnded>,
    /// To the router.
    pub texts: Door<TextsReceived>,
    /// To the router.
    pub acks: Door<AcksReceived>,
    /// To the ping actor.
    pub ping_opened: Door<LinkOpened>,
    /// To the ping actor.
    pub ping_ended: Door<LinkEnded>,
    /// To the ping actor.
    pub pong: Door<PongReceived>,
}

/// The supervisor of all links. Cloning costs one reference count.
#[derive(Clone)]
pub struct Links(Arc<Inner>);

struct Inner {
    own: PeerId,
    limits: LinkLimits,
    doors: LinkDoors,
    filters: SharedFilters,
    kept: Arc<Kept>,
    metrics: Arc<Metrics>,
    state: Mutex<State>,
}

struct State {
    last_id: u64,
    admission: Admission,
    open: HashMap<LinkId, LinkOpened>,
    dialling: HashMap<LinkId, Dialling>,
    /// Where our last dials came from.
    own_ends: VecDeque<SocketAddr>,
    closing: bool,
}

/// A dial under way.
struct Dialling {
    target: Target,
    /// Makes it end; none until its actor is started, a moment later.
    actor: Option<Addr<PeerActor>>,
}

impl Links {
    /// No link yet.
    pub fn new(
        own: PeerId,
        limits: LinkLimits,
        admission: AdmissionLimits,
        doors: LinkDoors,
        kept: Arc<Kept>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self(Arc::new(Inner {
            own,
            limits,
            doors,
            filters: SharedFilters::default(),
            kept,
            metrics,
            state: Mutex::new(State {
                last_id: 0,
                admission: Admission::new(admission),
                open: HashMap::new(),
                dialling: HashMap::new(),
                own_ends: VecDeque::new(),
                closing: false,
            }),
        }))
    }

    /// Starts a PeerActor for an accepted connection, or refuses it. Called by ListenerActor.
    pub fn accept(&self, wire: Wire, from: SocketAddr) {
        let link = {
            let mut state = self.0.state.lock();
            let link = state.next_id();
            if let Some(why) = self.why_refused(&mut state, link, from) {
                self.0.metrics.links_refused.increment();
                tracing::debug!(address = %from, "Connection refused: {why}");
                return;
            }
            link
        };
        self.start(link, from, None, Start::Accepted(wire));
    }

    /// Starts a PeerActor that dials, unless the node is leaving. Called by RouterActor.
    pub fn dial(&self, target: Target) {
        if self.refuses(target.peer.as_ref(), target.address) {
            return self.refuse_dial(target);
        }
        let link = {
            let mut state = self.0.state.lock();
            if state.closing {
                return;
            }
            let link = state.next_id();
            let dialling = Dialling {
                target: target.clone(),
                actor: None,
            };
            state.dialling.insert(link, dialling);
            link
        };
        self.0.metrics.dials.increment();
        let start = Start::Dial(target.peer.clone());
        self.start(link, target.address, Some(target), start);
    }

    /// The open links and the dials under way, for an actor that has to begin anew.
    pub fn announce(&self) -> (Vec<LinkOpened>, Vec<Target>) {
        let state = self.0.state.lock();
        let mut open: Vec<_> = state.open.values().cloned().collect();
        open.sort_by_key(|link| link.link);
        let dialling = state.dialling.values();
        (open, dialling.map(|it| it.target.clone()).collect())
    }

    /// Whether this link is still open.
    pub fn is_open(&self, link: LinkId) -> bool {
        self.0.state.lock().open.contains_key(&link)
    }

    /// How many links of each direction are open: inbound, outbound.
    pub fn counts(&self) -> (usize, usize) {
        let state = self.0.state.lock();
        let is_inbound = |link: &&LinkOpened| link.direction == Direction::Inbound;
        let inbound = state.open.values().filter(is_inbound).count();
        (inbound, state.open.len() - inbound)
    }

    /// How many links are open.
    pub fn count(&self) -> usize {
        self.0.state.lock().open.len()
    }

    /// How many links are open or being dialled: nothing more is to be waited for when leaving once this is 0.
    pub fn unfinished(&self) -> usize {
        let state = self.0.state.lock();
        state.open.len() + state.dialling.len()
    }

    /// Makes the actor of one link panic (`/debug panic peer`); false if there is none.
    pub fn panic_one(&self) -> bool {
        let state = self.0.state.lock();
        let newest = state.open.values().max_by_key(|opened| opened.link);
        newest.inspect(|opened| opened.actor.panic()).is_some()
    }

    /// Says BYE on all links, and to those who have our HELLO; takes no more. The links are gone two seconds later at
    /// the latest.
    pub fn leave_all(&self) {
        let mut state = self.0.state.lock();
        state.closing = true;
        state.close(|_, _| true, CloseReason::WeLeft, true);
    }

    pub(super) fn own(&self) -> &PeerId {
        &self.0.own
    }

    pub(super) fn limits(&self) -> &LinkLimits {
        &self.0.limits
    }

    pub(super) fn doors(&self) -> &LinkDoors {
        &self.0.doors
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.0.kept
    }

    pub(super) fn metrics(&self) -> &Arc<Metrics> {
        &self.0.metrics
    }

    /// A link is about to open: an error if it may not stay. Another link may have to yield to it.
    pub(super) fn admit(&self, opened: &LinkOpened) -> Result<(), CloseReason> {
        let mut state = self.0.state.lock();
        if state.closing {
            return Err(CloseReason::WeLeft);
        }
        if self.refuses(Some(&opened.peer), opened.address) {
            self.0.metrics.links_refused.increment();
            return Err(CloseReason::Blocked);
        }
        match state.admission.identified(opened.link, &opened.peer) {
            Verdict::Keep => {}
            Verdict::Refuse => {
                self.0.metrics.links_refused.increment();
                return Err(CloseReason::Displaced);
            }
            Verdict::Displace(other) => state.displace(other),
        }
        state.dialling.remove(&opened.link);
        state.open.insert(opened.link, opened.clone());
        Ok(())
    }

    /// Tells that a link is open. Waits for room.
    pub(super) async fn tell_opened(&self, opened: LinkOpened) {
        match opened.direction {
            Direction::Inbound => self.0.metrics.links_inbound.increment(),
            Direction::Outbound => self.0.metrics.links_outbound.increment(),
        }
        tracing::info!(address = %opened.address, "{} connected: {}", title(opened.direction), opened.peer);
        // A closed door means that the node is ending.
        self.0.doors.ping_opened.tell(opened.clone()).await;
        self.0.doors.opened.tell(opened).await;
    }

    fn start(&self, link: LinkId, address: SocketAddr, target: Option<Target>, start: Start) {
        let out = LinkOut::new(link, self.0.limits.out, clock::now());
        let peer = PeerActor::new(link, address, target.clone(), start, out, self.clone());
        let ending = peer.ending();
        let direction = peer.direction();
        let (actor, exit) = supervisor::run(peer);
        if let Some(dialling) = self.0.state.lock().dialling.get_mut(&link) {
            dialling.actor = Some(actor);
        }
        let links = self.clone();
        let ended = LinkEnded {
            link,
            peer: None,
            direction,
            address,
            target,
            was_open: None,
            reason: CloseReason::EndOfStream,
        };
        // Boxed: an idle link needs no room for its end.
        let ended = Box::new(ended);
        let ended = move |exit| Box::pin(async move { links.ended(exit, &ending, *ended).await });
        // No `async` block: it would hold the actor twice.
        actix_rt::spawn(exit.then(ended));
    }
}

impl State {
    /// Ends the links, and the dials under way, to the peers and addresses that are chosen.
    fn close(
        &self,
        is_chosen: impl Fn(Option<&PeerId>, SocketAddr) -> bool,
        reason: CloseReason,
        say_bye: bool,
    ) {
        let how = CloseLink { reason, say_bye };
        for open in self.open.values() {
            if is_chosen(Some(&open.peer), open.address) {
                open.actor.close(how.clone());
            }
        }
        for Dialling { target, actor } in self.dialling.values() {
            if is_chosen(target.peer.as_ref(), target.address)
                && let Some(actor) = actor
            {
                actor.close(how.clone());
            }
        }
    }

    fn displace(&mut self, link: LinkId) {
        if let Some(open) = self.open.get(&link) {
            open.actor.close(CloseLink {
                reason: CloseReason::Displaced,
                say_bye: true,
            });
        }
    }

    fn next_id(&mut self) -> LinkId {
        self.last_id += 1;
        LinkId(self.last_id)
    }
}

#[cfg(test)]
#[path = "links_tests.rs"]
mod tests;

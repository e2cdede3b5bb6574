//! RendezvousActor: registers this node, finds the others, and hosts the embedded rendezvous when it is elected.
//!
//! Effects only: [`registration`] decides what is asked when,
//! [`hosting`](crate::proto::hosting) where the embedded rendezvous is and who hosts it. Owns one timer for the next
//! wake-up of both. If it dies, [`Kept`] carries the hosted server and the registration over to its next
//! incarnation. Knows nothing of peers and links.

mod apply;
pub mod host;
pub mod kept;
pub mod leftover;
pub mod name_probe;
pub mod network;
pub mod request;
pub mod startup;

use std::{
    net::IpAddr,
    path::PathBuf,
    rc::Rc,
    time::{Duration, Instant, SystemTime},
};

use actix::{
    Actor, AsyncContext, Context, Handler, Message, MessageResult, ResponseFuture, SpawnHandle,
};
use tokio::sync::oneshot;

use self::{host::HostRendezvous, kept::Kept, network::Network};
use super::{clock, door::Door, events::Events, router::RecordsDiscovered};
use crate::{
    panics_on_request,
    proto::{
        hosting::Hosting,
        registration::{self, Input, Registration, Report},
        sleep::SleepWatch,
    },
};

/// The longest that `Leave` takes.
pub const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);

/// How often the clocks and our own address are looked at, to notice a sleep or another network.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// The user wants fresh records (`/reconnect`, `/peers`). From the command line's way through the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "DiscoverReply")]
pub struct DiscoverNow {
    /// Whether records are also asked for at the quick times after it, as `/reconnect` wants.
    pub quick: bool,
}

/// The answer to [`DiscoverNow`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscoverReply {
    /// A request is under way; the router gets the records.
    Asked,
    /// Budget, block or the search for a rendezvous forbid a request now: what is known has to do.
    Known {
        /// The age of the last records, if there ever were any.
        age: Option<Duration>,
        /// When the next request is made, if that is known.
        next_request_in: Option<Duration>,
    },
}

/// A link to a peer of this machine ended: it may have been the host of the embedded rendezvous. From the router.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct LinkEndedHere;

/// For `/status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "Report")]
pub struct ReportRendezvous;

/// The node ends: UNREGISTER, then stop hosting. Answered within [`LEAVE_TIMEOUT`], true if no record of ours is left
/// behind; until then the actor takes no other message. From the ordered shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "bool")]
pub struct Leave;

/// Who registers, and where files are.
#[derive(Debug, Clone)]
pub struct RendezvousConfig {
    /// Identity, port, times.
    pub registration: registration::Config,
    /// Where this process listens; differs from the registered port with `node.public_port`.
    pub listen_port: u16,
    /// The folder of our identity, for the last registration; `None` when it cannot be written.
    pub folder: Option<PathBuf>,
    /// The folder of all identities, for what others left behind.
    pub data_dir: Option<PathBuf>,
}

/// Everything else the actor meets.
#[derive(Clone)]
pub struct Surroundings {
    /// Gets the records of others.
    pub router: Door<RecordsDiscovered>,
    /// Gets what became of the rendezvous.
    pub events: Events,
    /// Requests and probes.
    pub network: Rc<dyn Network>,
    /// Starts the embedded server.
    pub host: Rc<dyn HostRendezvous>,
    /// The wall clock.
    pub wall: fn() -> SystemTime,
}

/// The actor. Started by the node unless the mode is `off`; stops with the node.
pub struct RendezvousActor {
    config: RendezvousConfig,
    surroundings: Surroundings,
    kept: Rc<Kept>,
    registration: Registration,
    hosting: Option<Hosting>,
    timer: Option<(Instant, SpawnHandle)>,
    leaving: Vec<oneshot::Sender<bool>>,
    sleep: SleepWatch,
    /// Our own address at the last look, if there was one.
    local_ip: Option<Option<IpAddr>>,
}

impl RendezvousActor {
    /// One incarnation; goes on from what is kept.
    pub fn new(config: RendezvousConfig, surroundings: Surroundings, kept: Rc<Kept>) -> Self {
        let now = clock::now();
        Self {
            registration: Registration::new(now, config.registration.clone(), kept.facts()),
            hosting: kept.hosting(),
            sleep: SleepWatch::new(now, (surroundings.wall)()),
            config,
            surroundings,
            kept,
            timer: None,
            leaving: Vec::new(),
            local_ip: None,
        }
    }

    /// Notices a sleep and another network.
    fn look_around(&mut self, context: &mut Context<Self>) {
        let slept = self.sleep.slept(clock::now(), (self.surroundings.wall)());
        if self.has_moved() || slept {
            self.feed(Input::NetworkChanged, context);
        }
    }

    /// Whether our own address on the way to the rendezvous is another than at the last look, or there again.
    fn has_moved(&mut self) -> bool {
        let registered = self.registration.facts().registered;
        let Some(server) = registered.and_then(|known| known.server) else {
            return false;
        };
        let now = self.surroundings.network.local_ip(server);
        let before = self.local_ip.replace(now);
        now.is_some() && before.is_some_and(|before| before != now)
    }
}

impl Actor for RendezvousActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.feed(Input::Started, context);
        self.start_hosting(context);
        context.run_interval(LOOK_INTERVAL, Self::look_around);
    }
}

impl Handler<DiscoverNow> for RendezvousActor {
    type Result = MessageResult<DiscoverNow>;

    fn handle(&mut self, message: DiscoverNow, context: &mut Self::Context) -> Self::Result {
        let DiscoverNow { quick } = message;
        self.feed(Input::DiscoverNow { quick }, context);
        if self.registration.is_asking() {
            return MessageResult(DiscoverReply::Asked);
        }
        let report = self.registration.report(clock::now());
        MessageResult(DiscoverReply::Known {
            age: report.records_age,
            next_request_in: report.next_request_in,
        })
    }
}

impl Handler<LinkEndedHere> for RendezvousActor {
    type Result = ();

    fn handle(&mut self, _: LinkEndedHere, context: &mut Self::Context) {
        self.feed(Input::LinkEndedHere, context);
    }
}

impl Handler<ReportRendezvous> for RendezvousActor {
    type Result = MessageResult<ReportRendezvous>;

    fn handle(&mut self, _: ReportRendezvous, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.registration.report(clock::now()))
    }
}

impl Handler<Leave> for RendezvousActor {
    type Result = ResponseFuture<bool>;

    fn handle(&mut self, _: Leave, context: &mut Self::Context) -> Self::Result {
        let (left, answer) = oneshot::channel();
        self.leaving.push(left);
        self.feed(Input::Leave, context);
        Box::pin(async move {
            let answer = tokio::time::timeout(LEAVE_TIMEOUT, answer).await;
            matches!(answer, Ok(Ok(true)))
        })
    }
}

panics_on_request!(RendezvousActor);

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

//! The one place where RendezvousActor turns decisions into effects.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use futures_util::FutureExt;

use super::{
    RendezvousActor,
    leftover::{self, LastRegistration},
    startup,
};
use crate::{
    actors::{
        clock,
        door::DoorError,
        events::{NodeEvent, RendezvousEvent},
        router::RecordsDiscovered,
    },
    proto::{
        hosting::{self, Bound},
        registration::{Input, Output},
    },
    wire::rendezvous::Record,
};

impl RendezvousActor {
    /// Gives the registration an input and does what it wants.
    pub(super) fn feed(&mut self, input: Input, context: &mut Context<Self>) {
        let outputs = self
            .registration
            .handle(clock::now(), input, fastrand::f64());
        self.kept.keep_facts(self.registration.facts());
        for output in outputs {
            self.apply(output, context);
        }
        self.arm(context);
    }

    /// Goes on looking for an embedded rendezvous, or looking after it.
    pub(super) fn start_hosting(&mut self, context: &mut Context<Self>) {
        if !self.registration.facts().ended {
            self.feed_hosting(hosting::Input::Started, context);
        }
    }

    pub(super) fn announce(&self, records: Arc<[Record]>) {
        let message = RecordsDiscovered { records };
        if let Err(error) = self.surroundings.router.try_put(message) {
            // The next answer brings them again.
            tracing::warn!(%error, "the router did not take the records");
        }
    }

    fn feed_hosting(&mut self, input: hosting::Input, context: &mut Context<Self>) {
        let Some(hosting) = &mut self.hosting else {
            return;
        };
        let outputs = hosting.handle(clock::now(), input, fastrand::f64());
        self.kept.keep_hosting(hosting);
        for output in outputs {
            self.apply_hosting(output, context);
        }
        self.arm(context);
    }

    fn apply(&mut self, output: Output, context: &mut Context<Self>) {
        match output {
            Output::Send {
                id,
                to,
                server,
                request,
                limit,
            } => {
                let exchange = self
                    .surroundings
                    .network
                    .request(to, server, request, limit);
                let come_back = move |exchange, actor: &mut Self, context: &mut Context<Self>| {
                    actor.feed(Input::Answered { id, exchange }, context);
                };
                context.spawn(exchange.into_actor(self).map(come_back));
            }
            Output::ProbeOwnName { id, addresses } => self.probe(id, addresses, context),
            Output::Discovered(records) => self.announce(records),
            Output::Repeated(ids) => {
                tracing::warn!(
                    ?ids,
                    "several records of one id: the longest-lived comes first"
                );
            }
            Output::LeftOut(count) => tracing::debug!(count, "records left out"),
            Output::Registered { seen } => self.registered(seen, context),
            Output::Remember { seen, ttl } => self.remember(seen, ttl),
            Output::Unreachable {
                reason,
                first,
                refused,
            } => self.unreachable(reason, first, refused, context),
            Output::Blocked(wait) => {
                let address = self.address();
                self.tell(RendezvousEvent::Blocked { address, wait });
            }
            Output::Refused { message, hint } => {
                let address = self.address();
                let hint = hint.to_owned();
                self.tell(RendezvousEvent::Refused {
                    address,
                    message,
                    hint,
                });
            }
            Output::NameTaken(address) => self.tell(RendezvousEvent::NameTaken { address }),
            Output::Left { clean } => self.left(clean, context),
        }
    }

    fn apply_hosting(&mut self, output: hosting::Output, context: &mut Context<Self>) {
        match output {
            hosting::Output::Ask(port) => {
                let network = self.surroundings.network.clone();
                let asked = async move { startup::ask(&*network, port).await };
                let come_back = |input, actor: &mut Self, context: &mut Context<Self>| {
                    actor.feed_hosting(input, context);
                };
                context.spawn(asked.into_actor(self).map(come_back));
            }
            hosting::Output::Bind(port) => self.bind(port, context),
            hosting::Output::StopHosting(port) => {
                if let Some(hosted) = self.kept.take_hosted(port) {
                    // Not bound to this incarnation: it is to end in any case.
                    actix_rt::spawn(hosted.stop());
                }
            }
            hosting::Output::Settled { port, hosted } => {
                let endpoint = startup::embedded_endpoint(port, hosted);
                if hosted {
                    let address = endpoint.address.to_string();
                    self.tell(RendezvousEvent::TakenOver { address });
                }
                self.feed(Input::Moved(endpoint), context);
            }
            hosting::Output::Foreign(port) => self.tell(RendezvousEvent::ForeignProgram { port }),
            hosting::Output::Unusable { port, reason } => {
                self.tell(RendezvousEvent::UnusablePort { port, reason });
            }
            hosting::Output::NoPort => self.tell(RendezvousEvent::Unreachable {
                address: "127.0.0.1".to_owned(),
                reason: "every port of the embedded rendezvous belongs to another program"
                    .to_owned(),
            }),
        }
    }

    fn probe(&self, id: u64, addresses: Vec<SocketAddr>, context: &mut Context<Self>) {
        let network = self.surroundings.network.clone();
        let own = self.config.registration.own.clone();
        let port = self.config.listen_port;
        let probes = async move { startup::first_taken(&*network, addresses, &own, port).await };
        let come_back = move |taken, actor: &mut Self, context: &mut Context<Self>| {
            actor.feed(Input::Probed { id, taken }, context);
        };
        context.spawn(probes.into_actor(self).map(come_back));
    }

    fn bind(&self, port: u16, context: &mut Context<Self>) {
        let kept = self.kept.clone();
        // Kept before anybody hears of it: a panic in between must not end the server unseen.
        let keep = move |result| match result {
            Ok(hosted) => {
                kept.keep_hosted(port, hosted);
                Bound::Ok
            }
            Err(error) => Bound::from(&error),
        };
        let come_back = move |result, actor: &mut Self, context: &mut Context<Self>| {
            if actor.hosting.is_none() {
                // The node is leaving.
                actor.apply_hosting(hosting::Output::StopHosting(port), context);
            }
            actor.feed_hosting(hosting::Input::Bound { port, result }, context);
        };
        let bound = self.surroundings.host.bind(port).map(keep);
        context.spawn(bound.into_actor(self).map(come_back));
    }

    fn registered(&self, seen: Option<SocketAddr>, context: &mut Context<Self>) {
        let endpoint = self.registration.facts().endpoint.as_ref();
        let port = self.config.registration.port;
        self.tell(RendezvousEvent::Registered {
            address: self.address(),
            hosted: endpoint.is_some_and(|endpoint| endpoint.hosted),
            seen: seen.map_or_else(|| format!("?:{port}"), |seen| seen.to_string()),
        });
        self.sweep(context);
    }

    /// Takes back what earlier runs left behind, once.
    fn sweep(&self, context: &mut Context<Self>) {
        let Some(previous) = self.kept.begin_sweep() else {
            return;
        };
        let network = self.surroundings.network.clone();
        let now = (self.surroundings.wall)();
        let elsewhere = previous.filter(|previous| previous.rendezvous != self.address());
        let folders = self.config.data_dir.clone().zip(self.config.folder.clone());
        let sweep = async move {
            if let Some(previous) = elsewhere {
                leftover::unregister(&*network, &previous, now).await;
            }
            if let Some((data_dir, own)) = folders {
                leftover::sweep(&*network, data_dir, own, now).await;
            }
        };
        context.spawn(sweep.into_actor(self));
    }

    fn remember(&self, seen: Option<SocketAddr>, ttl: Duration) {
        let Some(folder) = self.config.folder.clone() else {
            return;
        };
        let until = (self.surroundings.wall)() + ttl;
        let config = &self.config.registration;
        let registration = LastRegistration {
            rendezvous: self.address(),
            namespace: config.own.namespace().to_owned(),
            name: config.own.name().to_owned(),
            port: config.port,
            seen,
            until: until
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs(),
        };
        actix_rt::spawn(leftover::on_disk(move || registration.store(&folder)));
    }

    /// An outage of a remote rendezvous is told; the embedded one is looked for anew.
    fn unreachable(
        &mut self,
        reason: String,
        first: bool,
        refused: bool,
        context: &mut Context<Self>,
    ) {
        if self.hosting.is_some() {
            self.feed_hosting(hosting::Input::Lost { refused }, context);
            if !self
                .hosting
                .as_ref()
                .is_some_and(hosting::Hosting::is_settled)
            {
                self.feed(Input::Suspended, context);
            }
        } else if first {
            let address = self.address();
            self.tell(RendezvousEvent::Unreachable { address, reason });
        }
    }

    fn left(&mut self, clean: bool, context: &mut Context<Self>) {
        self.hosting = None;
        let folder = self.config.folder.clone().filter(|_| clean);
        let (kept, leaving) = (self.kept.clone(), std::mem::take(&mut self.leaving));
        let end = async move {
            if let Some(folder) = folder {
                leftover::on_disk(move || LastRegistration::remove(&folder)).await;
            }
            kept.stop_hosting().await;
            for left in leaving {
                if left.send(clean).is_err() {
                    tracing::debug!("nobody waited for the end of the registration");
                }
            }
        };
        context.spawn(end.into_actor(self));
    }

    fn address(&self) -> String {
        let endpoint = self.registration.facts().endpoint.as_ref();
        endpoint.map_or_else(String::new, |endpoint| endpoint.address.to_string())
    }

    /// Every event arrives: each is told once, and a taken name must end the node.
    fn tell(&self, event: RendezvousEvent) {
        let event = NodeEvent::Rendezvous(event);
        if let Err(DoorError::Full) = self.surroundings.events.try_put(event.clone()) {
            let events = self.surroundings.events.clone();
            actix_rt::spawn(async move { events.put(event).await });
        }
    }

    /// One timer, for whichever machine wakes first.
    fn arm(&mut self, context: &mut Context<Self>) {
        let now = clock::now();
        let hosting = self.hosting.as_ref().and_then(hosting::Hosting::next_wake);
        let wake = [self.registration.next_wake(now), hosting];
        let wake = wake.into_iter().flatten().min();
        if self.timer.map(|(at, _)| at) == wake {
            return;
        }
        if let Some((_, stale)) = self.timer.take() {
            context.cancel_future(stale);
        }
        self.timer = wake.map(|at| {
            let wait = at.saturating_duration_since(now);
            (at, context.run_later(wait, Self::wake))
        });
    }

    /// The machines know what is due: a wake-up that comes too early does nothing and is armed again.
    fn wake(&mut self, context: &mut Context<Self>) {
        self.timer = None;
        self.feed(Input::Tick, context);
        self.feed_hosting(hosting::Input::Tick, context);
    }
}

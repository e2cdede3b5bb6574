//! Starting a node's actors: a queue for each, doors by constructor, supervision.

use std::{
    net::SocketAddr,
    rc::Rc,
    sync::{Arc, Weak},
    time::SystemTime,
};

use actix::{Actor, Context};
use tokio::sync::mpsc;

use super::{
    FilterKeeper, Node, NodeHandle, RunningNode,
    config::{self, Places as LinkPlaces},
    descriptors,
    handle::{Doors, Facts},
    running::Leaving,
    summary,
};
use crate::{
    actors::{
        clock,
        door::{Door, Doorway, Inbox, queue},
        events::{Events, NodeEvent},
        kept::Kept,
        links::{LinkDoors, Links},
        listener::ListenerActor,
        ping::PingActor,
        rendezvous::{
            RendezvousActor, RendezvousConfig, Surroundings, kept::Kept as KeptRendezvous,
        },
        router::{DialAddress, RouterActor, RouterParts},
        supervisor::{Exit, ExitNote, Report, supervise},
    },
    metrics::Metrics,
    proto::registration,
    settings::EffectiveMode,
};

/// Messages that may wait for an actor; then whoever causes more waits.
const QUEUE: usize = 1024;

/// The ways into the queues of all actors.
struct Ways {
    router: Doorway<RouterActor>,
    ping: Doorway<PingActor>,
    listener: Doorway<ListenerActor>,
    rendezvous: Doorway<RendezvousActor>,
}

/// The other ends of the queues.
struct Inboxes {
    router: Inbox<RouterActor>,
    ping: Inbox<PingActor>,
    listener: Inbox<ListenerActor>,
    rendezvous: Inbox<RendezvousActor>,
}

fn queues() -> (Ways, Inboxes) {
    let (router, router_inbox) = queue(QUEUE);
    let (ping, ping_inbox) = queue(QUEUE);
    let (listener, listener_inbox) = queue(QUEUE);
    let (rendezvous, rendezvous_inbox) = queue(QUEUE);
    let ways = Ways {
        router,
        ping,
        listener,
        rendezvous,
    };
    let inboxes = Inboxes {
        router: router_inbox,
        ping: ping_inbox,
        listener: listener_inbox,
        rendezvous: rendezvous_inbox,
    };
    (ways, inboxes)
}

impl Node {
    /// Starts all actors: first those that others report to. Events go through `events`.
    pub async fn start(mut self, events: Events) -> RunningNode {
        for event in std::mem::take(&mut self.prepared.established.events) {
            events.tell(NodeEvent::Rendezvous(event)).await;
        }
        let places = self.link_places(&events).await;
        let kept = Kept::new(config::kept_limits(&self.settings.connection));
        let (ways, inboxes) = queues();
        let links = self.links(&ways, places, Arc::clone(&kept));
        let filters = self.filters(&links, &events).await;
        self.start_router(inboxes.router, &ways, &links, &kept, events.clone(), places);
        self.start_ping(inboxes.ping, &links);
        self.start_listener(inboxes.listener, &links);
        let leave = self.start_rendezvous(inboxes.rendezvous, &ways, events.clone());
        let metrics_server = self.start_metrics(&links, &kept, &events).await;
        let handle = self.handle(&ways, links.clone(), filters, kept, leave.is_some());
        if let Some(server) = &metrics_server {
            handle.add_metrics(server.local_addr(), server.panic_door());
        }
        let (told, gave_up) = mpsc::channel(4);
        let reports = self.told;
        let metrics = Arc::clone(&self.metrics);
        let mut tasks = vec![
            actix_rt::spawn(tell_reports(reports, events.clone(), metrics, told)),
            actix_rt::spawn(join(self.joins, ways.router.door(), events)),
        ];
        tasks.extend(summary::start(
            self.settings.logging.summary_interval,
            handle.clone(),
        ));
        RunningNode {
            handle,
            reports: self.reports,
            gave_up,
            links,
            listening: ways.listener.door(),
            listeners: self.prepared.listeners,
            leave,
            metrics_server,
            tasks,
            _lock: self.prepared.lock,
        }
    }

    /// Raises the limit of open files, or lowers our own and says so.
    async fn link_places(&self, events: &Events) -> LinkPlaces {
        let connection = &self.settings.connection;
        let wanted = LinkPlaces {
            inbound: connection.max_inbound,
            outbound: connection.max_outbound,
        };
        let places = descriptors::make_room(wanted);
        if places != wanted {
            let (inbound, outbound) = (places.inbound, places.outbound);
            let trouble = NodeEvent::Trouble {
                code: "few_descriptors",
                message: format!(
                    "the limit of open files allows only {inbound} inbound and {outbound} outbound connections"
                ),
                hint: "raise it with ulimit -n, or lower connection.max_inbound".into(),
            };
            events.tell(trouble).await;
        }
        places
    }

    fn links(&self, ways: &Ways, places: LinkPlaces, kept: Arc<Kept>) -> Links {
        let connection = &self.settings.connection;
        let doors = LinkDoors {
            opened: ways.router.door(),
            ended: ways.router.door(),
            texts: ways.router.door(),
            acks: ways.router.door(),
            ping_opened: ways.ping.door(),
            ping_ended: ways.ping.door(),
            pong: ways.ping.door(),
        };
        Links::new(
            self.prepared.own.clone(),
            config::link_limits(connection),
            config::admission_limits(connection, places),
            doors,
            kept,
            Arc::clone(&self.metrics),
        )
    }

    fn supervise<A, F>(&self, actor: &'static str, inbox: Inbox<A>, make: F)
    where
        A: Actor<Context = Context<A>>,
        F: FnMut(&mut Context<A>, ExitNote) -> A + 'static,
    {
        let reports = Rc::clone(&self.reports);
        self.metrics.restarts.watch(actor);
        // How it ends is told by its reports.
        drop(supervise(actor, inbox, self.policy, reports, make));
    }

    fn start_router(
        &self,
        inbox: Inbox<RouterActor>,
        ways: &Ways,
        links: &Links,
        kept: &Arc<Kept>,
        events: Events,
        places: LinkPlaces,
    ) {
        let parts = RouterParts {
            own: self.prepared.own.clone(),
            links: links.clone(),
            kept: Arc::clone(kept),
            metrics: Arc::clone(&self.metrics),
            events,
            rendezvous: ways.rendezvous.door(),
            limits: config::table_limits(&self.settings.connection, places),
            discovers: self.settings.rendezvous_mode() != EffectiveMode::Off,
        };
        self.supervise("router", inbox, move |_, _| RouterActor::new(parts.clone()));
    }

    fn start_ping(&self, inbox: Inbox<PingActor>, links: &Links) {
        let limits = config::keep_alive_limits(&self.settings.connection);
        let (links, metrics) = (links.clone(), Arc::clone(&self.metrics));
        self.supervise("ping", inbox, move |_, _| {
            PingActor::new(limits, links.clone(), Arc::clone(&metrics))
        });
    }

    fn start_listener(&self, inbox: Inbox<ListenerActor>, links: &Links) {
        let sockets = self.prepared.listeners.iter();
        // The sockets belong to the node, so that it can close them before it says BYE.
        let sockets: Vec<Weak<_>> = sockets.map(Arc::downgrade).collect();
        let (links, metrics) = (links.clone(), Arc::clone(&self.metrics));
        self.supervise("listener", inbox, move |_, note| {
            let open = sockets.iter().filter_map(Weak::upgrade).collect();
            ListenerActor::new(open, links.clone(), Arc::clone(&metrics), note)
        });
    }

    /// None without a rendezvous.
    fn start_rendezvous(
        &mut self,
        inbox: Inbox<RendezvousActor>,
        ways: &Ways,
        events: Events,
    ) -> Option<Leaving> {
        if self.settings.rendezvous_mode() == EffectiveMode::Off {
            return None;
        }
        let config = self.rendezvous_config();
        let established = std::mem::take(&mut self.prepared.established);
        let folder = self.prepared.folder.as_deref();
        let kept = Rc::new(KeptRendezvous::new(
            established,
            self.prepared.name_checked,
            folder,
        ));
        let surroundings = Surroundings {
            router: ways.router.door(),
            events,
            network: Rc::clone(&self.network),
            host: self.host.clone(),
            wall: SystemTime::now,
        };
        let (actor_config, actor_kept) = (config.clone(), Rc::clone(&kept));
        self.supervise("rendezvous", inbox, move |_, _| {
            RendezvousActor::new(
                actor_config.clone(),
                surroundings.clone(),
                actor_kept.clone(),
            )
        });
        Some(Leaving {
            door: ways.rendezvous.door(),
            kept,
            config,
            network: Rc::clone(&self.network),
        })
    }

    fn rendezvous_config(&self) -> RendezvousConfig {
        let settings = &self.settings;
        let listen_port = self.listen().first().map_or(0, SocketAddr::port);
        RendezvousConfig {
            registration: registration::Config {
                own: self.prepared.own.clone(),
                port: settings.node.public_port.unwrap_or(listen_port),
                ttl: settings.rendezvous.ttl,
                discovery_interval: settings.rendezvous.discovery_interval,
                timeout: settings.rendezvous.timeout,
                backoff: config::reconnect_backoff(&settings.connection),
            },
            listen_port,
            folder: self.prepared.folder.clone(),
            data_dir: self.places.data_dir().ok(),
        }
    }

    /// Before anybody is accepted or dialled.
    async fn filters(&self, links: &Links, events: &Events) -> FilterKeeper {
        let folder = self.prepared.folder.as_deref();
        let (filters, trouble) = FilterKeeper::load(links.clone(), folder);
        if let Some(trouble) = trouble {
            events.tell(trouble).await;
        }
        filters
    }

    fn handle(
        &self,
        ways: &Ways,
        links: Links,
        filters: FilterKeeper,
        kept: Arc<Kept>,
        rendezvous: bool,
    ) -> NodeHandle {
        let connection = &self.settings.connection;
        let facts = Facts {
            own: self.prepared.own.clone(),
            listen: self.listen(),
            started: clock::now(),
            pub_wait: connection.pub_wait,
            peer_wait: self.settings.node.peer_wait,
            ack_timeout: connection.ack_timeout,
        };
        let mut panics = vec![
            ("router", ways.router.door()),
            ("ping", ways.ping.door()),
            ("listener", ways.listener.door()),
        ];
        if rendezvous {
            panics.push(("rendezvous", ways.rendezvous.door()));
        }
        let doors = Doors {
            send: ways.router.door(),
            resolve: ways.router.door(),
            dial: ways.router.door(),
            reconnect: ways.router.door(),
            peers: ways.router.door(),
            links: ways.router.door(),
            recent: ways.router.door(),
            rtts: ways.ping.door(),
            rendezvous: rendezvous.then(|| (ways.rendezvous.door(), ways.rendezvous.door())),
            panics: parking_lot::Mutex::new(panics),
            server_panic: Arc::clone(&self.host.panic),
        };
        NodeHandle::new(
            facts,
            doors,
            links,
            filters,
            kept,
            Arc::clone(&self.metrics),
        )
    }
}

/// Logs, counts and shows what supervisors report; an actor that was given up is the end of the node.
async fn tell_reports(
    mut reports: mpsc::UnboundedReceiver<Report>,
    events: Events,
    metrics: Arc<Metrics>,
    gave_up: mpsc::Sender<String>,
) {
    while let Some(report) = reports.recv().await {
        match report {
            Report::Restarting { actor, exit, delay } => {
                metrics.actor_restarts.increment();
                metrics.restarts.failed(actor, clock::now(), delay);
                let reason = exit_words(exit);
                tracing::error!(actor, reason, ?delay, "An actor failed and is restarted");
                let actor = actor.into();
                let event = NodeEvent::ActorRestarting {
                    actor,
                    reason,
                    delay,
                };
                events.tell(event).await;
            }
            Report::Poisoned { actor, message } => {
                metrics.messages_poisoned.increment();
                tracing::error!(
                    actor,
                    kind = message,
                    "A message was dropped: its actor failed on it twice"
                );
            }
            Report::GaveUp { actor, exit } => {
                let reason = exit_words(exit);
                tracing::error!(actor, reason, "An actor failed too often and is given up");
                // With a full channel the node is ending already.
                drop(gave_up.try_send(actor.into()));
            }
        }
    }
}

fn exit_words(exit: Exit) -> String {
    match exit {
        Exit::Normal => "ended".into(),
        Exit::Failed(reason) | Exit::Panicked(reason) => reason,
    }
}

/// How long a name of `--join` is tried to resolve before it is said that it does not.
const RESOLVE_RETRY: std::time::Duration = std::time::Duration::from_secs(30);

/// Resolves the addresses of `--join`, again and again until each is found, and has them dialled.
async fn join(mut wanted: Vec<(String, u16)>, router: Door<DialAddress>, events: Events) {
    let mut first = true;
    while !wanted.is_empty() {
        let mut missing = Vec::new();
        for (host, port) in std::mem::take(&mut wanted) {
            let found = tokio::net::lookup_host((host.as_str(), port)).await;
            match found.map(Vec::from_iter) {
                Ok(addresses) => dial_first(&addresses, &router).await,
                Err(_) => missing.push((host, port)),
            }
        }
        for (host, port) in missing.iter().filter(|_| first) {
            let trouble = NodeEvent::Trouble {
                code: "unknown_host",
                message: format!("--join {host}:{port}: this host is not known"),
                hint: "check the name; it is tried again every 30 s".into(),
            };
            events.tell(trouble).await;
        }
        wanted = missing;
        first = false;
        if !wanted.is_empty() {
            tokio::time::sleep(RESOLVE_RETRY).await;
        }
    }
}

async fn dial_first(addresses: &[SocketAddr], router: &Door<DialAddress>) {
    let v4 = addresses.iter().find(|address| address.is_ipv4());
    if let Some(address) = v4.or(addresses.first()).copied() {
        let lasting = true;
        router.tell(DialAddress { address, lasting }).await;
    }
}

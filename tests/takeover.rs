//! The embedded rendezvous with its real server, over real sockets: hosting, its sudden end, taking over.

use std::{io, net::Ipv4Addr, path::PathBuf, rc::Rc, sync::Arc, time::Duration};

use actix::{Actor, Context, Handler, Message};
use futures_util::future::LocalBoxFuture;
use papo::{
    actors::{
        door::{Door, Doorway, queue},
        rendezvous::{
            Leave, RendezvousActor, RendezvousConfig, Surroundings,
            host::{BindError, HostRendezvous, Hosted},
            kept::Kept,
            network::TcpNetwork,
            startup::{Mode, establish},
        },
        router::RecordsDiscovered,
        supervisor::{Exit, supervise},
    },
    metrics::Metrics,
    proto::{backoff::Backoff, registration, restart::RestartPolicy},
    rendezvous_server::{RendezvousServer, ServerConfig, bind},
    wire::identity::PeerId,
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::JoinHandle,
};

/// What the product promises after a host's end.
const PROMISE: Duration = Duration::from_secs(10);

const BACKOFF: Backoff = Backoff {
    base: Duration::from_secs(1),
    factor: 2.0,
    cap: Duration::from_secs(60),
};

fn policy() -> RestartPolicy {
    RestartPolicy {
        backoff: BACKOFF,
        stable_after: Duration::from_secs(30),
        window: Duration::from_secs(60),
        failures_max: 10,
    }
}

/// Hosts with the real server, as the node does.
struct Host {
    records: Option<PathBuf>,
}

struct Running(RendezvousServer);

impl Hosted for Running {
    fn stop(self: Box<Self>) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move { self.0.stop().await })
    }
}

impl HostRendezvous for Host {
    fn bind(&self, port: u16) -> LocalBoxFuture<'static, Result<Box<dyn Hosted>, BindError>> {
        let config = ServerConfig {
            listen: vec![Ipv4Addr::LOCALHOST.into()],
            port,
            rate: 50,
            window: Duration::from_secs(60),
            idle: Duration::from_secs(5),
            request_timeout: Duration::from_secs(15),
            max_connections: 256,
            max_records: 10_000,
            records_file: self.records.clone(),
            exempt_loopback: true,
        };
        Box::pin(async move {
            let start = || -> io::Result<RendezvousServer> {
                let sockets = bind(&config)?;
                RendezvousServer::start(
                    &config,
                    sockets,
                    policy(),
                    Rc::new(|_| {}),
                    Arc::new(Metrics::default()),
                )
            };
            match start() {
                Ok(server) => Ok(Box::new(Running(server)) as Box<dyn Hosted>),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(BindError::InUse),
                Err(error) => Err(BindError::Other(error.to_string())),
            }
        })
    }
}

/// A mailbox that hands on what arrives.
struct Forward<M>(tokio::sync::mpsc::UnboundedSender<M>);

impl<M: Message + Unpin + 'static> Actor for Forward<M> {
    type Context = Context<Self>;
}

impl<M: Message<Result = ()> + Unpin + 'static> Handler<M> for Forward<M> {
    type Result = ();

    fn handle(&mut self, message: M, _: &mut Self::Context) {
        self.0.send(message).ok();
    }
}

fn forward<M: Message<Result = ()> + Send + Unpin + 'static>() -> (Door<M>, UnboundedReceiver<M>) {
    let (sender, receiver) = unbounded_channel();
    (Forward(sender).start().recipient().into(), receiver)
}

/// One node's rendezvous actor.
struct Node {
    doorway: Doorway<RendezvousActor>,
    kept: Option<Rc<Kept>>,
    records: UnboundedReceiver<RecordsDiscovered>,
    task: JoinHandle<Exit>,
}

impl Node {
    async fn start(name: &str, port: u16, ports: &[u16], records: Option<PathBuf>) -> Self {
        let host: Rc<dyn HostRendezvous> = Rc::new(Host { records });
        let ports = ports.to_vec();
        let established = establish(&Mode::Embedded { ports }, &TcpNetwork, &*host).await;
        let kept = Rc::new(Kept::new(established, true, None));
        let config = RendezvousConfig {
            registration: registration::Config {
                own: PeerId::own(name, "lobby").expect("a good name"),
                port,
                ttl: Duration::from_secs(7200),
                discovery_interval: Duration::from_secs(60),
                timeout: Duration::from_secs(5),
                backoff: BACKOFF,
            },
            listen_port: port,
            folder: None,
            data_dir: None,
        };
        let (router, records) = forward();
        let (events, _told) = forward();
        let surroundings = Surroundings {
            router,
            events: papo::actors::events::Events::new(events),
            network: Rc::new(TcpNetwork),
            host,
            wall: std::time::SystemTime::now,
        };
        let (doorway, inbox) = queue(64);
        let shared = Rc::clone(&kept);
        let task = supervise(
            "rendezvous",
            inbox,
            policy(),
            Rc::new(|_| {}),
            move |_, _| {
                RendezvousActor::new(config.clone(), surroundings.clone(), Rc::clone(&shared))
            },
        );
        Self {
            doorway,
            kept: Some(kept),
            records,
            task,
        }
    }

    /// Waits until the router hears of exactly these peers.
    async fn knows(&mut self, expected: &[&str]) {
        loop {
            let records = self.records.recv().await.expect("records").records;
            let peers: Vec<_> = records.iter().map(|record| record.peer.name()).collect();
            if peers == expected {
                return;
            }
        }
    }

    /// Forgets the records that came so far.
    fn forget(&mut self) {
        while self.records.try_recv().is_ok() {}
    }

    /// Ends it as kill -9 does: nothing more is sent, its sockets are closed.
    fn kill(mut self) {
        self.task.abort();
        self.kept.take();
    }

    async fn leave(&self) -> bool {
        let door = self.doorway.door::<Leave>();
        door.ask(Leave).await.expect("the actor answers")
    }
}

async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(PROMISE, future).await;
    waited.unwrap_or_else(|_| panic!("not in time: {what}"))
}

fn free_ports() -> [u16; 2] {
    let any = || std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    // Both are held until both are known: the ports differ.
    let sockets = [any(), any()];
    sockets.map(|socket| socket.local_addr().expect("it is bound").port())
}

/// The host dies without a word; `records` is the file it kept, if any.
async fn check(records: Option<PathBuf>) {
    let ports = free_ports();
    let start = |name, port| Node::start(name, port, &ports, records.clone());
    let alice = start("alice", 4000).await;
    let mut bob = start("bob", 4001).await;
    let mut eve = start("eve", 4002).await;
    in_time("eve meets all", eve.knows(&["alice", "bob"])).await;
    in_time("bob meets all", bob.knows(&["alice", "eve"])).await;
    alice.kill();
    bob.forget();
    eve.forget();
    // Without a file the dead host's record is gone, and the others register again.
    let dead: &[&str] = if records.is_some() { &["alice"] } else { &[] };
    let meet = async {
        bob.knows(&[dead, &["eve"]].concat()).await;
        eve.knows(&[dead, &["bob"]].concat()).await;
    };
    in_time("bob and eve meet again", meet).await;
    // The host ends with bob, if it is bob: eve's record may stay in the file then.
    assert!(bob.leave().await, "nothing of bob is left behind");
    eve.leave().await;
}

#[actix_rt::test]
async fn ten_seconds_after_the_host_died_the_rest_know_one_another() {
    let home = tempfile::tempdir().unwrap();
    check(Some(home.path().join("records.json"))).await;
    check(None).await;
}

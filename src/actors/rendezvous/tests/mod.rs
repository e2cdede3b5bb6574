//! RendezvousActor under a paused clock, supervised, over a network in memory, with probes for mailboxes.

mod course;
mod sockets;
mod takeover;

use std::{cell::RefCell, net::SocketAddr, path::Path, sync::Arc};

use actix::Recipient;
use tokio::task::JoinHandle;

use super::{
    startup::{Mode, establish},
    testing::{Lab, Server},
    *,
};
use crate::{
    actors::{
        door::{Door, Doorway, queue},
        events::{NodeEvent, RendezvousEvent},
        supervisor::{Exit, PanicNow, supervise},
    },
    proto::{backoff::Backoff, restart::RestartPolicy},
    wire::{identity::PeerId, rendezvous::Record},
};

const REMOTE: &str = "10.0.0.9:8080";
const HERE: &str = "127.0.0.1:8080";

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A mailbox that keeps what arrives.
struct Probe<M>(Rc<RefCell<Vec<M>>>);

impl<M: Message + 'static + Unpin> Actor for Probe<M> {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        context.set_mailbox_capacity(10_000);
    }
}

impl<M: Message<Result = ()> + 'static + Unpin> Handler<M> for Probe<M> {
    type Result = ();

    fn handle(&mut self, message: M, _: &mut Self::Context) {
        self.0.borrow_mut().push(message);
    }
}

fn probe<M: Message<Result = ()> + Send + Unpin + 'static>() -> (Recipient<M>, Rc<RefCell<Vec<M>>>)
{
    let arrived = Rc::new(RefCell::new(Vec::new()));
    let address = Probe(Rc::clone(&arrived)).start();
    (address.recipient(), arrived)
}

thread_local! {
    /// The wall clock of a test, which is one thread.
    static WALL: RefCell<SystemTime> = const { RefCell::new(SystemTime::UNIX_EPOCH) };
}

fn wall() -> SystemTime {
    WALL.with_borrow(|now| *now)
}

/// One node's rendezvous actor.
struct Node {
    doorway: Doorway<RendezvousActor>,
    kept: Rc<Kept>,
    config: RendezvousConfig,
    records: Rc<RefCell<Vec<RecordsDiscovered>>>,
    events: Rc<RefCell<Vec<NodeEvent>>>,
    task: JoinHandle<Exit>,
}

fn config(name: &str, port: u16, folder: Option<&Path>) -> RendezvousConfig {
    RendezvousConfig {
        registration: registration::Config {
            own: PeerId::of_record(name, "CIC").unwrap(),
            port,
            ttl: seconds(7200),
            discovery_interval: seconds(60),
            timeout: seconds(5),
            backoff: Backoff {
                base: seconds(1),
                factor: 2.0,
                cap: seconds(60),
            },
        },
        listen_port: port,
        folder: folder.map(|folder| folder.join(name)),
        data_dir: folder.map(Path::to_owned),
    }
}

impl Node {
    async fn start(lab: &Lab, mode: &Mode, config: RendezvousConfig) -> Self {
        let established = establish(mode, lab, lab).await;
        let kept = Kept::new(established, false, config.folder.as_deref());
        let kept = Rc::new(kept);
        let (router, records) = probe();
        let (sink, events) = probe();
        let surroundings = Surroundings {
            router: router.into(),
            events: Door::from(sink).into(),
            network: Rc::new(lab.clone()),
            host: Rc::new(lab.clone()),
            wall,
        };
        let (doorway, inbox) = queue(64);
        let policy = RestartPolicy {
            backoff: config.registration.backoff,
            stable_after: seconds(30),
            window: seconds(60),
            failures_max: 10,
        };
        let (settings, shared) = (config.clone(), Rc::clone(&kept));
        let make = move |_: &mut _, _| {
            let kept = Rc::clone(&shared);
            RendezvousActor::new(settings.clone(), surroundings.clone(), kept)
        };
        Self {
            task: supervise("rendezvous", inbox, policy, Rc::new(|_| {}), make),
            doorway,
            kept,
            config,
            records,
            events,
        }
    }

    /// `name` at a rendezvous of another machine, a second after the start.
    async fn remote(lab: &Lab, name: &str) -> Self {
        let address = REMOTE.to_owned();
        let mode = Mode::Remote { address };
        let node = Self::start(lab, &mode, config(name, 4000, None)).await;
        tokio::time::sleep(seconds(1)).await;
        node
    }

    async fn embedded(lab: &Lab, name: &str, port: u16) -> Self {
        let ports = vec![8080, 8081];
        let node = Self::start(lab, &Mode::Embedded { ports }, config(name, port, None)).await;
        tokio::time::sleep(seconds(1)).await;
        node
    }

    async fn ask<M>(&self, message: M) -> M::Result
    where
        RendezvousActor: Handler<M>,
        M: Message + Clone + Send + 'static,
        M::Result: Send,
    {
        let door = self.doorway.door::<M>();
        door.ask(message).await.expect("the actor answers")
    }

    async fn panic(&self) {
        let door = self.doorway.door::<PanicNow>();
        door.try_put_once(PanicNow).unwrap();
        tokio::time::sleep(seconds(2)).await;
    }

    /// What became of the rendezvous since the last look.
    fn news(&self) -> Vec<RendezvousEvent> {
        let of_rendezvous = |event| match event {
            NodeEvent::Rendezvous(event) => Some(event),
            _ => None,
        };
        let events = self.events.take().into_iter();
        events.filter_map(of_rendezvous).collect()
    }

    /// The peers the router heard of last.
    fn peers(&self) -> Vec<String> {
        let records = self.records.borrow();
        let last = records.last().map(|message| Arc::clone(&message.records));
        let shown = |record: &Record| record.peer.to_string();
        last.iter()
            .flat_map(|records| records.iter())
            .map(shown)
            .collect()
    }
}

fn registered(address: &str, hosted: bool, seen: &str) -> RendezvousEvent {
    RendezvousEvent::Registered {
        address: address.into(),
        hosted,
        seen: seen.into(),
    }
}

fn record(peer: &str, address: &str) -> Record {
    Record {
        peer: PeerId::parse(peer).unwrap(),
        address: address.parse::<SocketAddr>().unwrap(),
        expires_in: 100,
    }
}

/// A network with a good rendezvous on another machine.
fn lab_with(records: Vec<Record>) -> Lab {
    tokio::time::pause();
    let lab = Lab::new();
    lab.set(REMOTE, Server::Rendezvous(records));
    lab
}

//! RouterActor behind its door: links are made up or come over in-memory pipes, events and dials are observed.

mod links;
mod queries;
mod restart;
mod sending;
mod waiting;

use crate::actors::events::ReceivedTexts;
use std::{cell::RefCell, net::SocketAddr, rc::Rc};

use actix::{Handler, Message};
use serde_json::Value;
use tokio::time::pause;
use uuid::Uuid;

use super::*;
use crate::{
    actors::{
        door::{Doorway, queue},
        link_out::LinkOut,
        links::{CloseLink, LinkActor, LinkEnded, OpenLink},
        supervisor::{PanicNow, Report, supervise},
        testing::{LINK_LIMITS, Mailbox, OWN, Order, POLICY, Rig, id, reports, turn},
    },
    proto::{
        backoff::Backoff,
        close::CloseReason,
        link::Direction,
        outgoing::LinkKind,
        peer_table::{RedialLimits, Target},
        texts::Texts,
    },
    wire::{destination::Destination, rendezvous::Record},
};

pub(super) const TABLE: TableLimits = TableLimits {
    redial: RedialLimits {
        backoff: Backoff {
            base: Duration::from_secs(1),
            factor: 2.0,
            cap: Duration::from_secs(60),
        },
        attempts_max: 5,
        stale_retry: Duration::from_secs(300),
    },
    dials_max: 16,
    outbound_max: 256,
    peers_max: 4096,
    forget_after: Duration::from_secs(600),
    alive_for: Duration::from_secs(60),
};

/// A supervised router, with the clock paused.
struct Routing {
    rig: Rig,
    doorway: Doorway<RouterActor>,
    events: Mailbox<NodeEvent>,
    rendezvous: Mailbox<LinkEndedHere>,
    reports: Rc<RefCell<Vec<Report>>>,
}

fn routing() -> Routing {
    let events = Mailbox::new(&Order::default());
    let door = events.door();
    routing_to(events, door)
}

/// The same in a node that has a rendezvous.
fn routing_that_discovers() -> Routing {
    let events = Mailbox::new(&Order::default());
    let door = events.door();
    start(events, door, true)
}

/// Events go through `door`, and end up in `events` sooner or later.
fn routing_to(events: Mailbox<NodeEvent>, door: Door<NodeEvent>) -> Routing {
    start(events, door, false)
}

fn start(events: Mailbox<NodeEvent>, door: Door<NodeEvent>, discovers: bool) -> Routing {
    pause();
    let (doorway, inbox) = queue(64);
    let rig = Rig::with(|parts| {
        parts.doors.opened = doorway.door();
        parts.doors.ended = doorway.door();
        parts.doors.texts = doorway.door();
        parts.doors.acks = doorway.door();
    });
    let rendezvous = Mailbox::new(&Order::default());
    let parts = RouterParts {
        own: id(OWN),
        links: rig.links.clone(),
        kept: Arc::clone(&rig.kept),
        metrics: Arc::clone(&rig.metrics),
        events: door.into(),
        rendezvous: rendezvous.door(),
        limits: TABLE,
        discovers,
    };
    let (report, reports) = reports();
    supervise("router", inbox, POLICY, report, move |_, _| {
        RouterActor::new(parts.clone())
    });
    Routing {
        rig,
        doorway,
        events,
        rendezvous,
        reports,
    }
}

impl Routing {
    /// Gives the router a message and waits for its answer.
    async fn tell<M>(&self, message: M) -> M::Result
    where
        RouterActor: Handler<M>,
        M: Message + Clone + Send + 'static,
        M::Result: Send,
    {
        self.doorway.door().ask(message).await.unwrap()
    }

    /// A made-up link of a plain client opens.
    async fn link(&self, number: u64, peer: &str) -> LinkOpened {
        let opened = made_up(number, peer, Direction::Inbound, "10.0.0.2:5555");
        self.tell(opened.clone()).await;
        opened
    }

    async fn end(&self, opened: &LinkOpened, reason: CloseReason) {
        self.tell(ended(opened, reason)).await;
    }

    async fn receive(&self, peer: &str, texts: &[(&str, &str)]) {
        let mut received = Texts::default();
        for (msg_id, payload) in texts {
            received.push(None, msg_id, payload);
        }
        let received = ReceivedTexts {
            from: id(peer),
            address: "10.0.0.2:5555".parse().unwrap(),
            to_us: Destination::Peer(id(OWN)),
            texts: received,
        };
        self.tell(TextsReceived(Arc::new(received))).await;
    }

    async fn acknowledge(&self, peer: &str, msg_id: &str) {
        let acks = AcksReceived {
            peer: id(peer),
            msg_ids: [msg_id.to_owned()].into(),
            at: clock::now(),
        };
        self.tell(acks).await;
    }

    async fn discover(&self, records: &[(&str, SocketAddr)]) {
        let record = |(peer, address): &(&str, SocketAddr)| Record {
            peer: id(peer),
            address: *address,
            expires_in: 3600,
        };
        let records = records.iter().map(record).collect();
        self.tell(RecordsDiscovered { records }).await;
    }

    async fn send(&self, request: SendText) -> Result<Published, SendError> {
        self.send_skipping(&[], &[request]).await.remove(0)
    }

    async fn send_skipping(
        &self,
        skip: &[&str],
        texts: &[SendText],
    ) -> Vec<Result<Published, SendError>> {
        let skip = skip.iter().map(|peer| id(peer)).collect();
        self.tell(SendTexts {
            texts: texts.into(),
            skip: Arc::new(skip),
        })
        .await
    }

    /// What the link takes from the queue and writes: the numbers of the texts.
    fn written_on(&self, opened: &LinkOpened) -> Vec<u64> {
        let queue = self.rig.kept.queue_of(&opened.peer);
        let mut queue = queue.lock();
        let mut numbers = Vec::new();
        while let Some(line) = queue.take(opened.link, false) {
            queue.written(clock::now(), opened.link, opened.kind);
            let line: Value = serde_json::from_slice(&line).unwrap();
            let msg_id: Uuid = line["msg_id"].as_str().unwrap().parse().unwrap();
            numbers.push(u64::try_from(msg_id.as_u128()).unwrap());
        }
        numbers
    }

    /// What the front end was told since the last time.
    async fn told(&self) -> Vec<String> {
        turn().await;
        let events = self.events.take_all();
        let lines = events.iter().map(words);
        lines
            .flat_map(|it| it.split('\n').map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    async fn panics(&self) {
        self.doorway.door().try_put_once(PanicNow).unwrap();
        turn().await;
    }
}

/// What nobody shares yet.
fn of(opened: &mut LinkOpened) -> &mut OpenLink {
    Arc::get_mut(&mut opened.0).unwrap()
}

fn made_up(number: u64, peer: &str, direction: Direction, address: &str) -> LinkOpened {
    let link = LinkId(number);
    LinkOpened(Arc::new(OpenLink {
        link,
        peer: id(peer),
        direction,
        address: address.parse().unwrap(),
        target: None,
        kind: PLAIN,
        opened: clock::now(),
        out: LinkOut::new(link, LINK_LIMITS.out, clock::now()),
        actor: Box::new(Nobody),
    }))
}

const PLAIN: LinkKind = LinkKind {
    stream: false,
    acks: true,
};

/// The actor of a made-up link.
struct Nobody;

impl LinkActor for Nobody {
    fn ping(&self) {}
    fn close(&self, _: CloseLink) {}
    fn panic(&self) {}
}

fn ended(opened: &LinkOpened, reason: CloseReason) -> LinkEnded {
    LinkEnded {
        link: opened.link,
        peer: Some(opened.peer.clone()),
        direction: opened.direction,
        address: opened.address,
        target: opened.target.clone(),
        was_open: Some(opened.kind),
        reason,
    }
}

/// Text `#number` for these recipients, which does not wait.
fn text(number: u64, to: Recipients) -> SendText {
    SendText {
        draft: Draft {
            msg_id: Uuid::from_u128(u128::from(number)),
            number,
            text: "x".into(),
            reference: None,
        },
        to,
        wait: None,
    }
}

fn waiting(number: u64, to: Recipients) -> SendText {
    SendText {
        wait: Some(Duration::from_secs(15)),
        ..text(number, to)
    }
}

fn full(peer: &str) -> Recipients {
    Recipients::Peer(PeerName::Full(id(peer)))
}

fn short(name: &str) -> Recipients {
    Recipients::Peer(PeerName::Short(name.into()))
}

fn msg_id(number: u64) -> String {
    Uuid::from_u128(u128::from(number)).to_string()
}

fn to_peers(peers: usize) -> Result<Published, SendError> {
    Ok(Published {
        peers,
        ..Published::default()
    })
}

fn waits() -> Result<Published, SendError> {
    Ok(Published {
        waiting: true,
        ..Published::default()
    })
}

/// A port that the system answers for nobody: what dials it waits for HELLO_OK until the handshake timeout.
fn silent_port() -> (std::net::TcpListener, SocketAddr) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn closed_port() -> SocketAddr {
    silent_port().1
}

fn words(event: &NodeEvent) -> String {
    match event {
        NodeEvent::PeerConnected { peer, .. } => format!("connected {peer}"),
        NodeEvent::PeerDisconnected {
            peer, still_linked, ..
        } => match still_linked {
            true => format!("disconnected {peer}, still linked"),
            false => format!("disconnected {peer}"),
        },
        NodeEvent::PeerUnreachable { peer, status, .. } => format!("{peer} is {status}"),
        NodeEvent::PeerConflict { peer, .. } => format!("conflict {peer}"),
        NodeEvent::TextsReceived(received) => {
            let texts = received.texts.iter();
            let lines = texts.map(|text| format!("{}: {}", received.from, text.payload));
            lines.collect::<Vec<_>>().join("\n")
        }
        NodeEvent::TextSent { message, peers } => format!("#{} sent to {peers}", message.number),
        NodeEvent::TextDelivered { message, .. } => format!("#{} delivered", message.number),
        NodeEvent::AckTimedOut { message, .. } => format!("#{} timeout", message.number),
        NodeEvent::TextUnconfirmed { message, .. } => format!("#{} unconfirmed", message.number),
        NodeEvent::TextFailed { message, reason } => {
            format!("#{} failed: {reason}", message.number)
        }
        NodeEvent::Trouble { code, .. } => format!("trouble {code}"),
        other => format!("{other:?}"),
    }
}

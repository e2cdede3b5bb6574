//! What the tests of the actors share: probes that record what they get, doors without room, a scripted peer, and a
//! rig of links whose doors lead to probes.

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, Context, Handler, Message, Recipient};
use bytes::Bytes;
use serde_json::Value;
use tokio::{
    io::{
        AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf,
    },
    sync::Notify,
};
use uuid::Uuid;

use super::{
    clock,
    door::{Door, Doorway, Inbox, queue},
    kept::{Kept, KeptLimits},
    link_out::OutLimits,
    links::{LinkDoors, LinkEnded, LinkLimits, LinkOpened, Links},
    ping::PongReceived,
    router::{AcksReceived, TextsReceived},
    supervisor::{Report, Reports, supervise},
    transport::Wire,
};
use crate::{
    metrics::Metrics,
    proto::{
        admission::AdmissionLimits,
        backoff::Backoff,
        outgoing::{Entry, OwnMessage, QueueLimits},
        restart::RestartPolicy,
    },
    wire::{destination::Destination, identity::PeerId},
};

/// How long a test waits for what has to come; virtual time where it is paused.
const PATIENCE: Duration = Duration::from_secs(100);

/// The node of all tests.
pub const OWN: &str = "me@X";

pub fn id(text: &str) -> PeerId {
    PeerId::parse(text).unwrap()
}

/// Waits for what has to come.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, what).await;
    waited.expect("this should have come by now")
}

/// Whether so much time has passed since `start`; timers are exact to a millisecond or two.
pub fn passed(start: Instant, time: Duration) -> bool {
    let passed = clock::now().duration_since(start);
    passed >= time && passed < time + Duration::from_millis(5)
}

/// Lets everything that is ready run, without time passing.
pub async fn turn() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// The names of messages in the order in which several probes got them.
pub type Order = Rc<RefCell<Vec<&'static str>>>;

/// A mocked mailbox: what came is recorded, and can be waited for.
pub struct Mailbox<M>(Rc<Inner<M>>);

struct Inner<M> {
    seen: RefCell<VecDeque<M>>,
    order: Order,
    arrived: Notify,
}

/// The actor of a mailbox.
pub struct Probe<M>(Rc<Inner<M>>);

impl<M> Clone for Probe<M> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<M: Unpin + 'static> Actor for Probe<M> {
    type Context = Context<Self>;
}

impl<M: Message<Result = ()> + Unpin + 'static> Handler<M> for Probe<M> {
    type Result = ();

    fn handle(&mut self, message: M, _: &mut Self::Context) {
        let name = std::any::type_name::<M>();
        let name = name.rsplit("::").next().unwrap_or(name);
        self.0.order.borrow_mut().push(name);
        self.0.seen.borrow_mut().push_back(message);
        self.0.arrived.notify_one();
    }
}

impl<M: Message<Result = ()> + Send + Unpin + 'static> Mailbox<M> {
    pub fn new(order: &Order) -> Self {
        Self(Rc::new(Inner {
            seen: RefCell::default(),
            order: Rc::clone(order),
            arrived: Notify::new(),
        }))
    }

    pub fn probe(&self) -> Probe<M> {
        Probe(Rc::clone(&self.0))
    }

    pub fn recipient(&self) -> Recipient<M> {
        self.probe().start().recipient()
    }

    pub fn door(&self) -> Door<M> {
        self.recipient().into()
    }

    /// The oldest message that was not taken yet, waiting for it.
    pub async fn next(&self) -> M {
        soon(async {
            loop {
                if let Some(message) = self.take() {
                    return message;
                }
                self.0.arrived.notified().await;
            }
        })
        .await
    }

    pub fn take(&self) -> Option<M> {
        self.0.seen.borrow_mut().pop_front()
    }

    pub fn take_all(&self) -> Vec<M> {
        self.0.seen.borrow_mut().drain(..).collect()
    }

    pub fn len(&self) -> usize {
        self.0.seen.borrow().len()
    }
}

/// A door onto a queue that nobody reads until it is released.
pub struct Held<M>
where
    M: Message<Result = ()> + Clone + Send + Unpin + 'static,
{
    doorway: Doorway<Probe<M>>,
    inbox: Option<Inbox<Probe<M>>>,
}

impl<M> Held<M>
where
    M: Message<Result = ()> + Clone + Send + Unpin + 'static,
{
    /// A queue with room for `capacity` messages, from 1.
    pub fn new(capacity: usize) -> Self {
        let (doorway, inbox) = queue(capacity);
        let inbox = Some(inbox);
        Self { doorway, inbox }
    }

    /// A queue that is full of `message`.
    pub fn full(message: M) -> Self {
        let held = Self::new(1);
        held.door().try_put(message).unwrap();
        held
    }

    pub fn door(&self) -> Door<M> {
        self.doorway.door()
    }

    /// From now on `mailbox` gets what is in the queue and what follows.
    pub fn release(&mut self, mailbox: &Mailbox<M>) {
        let inbox = self.inbox.take().unwrap();
        let probe = mailbox.probe();
        let (report, _) = reports();
        supervise("probe", inbox, POLICY, report, move |_, _| probe.clone());
    }

    /// Nobody will ever read this queue.
    pub fn close(&mut self) {
        self.inbox = None;
    }
}

/// Ten failures a minute, waits of a second and more.
pub const POLICY: RestartPolicy = RestartPolicy {
    backoff: Backoff {
        base: Duration::from_secs(1),
        factor: 2.0,
        cap: Duration::from_secs(30),
    },
    stable_after: Duration::from_secs(30),
    window: Duration::from_secs(60),
    failures_max: 10,
};

/// Reports of supervision, recorded.
pub fn reports() -> (Reports, Rc<RefCell<Vec<Report>>>) {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&seen);
    (Rc::new(move |report| sink.borrow_mut().push(report)), seen)
}

/// Everything around links: their doors lead to mailboxes.
pub struct Rig {
    pub links: Links,
    pub kept: Arc<Kept>,
    pub metrics: Arc<Metrics>,
    pub order: Order,
    pub opened: Mailbox<LinkOpened>,
    pub ended: Mailbox<LinkEnded>,
    pub texts: Mailbox<TextsReceived>,
    pub acks: Mailbox<AcksReceived>,
    pub ping_opened: Mailbox<LinkOpened>,
    pub ping_ended: Mailbox<LinkEnded>,
    pub pong: Mailbox<PongReceived>,
}

/// What a test may change before the rig is built.
pub struct Parts {
    pub limits: LinkLimits,
    pub admission: AdmissionLimits,
    pub doors: LinkDoors,
}

pub const QUEUE: QueueLimits = QueueLimits {
    lines_max: 8,
    bytes_max: 1 << 20,
    ack_timeout: Duration::from_secs(5),
    resend: true,
    late_max: 100,
    late_age: Duration::from_secs(600),
};

pub fn kept() -> Arc<Kept> {
    Kept::new(KeptLimits {
        queue: QUEUE,
        seen_max: 100,
        seen_age: Duration::from_secs(600),
    })
}

pub const LINK_LIMITS: LinkLimits = LinkLimits {
    handshake_timeout: Duration::from_secs(5),
    out: OutLimits {
        gap: Duration::from_millis(20),
        lines_max: 1024,
        bytes_max: 1 << 20,
    },
    rate: None,
};

pub const ADMISSION: AdmissionLimits = AdmissionLimits {
    inbound_max: 8,
    per_address_max: 64,
};

impl Rig {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Parts)) -> Self {
        let order = Order::default();
        let (opened, ended) = (Mailbox::new(&order), Mailbox::new(&order));
        let (texts, acks) = (Mailbox::new(&order), Mailbox::new(&order));
        let (ping_opened, ping_ended) = (Mailbox::new(&Order::default()), Mailbox::new(&order));
        let pong = Mailbox::new(&order);
        let mut parts = Parts {
            limits: LINK_LIMITS,
            admission: ADMISSION,
            doors: LinkDoors {
                opened: opened.door(),
                ended: ended.door(),
                texts: texts.door(),
                acks: acks.door(),
                ping_opened: ping_opened.door(),
                ping_ended: ping_ended.door(),
                pong: pong.door(),
            },
        };
        change(&mut parts);
        let (kept, metrics) = (kept(), Arc::<Metrics>::default());
        let links = Links::new(
            id(OWN),
            parts.limits,
            parts.admission,
            parts.doors,
            Arc::clone(&kept),
            Arc::clone(&metrics),
        );
        Self {
            links,
            kept,
            metrics,
            order,
            opened,
            ended,
            texts,
            acks,
            ping_opened,
            ping_ended,
            pong,
        }
    }

    /// Someone dials us.
    pub fn accept(&self) -> Peer {
        self.accept_from("10.0.0.2:5555")
    }

    pub fn accept_from(&self, address: &str) -> Peer {
        let (peer, wire) = Peer::pair(1 << 20);
        self.links.accept(wire, address.parse().unwrap());
        peer
    }

    /// `peer` dials us and is linked.
    pub async fn open(&self, peer: &str) -> (Peer, LinkOpened) {
        let mut wire = self.accept();
        wire.say(&hello(peer)).await;
        wire.hears("HELLO_OK").await;
        (wire, self.opened.next().await)
    }

    /// Puts a text for `peer` on its queue, to be written on the link `opened`.
    pub fn send(&self, opened: &LinkOpened, number: u64) {
        let queue = self.kept.queue_of(&opened.peer);
        let mut locked = queue.lock();
        locked.set_writer(Some(opened.link));
        locked.push(entry(&opened.peer, number)).unwrap();
        drop(locked);
        opened.out.wake();
    }
}

/// A SEND to `peer` as the router would queue it.
pub fn entry(peer: &PeerId, number: u64) -> Entry {
    let msg_id = Uuid::from_u128(u128::from(number));
    Entry {
        message: Arc::new(OwnMessage {
            msg_id,
            number,
            to: Destination::Peer(peer.clone()),
            text: "x".into(),
            reference: None,
        }),
        line: Bytes::from(format!("{{\"type\":\"SEND\",\"msg_id\":\"{msg_id}\"}}\n")),
        expires: None,
        announced: true,
        lost: 0,
    }
}

/// The HELLO of a plain client.
pub fn hello(peer: &str) -> String {
    format!(r#"{{"type":"HELLO","peer_id":"{peer}","version":"1.0","features":["ack"],"ttl":1}}"#)
}

/// The HELLO of another papo.
pub fn stream_hello(peer: &str) -> String {
    format!(r#"{{"type":"HELLO","peer_id":"{peer}","features":["ack","stream"]}}"#)
}

pub fn send_line(msg_id: &str, payload: &str) -> String {
    format!(r#"{{"type":"SEND","msg_id":"{msg_id}","payload":"{payload}"}}"#)
}

/// The other end of a link, played by the test.
pub struct Peer {
    reader: BufReader<ReadHalf<DuplexStream>>,
    writer: WriteHalf<DuplexStream>,
}

impl Peer {
    /// The test's end and ours of an in-memory pipe that holds `capacity` bytes each way.
    pub fn pair(capacity: usize) -> (Self, Wire) {
        let (theirs, ours) = tokio::io::duplex(capacity);
        let (reader, writer) = tokio::io::split(theirs);
        let reader = BufReader::new(reader);
        (Self { reader, writer }, Wire::new(ours))
    }

    /// Writes these lines in one chunk.
    pub async fn say(&mut self, lines: &str) {
        self.say_raw(format!("{lines}\n").as_bytes()).await;
    }

    pub async fn say_raw(&mut self, bytes: &[u8]) {
        soon(self.writer.write_all(bytes)).await.unwrap();
    }

    /// Ends the stream towards us; what we write is still read.
    pub async fn end(&mut self) {
        self.writer.shutdown().await.unwrap();
    }

    /// The next line, which has to be of this type.
    pub async fn hears(&mut self, kind: &str) -> Value {
        let line = self.line().await.expect("the stream has ended");
        let line: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line["type"], kind, "{line}");
        line
    }

    /// The stream ends here: no further line.
    pub async fn hears_end(&mut self) {
        let line = self.line().await;
        assert_eq!(line, None, "the end was expected");
    }

    /// Whether nothing comes for this long.
    pub async fn hears_nothing_for(&mut self, wait: Duration) -> bool {
        let mut byte = [0];
        let read = self.reader.read(&mut byte);
        tokio::time::timeout(wait, read).await.is_err()
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        // A reset is an end like any other here.
        let length = soon(self.reader.read_line(&mut line)).await.unwrap_or(0);
        (length > 0).then_some(line)
    }
}

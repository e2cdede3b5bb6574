//! The way out of one link: answers first, then what we originate, written one line per segment and paced towards
//! plain clients, coalesced towards peers that parse a byte stream (protocol text, section 4).

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::{Buf, Bytes};
use parking_lot::Mutex;
use thiserror::Error;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    sync::Notify,
};

use super::{clock, pieces::Pieces};
use crate::{
    metrics::Metrics,
    proto::{
        link::LinkId,
        outgoing::{LinkKind, PeerQueue},
    },
};

/// A link's own messages wait so long behind HELLO_OK towards plain clients: some read one line per `recv` there.
pub const QUIET_AFTER_HELLO_OK: Duration = Duration::from_millis(300);

/// While so many answers wait for the gap of a plain link, that link is not read.
const PACED_REPLIES_MAX: usize = 64;

/// The most bytes that are written together.
const BATCH_BYTES_MAX: usize = 64 * 1024;

/// A write that makes no progress for so long is the end of the link.
const WRITE_STALL_MAX: Duration = Duration::from_secs(30);

/// The peer does not read what it causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the answers to this peer are more than it reads")]
pub struct Overloaded;

/// The queue of one peer id, shared by all its links; owned by the router's kept state.
pub type SharedQueue = Arc<Mutex<PeerQueue>>;

/// The limits of one link's way out (settings section `connection`).
#[derive(Debug, Clone, Copy)]
pub struct OutLimits {
    /// The time between two lines towards a plain client.
    pub gap: Duration,
    /// Answers that wait, in lines.
    pub lines_max: usize,
    /// Answers that wait, in bytes.
    pub bytes_max: usize,
}

/// The way out of one link, shared by its actor, its reader, its writer and the router.
pub struct LinkOut {
    link: LinkId,
    limits: OutLimits,
    state: Mutex<State>,
    wake: Notify,
    room: Notify,
    /// When the last byte came, in milliseconds after `born`.
    heard_ms: AtomicU64,
    /// We are the ones who do not read: its silence says nothing about the peer.
    busy: AtomicBool,
    born: Instant,
}

/// Where bytes go.
type Sink = Box<dyn AsyncWrite + Send + Unpin>;

struct State {
    /// Lies here while nothing is being written.
    idle: Option<Idle>,
    replies: VecDeque<Bytes>,
    reply_bytes: usize,
    open: Option<Open>,
    hold: bool,
    finish: bool,
    last_write: Option<Instant>,
}

#[derive(Clone)]
struct Open {
    queue: SharedQueue,
    kind: LinkKind,
    quiet_until: Option<Instant>,
}

/// A writer that has nothing to do.
struct Idle {
    sink: Sink,
    metrics: Arc<Metrics>,
}

/// What is written together.
#[derive(Debug, PartialEq, Eq)]
struct Batch {
    pieces: Vec<Bytes>,
    /// Whether messages of our own are among it.
    has_own: bool,
}

enum Next {
    Write(Batch),
    At(Instant),
    Wait,
    Finish,
}

impl LinkOut {
    /// The way out of a connection whose handshake is still to be done.
    pub fn new(link: LinkId, limits: OutLimits, now: Instant) -> Arc<Self> {
        Arc::new(Self {
            link,
            limits,
            state: Mutex::new(State {
                idle: None,
                replies: VecDeque::new(),
                reply_bytes: 0,
                open: None,
                hold: false,
                finish: false,
                last_write: None,
            }),
            wake: Notify::new(),
            room: Notify::new(),
            heard_ms: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            born: now,
        })
    }

    /// The handshake is done: from now on the messages of `queue` leave here too, if this link is its writer.
    pub fn open(&self, queue: SharedQueue, kind: LinkKind, quiet_until: Option<Instant>) {
        self.state.lock().open = Some(Open {
            queue,
            kind,
            quiet_until,
        });
        self.wake.notify_one();
    }

    /// Writes answers, whole lines: towards a stream at once if the way is free, so that no other task comes first.
    pub fn reply(&self, lines: Vec<u8>) -> Result<(), Overloaded> {
        // Most chunks cause answers of one kind only, and a write of nothing costs as much as one of something.
        if lines.is_empty() {
            return Ok(());
        }
        let mut lines = Bytes::from(lines);
        let mut state = self.state.lock();
        state.write_at_once(&mut lines);
        if lines.is_empty() {
            return Ok(());
        }
        state.push_replies(lines);
        if state.is_above(self.limits) {
            return Err(Overloaded);
        }
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// There is something new in the peer's queue.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// BYE is said: answers still leave, own messages stay in their queue for the next link.
    pub fn hold(&self) {
        self.state.lock().hold = true;
    }

    /// Nothing more will be queued: write what waits, then end the stream.
    pub fn finish(&self) {
        self.state.lock().finish = true;
        self.wake.notify_one();
    }

    /// Whether so few answers wait for the gap that the link may be read.
    pub fn has_room_to_read(&self) -> bool {
        self.state.lock().paced_replies() < PACED_REPLIES_MAX
    }

    /// Waits until the link may be read again.
    pub async fn room_to_read(&self) {
        while !self.has_room_to_read() {
            self.room.notified().await;
        }
    }

    /// A byte came at `now`.
    pub fn heard_now(&self, now: Instant) {
        let since = now.saturating_duration_since(self.born).as_millis();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.heard_ms.store(since, Ordering::Relaxed);
    }

    /// Notes whether the reader waits for room on our side instead of for the peer.
    pub fn set_busy(&self, busy: bool) {
        self.busy.store(busy, Ordering::Relaxed);
    }

    /// When the last byte came, or could have come; the birth of the link if none did.
    pub fn heard(&self, now: Instant) -> Instant {
        if self.busy.load(Ordering::Relaxed) {
            return now;
        }
        self.born + Duration::from_millis(self.heard_ms.load(Ordering::Relaxed))
    }

    /// Writes until the stream is finished; an error means that the connection broke or the peer does not read.
    pub async fn write_to(&self, sink: Sink, metrics: &Arc<Metrics>) -> io::Result<()> {
        let _ends = Writing(self);
        let mut idle = Idle {
            sink,
            metrics: Arc::clone(metrics),
        };
        loop {
            let next = self
                .state
                .lock()
                .next(self.link, clock::now(), self.limits.gap);
            match next {
                // An idle link needs no room for this.
                Next::Write(batch) => Box::pin(self.write(batch, &mut idle)).await?,
                Next::At(at) => Box::pin(self.wait_until(at)).await,
                Next::Wait => {
                    self.state.lock().idle = Some(idle);
                    idle = self.lent().await;
                }
                Next::Finish => return idle.sink.shutdown().await,
            }
        }
    }

    async fn wait_until(&self, at: Instant) {
        tokio::select! {
            () = tokio::time::sleep_until(at.into()) => {}
            () = self.wake.notified() => {}
        }
    }

    /// Answers are written by whoever has them, until there is something to do here.
    async fn lent(&self) -> Idle {
        loop {
            self.wake.notified().await;
            if let Some(idle) = self.state.lock().idle.take() {
                return idle;
            }
        }
    }

    async fn write(&self, batch: Batch, idle: &mut Idle) -> io::Result<()> {
        for piece in &batch.pieces {
            write_all(piece, &mut idle.sink).await?;
            idle.count(piece.len());
        }
        let now = clock::now();
        let open = {
            let mut state = self.state.lock();
            state.last_write = Some(now);
            state.open.clone().filter(|_| batch.has_own)
        };
        self.room.notify_one();
        if let Some(open) = open {
            let written = open.queue.lock().written(now, self.link, open.kind);
            idle.metrics.lines_out.add(written);
        }
        Ok(())
    }
}

/// However writing ends, the sink goes with it: dropping it ends the stream.
struct Writing<'a>(&'a LinkOut);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.state.lock().idle = None;
    }
}

impl Idle {
    fn count(&self, bytes: usize) {
        self.metrics
            .bytes_out
            .add(u64::try_from(bytes).unwrap_or(0));
    }
}

impl State {
    /// Writes what the sink takes now, and leaves the rest. If that is nothing, or an error, the writer will find the
    /// same, and does what is to be done.
    fn write_at_once(&mut self, lines: &mut Bytes) {
        if !self.is_stream() || !self.replies.is_empty() {
            return;
        }
        let Some(idle) = &mut self.idle else { return };
        // Nobody is woken by this: the writer asks again itself.
        let mut context = Context::from_waker(Waker::noop());
        let written = Pin::new(&mut idle.sink).poll_write(&mut context, lines);
        if let Poll::Ready(Ok(written)) = written {
            idle.count(written);
            lines.advance(written);
        }
    }

    fn is_stream(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.kind.stream)
    }

    /// Lines that wait only for the gap make no slow reader: a plain link is not read meanwhile, which bounds them by
    /// what one read can cause. Their bytes count all the same.
    fn is_above(&self, limits: OutLimits) -> bool {
        let lines = self.is_stream() && self.replies.len() > limits.lines_max;
        lines || self.reply_bytes > limits.bytes_max
    }

    fn paced_replies(&self) -> usize {
        match self.is_stream() {
            true => 0,
            false => self.replies.len(),
        }
    }

    /// Towards a stream several lines stay together, otherwise each is a segment of its own.
    fn push_replies(&mut self, mut lines: Bytes) {
        self.reply_bytes += lines.len();
        if self.is_stream() {
            return self.replies.push_back(lines);
        }
        while let Some(end) = memchr::memchr(b'\n', &lines) {
            self.replies.push_back(lines.split_to(end + 1));
        }
    }

    fn next(&mut self, link: LinkId, now: Instant, gap: Duration) -> Next {
        if self.finish && self.replies.is_empty() {
            return Next::Finish;
        }
        if self.is_stream() {
            return self.next_of_stream(link);
        }
        match self.last_write {
            Some(at) if now < at + gap => Next::At(at + gap),
            _ => self.next_line(link, now),
        }
    }

    fn next_line(&mut self, link: LinkId, now: Instant) -> Next {
        if let Some(reply) = self.pop_reply() {
            return Next::Write(Batch {
                pieces: vec![reply],
                has_own: false,
            });
        }
        let Some(open) = self.own_messages() else {
            return Next::Wait;
        };
        if let Some(until) = open.quiet_until.filter(|until| now < *until) {
            return Next::At(until);
        }
        match open.queue.lock().take(link, false) {
            Some(line) => Next::Write(Batch {
                pieces: vec![line],
                has_own: true,
            }),
            None => Next::Wait,
        }
    }

    fn next_of_stream(&mut self, link: LinkId) -> Next {
        let mut pieces = Pieces::default();
        while pieces.size() < BATCH_BYTES_MAX
            && let Some(reply) = self.pop_reply()
        {
            pieces.add(reply);
        }
        let mut has_own = false;
        if let Some(open) = self.own_messages() {
            let mut queue = open.queue.lock();
            while pieces.size() < BATCH_BYTES_MAX
                && let Some(lines) = queue.take(link, true)
            {
                pieces.add(lines);
                has_own = true;
            }
        }
        match pieces.finish() {
            pieces if pieces.is_empty() => Next::Wait,
            pieces => Next::Write(Batch { pieces, has_own }),
        }
    }

    /// Where own messages come from, while they may leave here.
    fn own_messages(&self) -> Option<&Open> {
        self.open.as_ref().filter(|_| !self.hold && !self.finish)
    }

    fn pop_reply(&mut self) -> Option<Bytes> {
        let reply = self.replies.pop_front()?;
        self.reply_bytes -= reply.len();
        Some(reply)
    }
}

/// Writes it all, however slowly, as long as there is progress.
async fn write_all(mut bytes: &[u8], writer: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = tokio::time::timeout(WRITE_STALL_MAX, writer.write(bytes)).await;
        match written.map_err(|_| io::ErrorKind::TimedOut)?? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            count => bytes = &bytes[count..],
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "link_out_tests.rs"]
mod tests;

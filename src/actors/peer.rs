//! PeerActor: one connection, accepted or dialled. It feeds the session machine with what the reader brings, and
//! acknowledges without asking anyone: a text is handed up to the router first, then its ACK leaves.

use std::{io, net::SocketAddr, sync::Arc, time::Instant};

use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, Handler, Message,
    MessageResult, SpawnHandle, WrapFuture,
};
use parking_lot::Mutex;
use tokio::{io::AsyncWrite, sync::oneshot, task::JoinHandle};
use uuid::Uuid;

use super::{
    chunk::Chunk,
    clock,
    link_out::{LinkOut, QUIET_AFTER_HELLO_OK},
    links::{CloseLink, LinkOpened, Links, OpenLink, SendPing},
    reader::{self, Upward},
    transport::{self, Wire},
};
use crate::{
    proto::{
        close::CloseReason,
        link::{Direction, LinkId},
        outgoing::LinkKind,
        peer_table::Target,
        session::{Moment, Outputs, Session},
    },
    wire::{codec::LineBuffer, identity::PeerId, kind::LineCounts, message::Features},
};

/// Bytes that came over the link, from its reader; the reply is what the reader hands up before the ACKs leave.
#[derive(Message)]
#[rtype(result = "Box<Upward>")]
pub struct ChunkReceived(
    /// Whole or partial lines, as they came.
    pub Chunk,
);

/// The stream ended: by a FIN, or broken with these words. From the reader or the writer.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StreamEnded(
    /// None for a FIN.
    pub Option<String>,
);

/// All that was queued is written, and our FIN behind it. From the writer.
#[derive(Message)]
#[rtype(result = "()")]
pub struct WritingFinished;

/// The peer does not read what it causes. From the reader, when ACKs find no room, or from the writer.
#[derive(Message)]
#[rtype(result = "()")]
pub struct WriterOverloaded;

/// How a connection begins.
pub enum Start {
    /// Someone dialled us.
    Accepted(Wire),
    /// We dial this id, or a bare address.
    Dial(Option<PeerId>),
}

/// How a connection ended, left behind for the supervisor of links.
#[derive(Default)]
pub struct Ending {
    /// Why.
    pub reason: Option<CloseReason>,
    /// Who was at the other end, once the link was open.
    pub peer: Option<PeerId>,
    /// The reader: the end is told once it has handed up all that it has. Gives whether [`LinkOpened`] was told.
    pub reader: Option<JoinHandle<bool>>,
}

/// One connection.
pub struct PeerActor {
    link: LinkId,
    address: SocketAddr,
    target: Option<Box<Target>>,
    direction: Direction,
    start: Option<Start>,
    session: Session,
    lines: LineBuffer,
    out: Arc<LinkOut>,
    links: Links,
    ending: Arc<Mutex<Ending>>,
    timer: Option<(Instant, SpawnHandle)>,
    writer: Option<AbortOnDrop>,
    /// Dropped with the actor, which ends the reader.
    here: Option<oneshot::Sender<()>>,
}

impl PeerActor {
    /// A connection that begins as `start` says. Called by the supervisor of links.
    pub fn new(
        link: LinkId,
        address: SocketAddr,
        target: Option<Target>,
        start: Start,
        out: Arc<LinkOut>,
        links: Links,
    ) -> Self {
        let (direction, dialled) = match &start {
            Start::Accepted(_) => (Direction::Inbound, None),
            Start::Dial(peer) => (Direction::Outbound, peer.clone()),
        };
        let timeout = links.limits().handshake_timeout;
        let session = Session::new(
            links.own().clone(),
            direction,
            dialled,
            timeout,
            clock::now(),
        );
        Self {
            link,
            address,
            target: target.map(Box::new),
            direction,
            start: Some(start),
            session,
            lines: LineBuffer::default(),
            out,
            links,
            ending: Arc::default(),
            timer: None,
            writer: None,
            here: None,
        }
    }

    /// Where it will leave how it ended.
    pub fn ending(&self) -> Arc<Mutex<Ending>> {
        Arc::clone(&self.ending)
    }

    /// Who dialled.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    fn dial(&self, ctx: &mut Context<Self>) {
        let (address, limit) = (self.address, self.links.limits().handshake_timeout);
        let dialled = async move { tokio::time::timeout(limit, transport::connect(address)).await };
        ctx.spawn(dialled.into_actor(self).map(|result, actor, ctx| {
            let reason = match result {
                Ok(Ok(stream)) => match actor.links.dialled(stream) {
                    Ok(wire) => return actor.run(wire, ctx),
                    Err(error) => transport::io_words(&error),
                },
                Ok(Err(error)) => transport::io_words(&error),
                Err(_) => "no answer".into(),
            };
            actor.end(CloseReason::Unreachable(reason), ctx);
        }));
    }

    /// The connection is made: the reader, the writer and the handshake begin.
    fn run(&mut self, wire: Wire, ctx: &mut Context<Self>) {
        let now = clock::now();
        self.out.heard_now(now);
        self.write(wire.writer, ctx.address());
        let (here, gone) = oneshot::channel();
        self.here = Some(here);
        let (out, links) = (Arc::clone(&self.out), self.links.clone());
        let reading = reader::read(wire.reader, ctx.address(), out, links, gone);
        self.ending.lock().reader = Some(actix_rt::spawn(reading));
        let mut outputs = Outputs::default();
        self.session.start(now, &mut outputs);
        self.apply(outputs, ctx);
    }

    fn write(&mut self, to: Box<dyn AsyncWrite + Send + Unpin>, actor: Addr<Self>) {
        let (out, links) = (Arc::clone(&self.out), self.links.clone());
        let writing = async move {
            match out.write_to(to, links.metrics()).await {
                Ok(()) => actor.do_send(WritingFinished),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    actor.do_send(WriterOverloaded);
                }
                Err(error) => actor.do_send(StreamEnded(Some(transport::io_words(&error)))),
            }
        };
        self.writer = Some(AbortOnDrop(actix_rt::spawn(writing)));
    }

    fn with_moment(&mut self, act: impl FnOnce(&mut Session, Moment<'_>, &mut Outputs)) -> Outputs {
        let mut out = Outputs::default();
        clock::with_timestamp(|timestamp| {
            let now = clock::now();
            act(&mut self.session, Moment { now, timestamp }, &mut out);
        });
        out
    }

    /// Applies what the session wants; what is to be handed up is left to the caller.
    fn apply(&mut self, mut outputs: Outputs, ctx: &mut Context<Self>) -> Box<Upward> {
        let opened = match outputs.opened.take().map(|it| self.open(it, ctx)) {
            Some(Err(reason)) => {
                outputs.prompt.clear();
                outputs.said = LineCounts::default();
                self.turn_away(reason, &mut outputs);
                None
            }
            opened => opened.and_then(Result::ok),
        };
        let finish = self.answer(&mut outputs);
        match outputs.closed.take() {
            Some(reason) => self.end(reason, ctx),
            None => self.arm(ctx),
        }
        Box::new(Upward {
            opened,
            peer: self.ending.lock().peer.clone(),
            link: self.link,
            address: self.address,
            texts: outputs.texts,
            acked: outputs.acked,
            rtts: outputs.rtts,
            acks: outputs.acks,
            finish,
        })
    }

    /// Queues what is to be written now; true if the writing is to end behind the ACKs.
    fn answer(&mut self, outputs: &mut Outputs) -> bool {
        let metrics = self.links.metrics();
        metrics.lines_ignored.add(u64::from(outputs.ignored));
        metrics.lines_in.add(outputs.heard);
        metrics.lines_out.add(outputs.said);
        if self.out.reply(std::mem::take(&mut outputs.prompt)).is_err() {
            self.session.close(CloseReason::Overloaded, outputs);
        }
        if outputs.said_bye {
            self.out.hold();
        }
        let behind_acks = outputs.finish_writing && !outputs.acks.is_empty();
        if outputs.finish_writing && !behind_acks {
            self.out.finish();
        }
        behind_acks
    }

    /// The handshake is done; an error if the link may not stay.
    fn open(
        &mut self,
        (peer, features): (PeerId, Features),
        ctx: &mut Context<Self>,
    ) -> Result<LinkOpened, CloseReason> {
        let now = clock::now();
        let kind = LinkKind {
            stream: features.stream,
            acks: features.ack,
        };
        let opened = LinkOpened(Arc::new(OpenLink {
            link: self.link,
            peer: peer.clone(),
            direction: self.direction,
            address: self.address,
            target: self.target.as_deref().cloned(),
            kind,
            opened: now,
            out: Arc::clone(&self.out),
            actor: Box::new(ctx.address()),
        }));
        self.links.admit(&opened)?;
        let quiet = self.direction == Direction::Inbound && !kind.stream;
        let quiet_until = quiet.then(|| now + QUIET_AFTER_HELLO_OK);
        let queue = self.links.kept().queue_of(&peer);
        self.out.open(queue, kind, quiet_until);
        self.ending.lock().peer = Some(peer);
        Ok(opened)
    }

    /// The link may not stay: who accepted us hears BYE, who dialled us, or is blocked, hears nothing.
    fn turn_away(&mut self, reason: CloseReason, outputs: &mut Outputs) {
        match self.direction {
            Direction::Outbound if reason != CloseReason::Blocked => {
                let now = clock::now();
                self.session.leave(now, reason, Uuid::new_v4(), outputs);
            }
            _ => self.session.close(reason, outputs),
        }
    }

    /// Keeps one timer for the session's deadline.
    fn arm(&mut self, ctx: &mut Context<Self>) {
        let deadline = self.session.deadline();
        if self.timer.map(|(at, _)| at) == deadline {
            return;
        }
        if let Some((_, timer)) = self.timer.take() {
            ctx.cancel_future(timer);
        }
        let Some(at) = deadline else { return };
        let wait = at.saturating_duration_since(clock::now());
        let timer = ctx.run_later(wait, |actor, ctx| {
            actor.timer = None;
            let mut outputs = Outputs::default();
            actor.session.tick(clock::now(), &mut outputs);
            actor.apply(outputs, ctx);
        });
        self.timer = Some((at, timer));
    }

    /// The one door out.
    fn end(&mut self, reason: CloseReason, ctx: &mut Context<Self>) {
        self.ending.lock().reason.get_or_insert(reason);
        ctx.stop();
    }
}

impl Actor for PeerActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        match self.start.take() {
            Some(Start::Accepted(wire)) => self.run(wire, ctx),
            Some(Start::Dial(_)) | None => self.dial(ctx),
        }
    }
}

impl Handler<ChunkReceived> for PeerActor {
    type Result = MessageResult<ChunkReceived>;

    fn handle(
        &mut self,
        ChunkReceived(chunk): ChunkReceived,
        ctx: &mut Self::Context,
    ) -> Self::Result {
        self.out.heard_now(clock::now());
        let mut lines = std::mem::take(&mut self.lines);
        let outputs = self.with_moment(|session, at, out| {
            if lines
                .feed(&chunk, |line| session.line(at, line, out))
                .is_err()
            {
                session.close(CloseReason::LineTooLong, out);
            }
        });
        self.lines = lines;
        MessageResult(self.apply(outputs, ctx))
    }
}

impl Handler<StreamEnded> for PeerActor {
    type Result = ();

    fn handle(&mut self, StreamEnded(broken): StreamEnded, ctx: &mut Self::Context) {
        let mut outputs = Outputs::default();
        self.session
            .end_of_stream(clock::now(), broken, &mut outputs);
        self.apply(outputs, ctx);
    }
}

impl Handler<WritingFinished> for PeerActor {
    type Result = ();

    fn handle(&mut self, _: WritingFinished, ctx: &mut Self::Context) {
        let mut outputs = Outputs::default();
        self.session.finished_writing(&mut outputs);
        self.apply(outputs, ctx);
    }
}

impl Handler<WriterOverloaded> for PeerActor {
    type Result = ();

    fn handle(&mut self, _: WriterOverloaded, ctx: &mut Self::Context) {
        let mut outputs = Outputs::default();
        self.session.close(CloseReason::Overloaded, &mut outputs);
        self.apply(outputs, ctx);
    }
}

impl Handler<SendPing> for PeerActor {
    type Result = ();

    fn handle(&mut self, _: SendPing, ctx: &mut Self::Context) {
        let outputs = self.with_moment(|session, at, out| session.ping(at, Uuid::new_v4(), out));
        self.apply(outputs, ctx);
    }
}

impl Handler<CloseLink> for PeerActor {
    type Result = ();

    fn handle(&mut self, CloseLink { reason, say_bye }: CloseLink, ctx: &mut Self::Context) {
        let mut outputs = Outputs::default();
        match say_bye {
            true => {
                let now = clock::now();
                self.session
                    .leave(now, reason, Uuid::new_v4(), &mut outputs);
            }
            false => self.session.close(reason, &mut outputs),
        }
        self.apply(outputs, ctx);
    }
}

crate::panics_on_request!(PeerActor);

/// A task of the actor: it ends with it, also when it panics.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
#[path = "peer_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "peer_ending_tests.rs"]
mod ending_tests;

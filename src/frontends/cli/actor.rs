//! CliActor: shows what happens, and runs what is typed. Output already written and commands under way survive its
//! panic: both lie outside of it.

use std::sync::Arc;

use actix::{Actor, AsyncContext, Context, Handler, Message, WrapFuture};
use jiff::{Timestamp, Zoned};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{
    input::Typed,
    json,
    session::{Outcome, Progress, Session},
};
use crate::actors::events::{NodeEvent, RendezvousEvent};

/// Lines that were typed together; their reader keeps them until `answer` comes.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub struct TypedLines {
    /// The lines, to be run in this order.
    pub lines: Arc<[Typed]>,
    /// How far they are run.
    pub progress: Arc<Progress>,
    /// Where the outcome goes.
    pub answer: Answer,
}

/// Answered once everything that came before it was shown.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct ShowAll;

/// A reply that can be given once, from whichever incarnation of the actor.
#[derive(Clone)]
pub struct Answer(Arc<Mutex<Option<oneshot::Sender<Outcome>>>>);

impl Answer {
    /// A reply to wait for.
    pub fn new() -> (Self, oneshot::Receiver<Outcome>) {
        let (sender, receiver) = oneshot::channel();
        (Self(Arc::new(Mutex::new(Some(sender)))), receiver)
    }

    fn give(&self, outcome: Outcome) {
        let sender = self.0.lock().take();
        if sender.is_some_and(|sender| sender.send(outcome).is_err()) {
            tracing::trace!("Whoever typed the line has left");
        }
    }
}

/// The command line of a node.
pub struct CliActor {
    session: Arc<Session>,
}

impl CliActor {
    /// An incarnation over the session that outlives it.
    pub fn new(session: Arc<Session>) -> Self {
        Self { session }
    }
}

impl Actor for CliActor {
    type Context = Context<Self>;
}

impl Handler<NodeEvent> for CliActor {
    type Result = ();

    fn handle(&mut self, event: NodeEvent, ctx: &mut Self::Context) {
        if let NodeEvent::Rendezvous(RendezvousEvent::NameTaken { .. }) = event {
            self.session.name_is_taken();
        }
        if self.session.hides(&event) {
            return;
        }
        let lines = match self.session.is_json() {
            true => Some(json::event(&event, Timestamp::now())),
            false => self.session.renderer().event(&event, &Zoned::now()),
        };
        let Some(lines) = lines else { return };
        if let Err(lines) = self.session.show(&event, lines) {
            // A pipe that is not read: deaf until it is, so that the router and the links feel it.
            let session = Arc::clone(&self.session);
            let print = async move { session.output().print(lines).await };
            ctx.wait(print.into_actor(self));
        }
    }
}

impl Handler<TypedLines> for CliActor {
    type Result = ();

    fn handle(&mut self, typed: TypedLines, _: &mut Self::Context) {
        let session = Arc::clone(&self.session);
        actix_rt::spawn(async move {
            let outcome = session.execute(&typed.lines, &typed.progress).await;
            typed.answer.give(outcome);
        });
    }
}

impl Handler<ShowAll> for CliActor {
    type Result = ();

    fn handle(&mut self, _: ShowAll, _: &mut Self::Context) {}
}

crate::panics_on_request!(CliActor);

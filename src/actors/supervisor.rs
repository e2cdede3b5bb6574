//! Supervision: runs an actor's future, watches how it ends, and starts the next incarnation after a backoff.
//!
//! actix's own `Supervisor` survives no panic and restarts without delay or limit, so this one watches the
//! `JoinHandle` of the actor's future: a panic, a failure and a clean end all arrive there. The actor's queue
//! (see [`door`](super::door)) stays with the supervisor, which hands the messages on one at a time and keeps the
//! one in hand: a message during which the actor panicked is given once more, then dropped as *poisoned*.

use std::{any::Any, panic::AssertUnwindSafe, rc::Rc, sync::Arc, time::Duration};

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Message};
use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::{
    clock,
    door::{Inbox, Letter},
};
use crate::proto::restart::{RestartPolicy, Restarts, Verdict};

/// How one incarnation of an actor ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// By choice, or because nobody holds a door to it any more: it is not replaced.
    Normal,
    /// It noted a failure before it stopped.
    Failed(String),
    /// It panicked with this message.
    Panicked(String),
}

/// What a supervisor tells about its actor; logged, counted and shown by the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// An incarnation failed; the next starts after `delay`.
    Restarting {
        /// Which actor.
        actor: &'static str,
        /// How it ended.
        exit: Exit,
        /// The wait before the next incarnation.
        delay: Duration,
    },
    /// Too many failures inside the window: the actor is gone for good.
    GaveUp {
        /// Which actor.
        actor: &'static str,
        /// How its last incarnation ended.
        exit: Exit,
    },
    /// A message was dropped because the actor failed on it twice.
    Poisoned {
        /// Which actor.
        actor: &'static str,
        /// The type of the message.
        message: &'static str,
    },
}

/// Where reports go. Called on the arbiter of the actors; must not block.
pub type Reports = Rc<dyn Fn(Report)>;

/// Where an actor notes why it is about to stop: `note.fail(ctx, "…")` is its one way to fail without a panic.
#[derive(Clone, Default)]
pub struct ExitNote(Arc<Mutex<Option<String>>>);

impl ExitNote {
    /// Notes the failure and stops the actor; the supervisor replaces it.
    pub fn fail<A: Actor<Context = Context<A>>>(
        &self,
        context: &mut Context<A>,
        reason: impl Into<String>,
    ) {
        *self.0.lock() = Some(reason.into());
        context.stop();
    }
}

/// Makes any supervised actor panic: the hidden `/debug panic ACTOR`, and tests.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct PanicNow;

/// Lets an actor panic on request, so that supervision can be shown on the running program.
#[macro_export]
macro_rules! panics_on_request {
    ($actor:ty) => {
        impl actix::Handler<$crate::actors::supervisor::PanicNow> for $actor {
            type Result = ();

            fn handle(&mut self, _: $crate::actors::supervisor::PanicNow, _: &mut Self::Context) {
                panic!("asked to panic");
            }
        }
    };
}

/// Runs the actor that `make` builds, incarnation after incarnation, until it ends by choice, is given up, or all
/// its doors are closed. The task ends with how the last incarnation ended.
pub fn supervise<A, F>(
    actor: &'static str,
    inbox: Inbox<A>,
    policy: RestartPolicy,
    reports: Reports,
    make: F,
) -> JoinHandle<Exit>
where
    A: Actor<Context = Context<A>>,
    F: FnMut(&mut Context<A>, ExitNote) -> A + 'static,
{
    let supervisor = Supervisor {
        actor,
        inbox,
        in_hand: None,
        restarts: Restarts::new(policy),
        reports,
        make,
    };
    actix_rt::spawn(supervisor.run())
}

/// Starts one incarnation: its address, and the watch over it.
pub fn watch<A>(make: impl FnOnce(&mut Context<A>, ExitNote) -> A) -> (Addr<A>, Watch)
where
    A: Actor<Context = Context<A>>,
{
    let mut context = Context::new();
    let address = context.address();
    let note = ExitNote::default();
    let actor = make(&mut context, note.clone());
    let task = AbortOnDrop(actix_rt::spawn(context.into_future(actor)));
    (address, Watch { task, note })
}

/// An actor that runs in the task of whoever waits for its end, which tells how it ended. For PeerActors.
pub fn run<A>(actor: A) -> (Addr<A>, impl Future<Output = Exit>)
where
    A: Actor<Context = Context<A>>,
{
    let context = Context::new();
    let address = context.address();
    // Nobody sees the actor after its panic: it is dropped as it is.
    let running = AssertUnwindSafe(context.into_future(actor)).catch_unwind();
    let ended = running.map(|end| match end {
        Ok(()) => Exit::Normal,
        Err(payload) => Exit::Panicked(panic_text(payload.as_ref())),
    });
    (address, ended)
}

/// The watch over one incarnation. Dropping it ends the actor: none runs on unseen.
pub struct Watch {
    task: AbortOnDrop,
    note: ExitNote,
}

impl Watch {
    /// Waits until the incarnation ended, and tells how.
    pub async fn ended(mut self) -> Exit {
        match (&mut self.task.0).await {
            Ok(()) => match self.note.0.lock().take() {
                Some(reason) => Exit::Failed(reason),
                None => Exit::Normal,
            },
            Err(error) if error.is_panic() => {
                Exit::Panicked(panic_text(error.into_panic().as_ref()))
            }
            Err(_) => Exit::Failed("aborted".into()),
        }
    }
}

struct Supervisor<A: Actor, F> {
    actor: &'static str,
    inbox: Inbox<A>,
    in_hand: Option<Letter<A>>,
    restarts: Restarts,
    reports: Reports,
    make: F,
}

impl<A, F> Supervisor<A, F>
where
    A: Actor<Context = Context<A>>,
    F: FnMut(&mut Context<A>, ExitNote) -> A,
{
    async fn run(mut self) -> Exit {
        loop {
            let started = clock::now();
            let (address, watch) = watch(&mut self.make);
            let exit = self.pump(address, watch).await;
            if exit == Exit::Normal {
                return exit;
            }
            let now = clock::now();
            let uptime = now.saturating_duration_since(started);
            match self.restarts.failed(now, uptime, fastrand::f64()) {
                Verdict::RestartAfter(delay) => self.wait(exit, delay).await,
                Verdict::GiveUp => return self.give_up(exit),
            }
        }
    }

    /// Hands the queue on, one message at a time, until the incarnation ends.
    async fn pump(&mut self, address: Addr<A>, watch: Watch) -> Exit {
        let mut end = std::pin::pin!(watch.ended());
        // An incarnation that ends while it starts costs no message one of its deliveries.
        tokio::task::yield_now().await;
        loop {
            let mut letter = tokio::select! {
                biased;
                exit = &mut end => return exit,
                letter = next(&mut self.in_hand, &mut self.inbox) => match letter {
                    Some(letter) => letter,
                    None => return Exit::Normal,
                },
            };
            if !letter.deliver(&address).await {
                self.keep(letter);
                return end.await;
            }
        }
    }

    fn keep(&mut self, letter: Letter<A>) {
        if letter.deliveries_left > 0 {
            self.in_hand = Some(letter);
        } else if letter.deliveries > 1 {
            (self.reports)(Report::Poisoned {
                actor: self.actor,
                message: letter.name,
            });
        }
    }

    async fn wait(&self, exit: Exit, delay: Duration) {
        (self.reports)(Report::Restarting {
            actor: self.actor,
            exit,
            delay,
        });
        tokio::time::sleep(delay).await;
    }

    fn give_up(&self, exit: Exit) -> Exit {
        (self.reports)(Report::GaveUp {
            actor: self.actor,
            exit: exit.clone(),
        });
        exit
    }
}

async fn next<A: Actor>(
    in_hand: &mut Option<Letter<A>>,
    inbox: &mut Inbox<A>,
) -> Option<Letter<A>> {
    match in_hand.take() {
        Some(letter) => Some(letter),
        None => inbox.0.recv().await,
    }
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "panic without a message".into())
}

#[cfg(test)]
#[path = "supervisor_tests.rs"]
mod tests;

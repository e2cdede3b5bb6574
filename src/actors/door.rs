//! The door of a supervised actor: a cheap typed handle on the actor's one bounded queue.
//!
//! The queue lies outside the actor, so what waits in it survives the actor's panic, and it keeps one
//! order over all message types. Whoever talks to a supervised actor holds a [`Door`], never its address.
//! In tests a door is made from the `Recipient` of a probe.

use std::{future::Future, pin::Pin, sync::Arc};

use actix::{Actor, Addr, Context, Handler, Message, Recipient};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a message did not go through a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DoorError {
    /// The queue is full; nothing was put in. Try again later or wait with [`Door::put`].
    #[error("the queue is full")]
    Full,
    /// The actor gave up or the node is ending; nobody will read this any more.
    #[error("the actor is gone")]
    Closed,
    /// The actor panicked on this very message twice; the message was dropped.
    #[error("the actor failed on this message")]
    Poisoned,
}

/// A typed way into the queue of one supervised actor. Cloning costs one reference count.
pub struct Door<M: Message + Send>(Arc<dyn Slot<M>>)
where
    M::Result: Send;

impl<M: Message + Send> Clone for Door<M>
where
    M::Result: Send,
{
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M> Door<M>
where
    M: Message + Clone + Send + 'static,
    M::Result: Send,
{
    /// Puts a message in if there is room now.
    pub fn try_put(&self, message: M) -> Result<(), DoorError> {
        self.0.try_put(message, None, DELIVERIES_MAX)
    }

    /// Puts a message in, waiting for room: how a link's reader lets TCP feel a full queue.
    pub async fn put(&self, message: M) -> Result<(), DoorError> {
        self.0.put(message, None, DELIVERIES_MAX).await
    }

    /// Like [`Door::put`], for senders to whom a closed door says no more than that the node is ending.
    pub async fn tell(&self, message: M) {
        if self.put(message).await.is_err() {
            tracing::trace!(
                message = std::any::type_name::<M>(),
                "Nobody listens any more"
            );
        }
    }

    /// Puts a message in, waiting for room, and waits for the answer of its handler.
    pub async fn ask(&self, message: M) -> Result<M::Result, DoorError> {
        let (reply, answer) = oneshot::channel();
        self.0.put(message, Some(reply), DELIVERIES_MAX).await?;
        answer.await.map_err(|_| match self.0.is_closed() {
            true => DoorError::Closed,
            false => DoorError::Poisoned,
        })
    }

    /// Like [`Door::try_put`], but a message on which the actor panics is not given again.
    pub fn try_put_once(&self, message: M) -> Result<(), DoorError> {
        self.0.try_put(message, None, 1)
    }
}

/// A test's door: the mailbox of a probe actor.
impl<M> From<Recipient<M>> for Door<M>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn from(recipient: Recipient<M>) -> Self {
        Self(Arc::new(Probe(parking_lot::Mutex::new(recipient))))
    }
}

/// Makes the queue of one actor: the way in, from which doors are cut, and the end that
/// [`supervise`](super::supervisor::supervise) reads. `capacity` counts messages.
pub fn queue<A: Actor>(capacity: usize) -> (Doorway<A>, Inbox<A>) {
    let (sender, receiver) = mpsc::channel(capacity);
    (Doorway(sender), Inbox(receiver))
}

/// The way into the queue of an actor `A`: cuts doors for each message type it handles.
pub struct Doorway<A: Actor>(mpsc::Sender<Letter<A>>);

impl<A: Actor<Context = Context<A>>> Doorway<A> {
    /// A door for the messages of type `M`.
    pub fn door<M>(&self) -> Door<M>
    where
        A: Handler<M>,
        M: Message + Clone + Send + 'static,
        M::Result: Send,
    {
        Door(Arc::new(Queue(self.0.clone())))
    }
}

/// The reading end of an actor's queue; it outlives every incarnation of the actor.
pub struct Inbox<A: Actor>(pub(super) mpsc::Receiver<Letter<A>>);

/// A message that panicked its actor is given once more, then dropped.
const DELIVERIES_MAX: u8 = 2;

/// One queued message with its deliveries.
pub(super) struct Letter<A: Actor> {
    pub(super) deliveries: u8,
    pub(super) deliveries_left: u8,
    pub(super) name: &'static str,
    content: Box<dyn Deliver<A>>,
}

impl<A: Actor> Letter<A> {
    /// Gives a clone to the actor; true once its handler has run to the end.
    pub(super) async fn deliver(&mut self, address: &Addr<A>) -> bool {
        self.deliveries = self.deliveries.saturating_add(1);
        self.deliveries_left = self.deliveries_left.saturating_sub(1);
        self.content.deliver(address).await
    }
}

trait Deliver<A: Actor>: Send {
    fn deliver<'a>(&'a mut self, address: &Addr<A>) -> BoxFuture<'a, bool>;
}

struct Content<M: Message> {
    message: M,
    reply: Option<oneshot::Sender<M::Result>>,
}

impl<A, M> Deliver<A> for Content<M>
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Clone + Send + 'static,
    M::Result: Send,
{
    fn deliver<'a>(&'a mut self, address: &Addr<A>) -> BoxFuture<'a, bool> {
        let request = address.send(self.message.clone());
        Box::pin(async move {
            let Ok(result) = request.await else {
                return false;
            };
            if let Some(reply) = self.reply.take() {
                // The asker may have stopped waiting; that is its right.
                drop(reply.send(result));
            }
            true
        })
    }
}

trait Slot<M: Message>: Send + Sync {
    fn try_put(
        &self,
        message: M,
        reply: Option<oneshot::Sender<M::Result>>,
        deliveries: u8,
    ) -> Result<(), DoorError>;

    fn put(
        &self,
        message: M,
        reply: Option<oneshot::Sender<M::Result>>,
        deliveries: u8,
    ) -> BoxFuture<'_, Result<(), DoorError>>;

    fn is_closed(&self) -> bool;
}

struct Queue<A: Actor>(mpsc::Sender<Letter<A>>);

impl<A: Actor<Context = Context<A>>> Queue<A> {
    fn letter<M>(message: M, reply: Option<oneshot::Sender<M::Result>>, deliveries: u8) -> Letter<A>
    where
        A: Handler<M>,
        M: Message + Clone + Send + 'static,
        M::Result: Send,
    {
        Letter {
            deliveries: 0,
            deliveries_left: deliveries,
            name: std::any::type_name::<M>(),
            content: Box::new(Content { message, reply }),
        }
    }
}

impl<A, M> Slot<M> for Queue<A>
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Clone + Send + 'static,
    M::Result: Send,
{
    fn try_put(
        &self,
        message: M,
        reply: Option<oneshot::Sender<M::Result>>,
        deliveries: u8,
    ) -> Result<(), DoorError> {
        let letter = Self::letter(message, reply, deliveries);
        self.0.try_send(letter).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => DoorError::Full,
            mpsc::error::TrySendError::Closed(_) => DoorError::Closed,
        })
    }

    fn put(
        &self,
        message: M,
        reply: Option<oneshot::Sender<M::Result>>,
        deliveries: u8,
    ) -> BoxFuture<'_, Result<(), DoorError>> {
        let letter = Self::letter(message, reply, deliveries);
        Box::pin(async move { self.0.send(letter).await.map_err(|_| DoorError::Closed) })
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// The mutex only makes the recipient shareable; a test has one thread.
struct Probe<M: Message + Send>(parking_lot::Mutex<Recipient<M>>)
where
    M::Result: Send;

impl<M> Slot<M> for Probe<M>
where
    M: Message + Send + 'static,
    M::Result: Send,
{
    fn try_put(
        &self,
        message: M,
        _reply: Option<oneshot::Sender<M::Result>>,
        _deliveries: u8,
    ) -> Result<(), DoorError> {
        self.0
            .lock()
            .try_send(message)
            .map_err(|error| match error {
                actix::prelude::SendError::Full(_) => DoorError::Full,
                actix::prelude::SendError::Closed(_) => DoorError::Closed,
            })
    }

    fn put(
        &self,
        message: M,
        reply: Option<oneshot::Sender<M::Result>>,
        _deliveries: u8,
    ) -> BoxFuture<'_, Result<(), DoorError>> {
        let request = self.0.lock().send(message);
        Box::pin(async move {
            let result = request.await.map_err(|_| DoorError::Closed)?;
            if let Some(reply) = reply {
                drop(reply.send(result));
            }
            Ok(())
        })
    }

    fn is_closed(&self) -> bool {
        !self.0.lock().connected()
    }
}

#[cfg(test)]
#[path = "door_tests.rs"]
mod tests;

//! The handle of a running node: jobs for the thread that writes, questions for the one that reads.
//!
//! Texts that arrive wait for room in the writer's queue; own facts never wait, because they are bounded by the own
//! messages that have not reached their last state. Both are answered after COMMIT.

use std::{
    sync::{
        Arc,
        mpsc::{self, Sender, SyncSender, TrySendError},
    },
    thread,
};

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot, watch};

use super::{
    StoreConfig, StoreError,
    facts::{Fact, Incoming, Queued, RowId, Ticket},
    opening::open_writer,
    progress::{Failed, Progress, Tickets},
    reading::{Reader, check, serve},
    rows::{Life, MessageName, Query, Row, Stats},
    writer::{Job, Told, Writer},
};
use crate::{proto::outgoing::OwnMessage, wire::identity::PeerId};

/// Received texts that wait for the writer, in KiB: about a second's work of a slow disk.
const ROOM_KIB: usize = 4096;

/// Questions that wait for the reader; a further one is told that it is busy.
const QUESTIONS_MAX: usize = 64;

/// What a node has to know of its earlier runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The highest number of an own message; 0 if there is none.
    pub last_number: u64,
    /// The peers of the newest messages, the newest first, at most [`KNOWN_MAX`](super::KNOWN_MAX).
    pub known: Vec<PeerId>,
    /// The peers that messages of the outbox are for, and how many for each.
    pub outbox: Vec<(PeerId, usize)>,
    /// Whether the last run ended without [`Store::close`]: time for [`Store::check`].
    pub unclean: bool,
}

/// The store of a running node. Cheap to clone; when the last clone goes, the store is closed.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    jobs: Sender<Job>,
    tickets: Arc<Mutex<Tickets>>,
    room: Arc<Semaphore>,
    questions: SyncSender<Question>,
    progress: Arc<watch::Sender<Progress>>,
    failed: Arc<Failed>,
    config: StoreConfig,
}

/// What the reading thread does for a question, its answer included.
pub(super) type Question = Box<dyn FnOnce(&mut Reader) + Send>;

impl Store {
    /// Opens the store of an identity, creating it the first time, and starts its two threads. Blocks for some
    /// milliseconds. The identity must be locked: two writers would both succeed.
    pub fn open(config: StoreConfig) -> Result<(Self, Opened), StoreError> {
        let (database, opened) = open_writer(&config)?;
        let (jobs, jobs_in) = mpsc::channel();
        let (questions, questions_in) = mpsc::sync_channel(QUESTIONS_MAX);
        let failed = Arc::new(Failed::default());
        let progress = Arc::new(watch::Sender::new(Progress::new(Arc::clone(&failed))));
        let reader = Reader::open(&config.folder)?;
        let tickets = Arc::new(Mutex::new(Tickets::default()));
        let told = Told::new(
            Arc::clone(&tickets),
            Arc::clone(&progress),
            Arc::clone(&failed),
        );
        let writer = Writer::new(database, &config, jobs_in, told)?;
        start("store-writer", move || writer.run())?;
        start("store-reader", move || serve(reader, &questions_in))?;
        let inner = Inner {
            jobs,
            tickets,
            room: Arc::new(Semaphore::new(ROOM_KIB)),
            questions,
            progress,
            failed,
            config,
        };
        let inner = Arc::new(inner);
        Ok((Self { inner }, opened))
    }

    /// Keeps texts that arrived and answers after COMMIT which of them are new, in their order; the others were
    /// received before. Waits for room, so that a peer feels a slow disk. After an error none of them was kept.
    pub async fn receive(&self, incoming: Incoming) -> Result<Vec<bool>, StoreError> {
        let kib = 1 + incoming.texts.bytes() / 1024;
        let permits = u32::try_from(kib.min(ROOM_KIB)).unwrap_or(1);
        let room = Arc::clone(&self.inner.room).acquire_many_owned(permits);
        let room = room.await.map_err(|_| StoreError::Closed)?;
        let job = |reply| Job::Receive {
            incoming,
            reply,
            _room: room,
        };
        self.ask_writer(job).await
    }

    /// Keeps a fact of an own message; never blocks. Facts are kept in the order of their tickets;
    /// [`Store::progress`] tells which ones were.
    pub fn record(&self, fact: Fact) -> Ticket {
        let mut tickets = self.inner.tickets.lock();
        tickets.last.0 += 1;
        let ticket = tickets.last;
        let job = Job::Record { fact, ticket };
        if tickets.is_closed || self.inner.jobs.send(job).is_err() {
            self.inner.failed.note(ticket, StoreError::Closed);
            self.inner.progress.send_modify(|it| it.done = ticket);
        }
        ticket
    }

    /// How far the writer is with recorded facts.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.inner.progress.subscribe()
    }

    /// The messages of the outbox for this peer behind `after`, oldest first. Sees all that was recorded before.
    pub async fn outbox(
        &self,
        peer: PeerId,
        after: RowId,
        limit: usize,
    ) -> Result<Vec<Queued>, StoreError> {
        self.ask_writer(|reply| Job::Outbox {
            peer,
            after,
            limit,
            reply,
        })
        .await
    }

    /// Makes at most `max` messages of the outbox that were accepted before this time *failed*; answers after COMMIT
    /// which.
    pub async fn expire_outbox(
        &self,
        before: Timestamp,
        max: usize,
    ) -> Result<Vec<OwnMessage>, StoreError> {
        self.ask_writer(|reply| Job::Expire { before, max, reply })
            .await
    }

    /// The messages that a query asks for, oldest first. Does not wait for what is being written.
    pub async fn last(&self, query: Query) -> Result<Vec<Row>, StoreError> {
        self.ask_reader(move |reader| reader.rows(&query)).await
    }

    /// As [`Store::last`], but finds also the words of the newest messages, unless they cannot be indexed now.
    pub async fn search(&self, query: Query) -> Result<Vec<Row>, StoreError> {
        let indexed = self.ask_writer(|reply| Job::CatchUp { reply }).await;
        if let Err(error) = indexed {
            tracing::debug!(%error, "a search without the newest messages");
        }
        self.last(query).await
    }

    /// An own message and all that happened to it, as far as it was committed; none if there is no such message.
    pub async fn life(&self, name: MessageName) -> Result<Option<Life>, StoreError> {
        self.ask_reader(move |reader| reader.life(&name)).await
    }

    /// What there is in the store.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        self.ask_reader(|reader| reader.stats()).await
    }

    /// Reads all of the database and looks whether it is sound, in a thread of its own; for use after an unclean end.
    /// Takes seconds where there are a million messages.
    pub async fn check(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        let folder = self.inner.config.folder.clone();
        start("store-check", move || {
            // Nobody is left to be told when the node has ended meanwhile.
            drop(reply.send(check(&folder)));
        })?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Commits all that was put in before, tidies up and notes that the run ended as it should. Later jobs fail.
    pub async fn close(&self) {
        let closed = self.ask_writer(|reply| Job::Close { reply }).await;
        if let Err(error) = closed
            && error != StoreError::Closed
        {
            tracing::warn!(%error, "the store could not be closed cleanly");
        }
    }

    async fn ask_writer<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.inner.jobs.send(job(reply));
        sent.map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    async fn ask_reader<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let question: Question = Box::new(move |reader| {
            // Who asked may have gone away.
            drop(reply.send(question(reader)));
        });
        match self.inner.questions.try_send(question) {
            Ok(()) => answer.await.unwrap_or(Err(StoreError::Closed)),
            Err(TrySendError::Full(_)) => Err(StoreError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(StoreError::Closed),
        }
    }
}

fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    started.map(drop).map_err(|error| StoreError::Refused {
        detail: format!("no thread for it: {error}"),
    })
}

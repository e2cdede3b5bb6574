//! Texts on their way to the router: many at once, and how their source feels a full queue.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{NodeError, NodeHandle, ROOM_POLL};
use crate::{
    actors::{
        clock,
        door::DoorError,
        router::{Draft, PeerName, Published, Recipients, SendError, SendText, SendTexts},
    },
    wire::identity::PeerId,
};

/// Texts that are to be sent in this order.
#[derive(Default)]
pub struct Texts {
    waiting: VecDeque<SendText>,
    /// So many of them go one by one: the router failed on one of these.
    alone: usize,
}

impl Texts {
    /// Adds a text behind the others.
    pub fn push(&mut self, text: SendText) {
        self.waiting.push_back(text);
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether all are sent.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn at_once(&self) -> usize {
        match self.alone {
            0 => self.waiting.len(),
            _ => 1,
        }
    }

    fn take(&mut self, count: usize) -> Vec<SendText> {
        self.alone = self.alone.saturating_sub(count);
        self.waiting
            .drain(..count.min(self.waiting.len()))
            .collect()
    }

    /// Whether the text at this place is held up by this answer, instead of refused: on a terminal a message to one
    /// peer is refused.
    fn is_held_up(&self, at: usize, answer: &Result<Published, SendError>) -> bool {
        let text = self.waiting.get(at);
        let may_wait = text.is_some_and(|it| !is_direct(it) || it.wait.is_some());
        matches!(answer, Err(SendError::Full(_))) && may_wait
    }
}

impl NodeHandle {
    /// Makes a text ready for [`NodeHandle::send`]. With `wait` it may wait so long for a peer that is not linked, and a
    /// full queue is waited for.
    pub fn draft(
        &self,
        to: Recipients,
        text: Arc<str>,
        reference: Option<Arc<str>>,
        wait: Option<Duration>,
    ) -> SendText {
        let draft = Draft {
            msg_id: Uuid::new_v4(),
            number: self.0.numbers.fetch_add(1, Ordering::Relaxed) + 1,
            text,
            reference,
        };
        SendText { draft, to, wait }
    }

    /// Sends the first of these texts, as many as there is room for, and takes them out: an answer to each, at least
    /// to one. A publication waits for its slowest peer at most `pub_wait`, then that peer alone is left out.
    pub async fn send(&self, texts: &mut Texts) -> Vec<Result<Published, NodeError>> {
        let deadline = clock::now() + self.0.facts.pub_wait;
        loop {
            let count = texts.at_once();
            let request = SendTexts {
                texts: texts.waiting.iter().take(count).cloned().collect(),
                skip: self.lagging(),
            };
            let mut answers = match self.0.doors.send.ask(request).await {
                Ok(answers) => answers,
                Err(DoorError::Poisoned) if count > 1 => {
                    texts.alone = count;
                    continue;
                }
                Err(error) => {
                    let failed = texts.take(count).into_iter();
                    return failed.map(|_| Err(error.into())).collect();
                }
            };
            let last = answers.len().saturating_sub(1);
            let held_up = answers.pop_if(|it| texts.is_held_up(last, it));
            if let (true, Some(Err(SendError::Full(peers)))) = (answers.is_empty(), held_up) {
                self.room(&peers, texts.waiting.front(), deadline).await;
                continue;
            }
            self.push_back(&texts.take(answers.len())).await;
            self.committed(&answers).await;
            let answers = answers.into_iter();
            return answers.map(|it| it.map_err(NodeError::from)).collect();
        }
    }

    /// What is answered *queued* is on disk, or was told to have failed.
    async fn committed(&self, answers: &[Result<Published, SendError>]) {
        let queued = answers.iter().flatten().filter_map(|it| it.queued);
        if let (Some(disk), Some(last)) = (self.0.kept.disk(), queued.max()) {
            disk.committed(last).await;
        }
    }

    /// Waits while the queue of a recipient is above half: a pipe is read no faster than its peer reads.
    async fn push_back(&self, sent: &[SendText]) {
        let direct = sent.iter().filter_map(|text| match &text.to {
            Recipients::Peer(PeerName::Full(peer)) if text.wait.is_some() => Some(peer.clone()),
            _ => None,
        });
        let mut peers: Vec<PeerId> = direct.collect();
        peers.dedup();
        self.room_of(&peers).await;
    }

    async fn room_of(&self, peers: &[PeerId]) {
        while self.is_full(peers) {
            tokio::time::sleep(ROOM_POLL).await;
        }
    }

    /// Waits for room; a publication until its deadline, then these peers are lagging.
    async fn room(&self, peers: &[PeerId], text: Option<&SendText>, deadline: Instant) {
        if text.is_some_and(is_direct) {
            // It may also be the disk from which the queue is filled: that is not looked at here.
            tokio::time::sleep(ROOM_POLL).await;
            return self.room_of(peers).await;
        }
        let deadline = tokio::time::Instant::from_std(deadline);
        let waited = tokio::time::timeout_at(deadline, self.room_of(peers)).await;
        if waited.is_err() {
            let still_full = peers
                .iter()
                .filter(|peer| self.is_full(std::slice::from_ref(*peer)));
            self.0.lagging.lock().extend(still_full.cloned());
        }
    }

    /// Who is not waited for again: was waited for in vain, and had no room since.
    fn lagging(&self) -> Arc<HashSet<PeerId>> {
        let mut lagging = self.0.lagging.lock();
        lagging.retain(|peer| self.is_full(std::slice::from_ref(peer)));
        Arc::new(lagging.clone())
    }

    fn is_full(&self, peers: &[PeerId]) -> bool {
        let full = |peer: &PeerId| {
            let queue = self.0.kept.known_queue_of(peer);
            queue.is_some_and(|queue| queue.lock().above_half())
        };
        peers.iter().any(full)
    }
}

fn is_direct(text: &SendText) -> bool {
    matches!(text.to, Recipients::Peer(_))
}

//! Publications: texts for the same peers that came together are encoded once, one after the other in common bytes, and
//! put on each peer's queue as one.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;

use super::{Draft, Published, RouterActor, SendError, sending::own_message};
use crate::{
    actors::link_out::SharedQueue,
    proto::outgoing::{OwnMessage, Publications},
    wire::{destination::Destination, identity::PeerId},
};

/// Publications with the same receivers.
#[derive(Default)]
struct Run {
    messages: Vec<Arc<OwnMessage>>,
    lines: Vec<u8>,
    /// Where each line ends.
    ends: Vec<usize>,
}

/// One of the receivers.
struct Receiver {
    peer: PeerId,
    queue: SharedQueue,
    /// For how many of the lines it has room.
    room: usize,
}

impl RouterActor {
    /// Puts texts on the queues of all their receivers, as many from the front as there is room for: an answer to each
    /// of these, at least to one. Peers to `skip` get what they have room for.
    pub(super) fn publish(
        &mut self,
        to: Destination,
        drafts: &[&Draft],
        skip: &HashSet<PeerId>,
    ) -> Result<Vec<Published>, SendError> {
        let run = self.encode(&to, drafts)?;
        let receivers = self.receivers(&to, &run.ends);
        if receivers.is_empty() {
            return Err(SendError::Nobody);
        }
        let waited_for = || receivers.iter().filter(|it| !skip.contains(&it.peer));
        let full: Vec<_> = waited_for().filter(|it| it.room == 0).collect();
        if !full.is_empty() {
            return Err(SendError::Full(
                full.into_iter().map(|it| it.peer.clone()).collect(),
            ));
        }
        let count = waited_for().map(|it| it.room).min();
        Ok(self.fan_out(run, count, receivers))
    }

    /// Puts a text on the queues of all its receivers that have room.
    pub(super) fn publish_to_all_with_room(
        &mut self,
        to: Destination,
        draft: &Draft,
    ) -> Result<Published, SendError> {
        let run = self.encode(&to, &[draft])?;
        let receivers = self.receivers(&to, &run.ends);
        if receivers.is_empty() {
            return Err(SendError::Nobody);
        }
        let mut answers = self.fan_out(run, None, receivers);
        Ok(answers.pop().unwrap_or_default())
    }

    /// The first `count` texts, or all, to whoever has room for them.
    fn fan_out(
        &mut self,
        run: Run,
        count: Option<usize>,
        receivers: Vec<Receiver>,
    ) -> Vec<Published> {
        let count = count.unwrap_or(run.ends.len());
        let answers = answers(count, &receivers);
        for (message, answer) in run.messages.iter().zip(&answers) {
            let skips = u64::try_from(answer.skipped.len()).unwrap_or(0);
            self.metrics.texts_skipped.add(skips);
            self.announce(Arc::clone(message), answer.peers);
        }
        let lines = Bytes::from(run.lines);
        for Receiver { peer, queue, room } in receivers {
            let count = room.min(count);
            let Some(end) = count.checked_sub(1).map(|last| run.ends[last]) else {
                continue;
            };
            let lines = lines.slice(..end);
            queue.lock().publish(Publications { lines, count });
            self.owing.insert(peer);
            self.wake(&queue);
        }
        answers
    }

    /// The lines of the texts, up to the first that fits into no line; an error if that is the first of all.
    fn encode(&self, to: &Destination, drafts: &[&Draft]) -> Result<Run, SendError> {
        let mut run = Run::default();
        for draft in drafts {
            let message = own_message(draft, to.clone());
            match self.line(&message) {
                Ok(line) => run.lines.extend_from_slice(&line),
                Err(error) if run.ends.is_empty() => return Err(error),
                Err(_) => break,
            }
            run.ends.push(run.lines.len());
            run.messages.push(message);
        }
        Ok(run)
    }

    fn receivers(&self, to: &Destination, ends: &[usize]) -> Vec<Receiver> {
        let belongs = |peer: &PeerId| match to {
            Destination::Namespace(namespace) => peer.namespace() == namespace,
            _ => true,
        };
        let linked = self.table.peers().filter(|(_, it)| !it.links.is_empty());
        let receiver = |(peer, _): (&PeerId, _)| {
            let queue = self.kept.queue_of(peer);
            let room = queue.lock().room(ends);
            Receiver {
                peer: peer.clone(),
                queue,
                room,
            }
        };
        linked
            .filter(|(peer, _)| belongs(peer))
            .map(receiver)
            .collect()
    }
}

/// To how many peers each of the first `count` texts goes, and who has no room for it.
fn answers(count: usize, receivers: &[Receiver]) -> Vec<Published> {
    let short: Vec<&Receiver> = receivers.iter().filter(|it| it.room < count).collect();
    let answer = |at: usize| {
        let skipped = short.iter().filter(|it| it.room <= at);
        let skipped: Vec<PeerId> = skipped.map(|it| it.peer.clone()).collect();
        Published {
            peers: receivers.len() - skipped.len(),
            skipped,
            ..Published::default()
        }
    };
    (0..count).map(answer).collect()
}

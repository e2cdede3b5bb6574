//! How a text finds its peers and gets onto their queues.

use std::{collections::HashSet, sync::Arc, time::Instant};

use bytes::Bytes;

use super::{
    Draft, GATHER, PeerName, Published, Recipients, RouterActor, SendError, SendText, SendTexts,
};
use crate::{
    actors::{events::NodeEvent, link_out::SharedQueue},
    proto::{
        outgoing::{Entry, OwnMessage},
        peer_table::Status,
    },
    store::facts::State,
    wire::{
        destination::Destination,
        encode::{self, TextTooLong},
        identity::PeerId,
    },
};

/// The most texts that wait for peers that are not known yet.
const WAITING_MAX: usize = 1024;

/// An accepted text for which there is no peer yet.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// What.
    pub draft: Draft,
    /// To whom.
    pub to: Recipients,
    /// It fails at this time.
    pub until: Instant,
}

impl RouterActor {
    /// Accepts texts in their order, up to the first for which a queue has no room, or says of each why not. Asked
    /// again with the same message id it sends nothing twice.
    pub(super) fn send_all(
        &mut self,
        now: Instant,
        request: &SendTexts,
    ) -> Vec<Result<Published, SendError>> {
        let mut answers = Vec::with_capacity(request.texts.len());
        while let [first, ..] = &request.texts[answers.len()..] {
            match self.send_some(now, &request.texts[answers.len()..], &request.skip) {
                Ok(published) => answers.extend(published.into_iter().map(Ok)),
                Err(SendError::Nobody | SendError::Unknown(_)) if first.wait.is_some() => {
                    answers.push(self.wait(now, first));
                }
                Err(error) => {
                    let is_full = matches!(error, SendError::Full(_));
                    answers.push(Err(error));
                    if is_full {
                        break;
                    }
                }
            }
        }
        answers
    }

    /// Accepts the first text, and those behind it that can go out with it.
    fn send_some(
        &mut self,
        now: Instant,
        texts: &[SendText],
        skip: &HashSet<PeerId>,
    ) -> Result<Vec<Published>, SendError> {
        let first = &texts[0];
        if let Some(answer) = self.accepted(first) {
            return Ok(vec![answer]);
        }
        let has_to = self.is_behind_others(&first.to) || self.is_gathering(now, &first.to);
        if first.wait.is_some() && has_to {
            return self.wait(now, first).map(|answer| vec![answer]);
        }
        if let Recipients::Peer(name) = &first.to {
            let answer = self.send_to_peer(now, name, first)?;
            self.remember_answer(first, answer.clone());
            return Ok(vec![answer]);
        }
        let others = texts[1..].iter();
        let others = others.take_while(|it| it.to == first.to && self.accepted(it).is_none());
        let run = &texts[..=others.count()];
        let drafts: Vec<&Draft> = run.iter().map(|it| &it.draft).collect();
        let answers = self.publish(destination(&first.to)?, &drafts, skip)?;
        for (text, answer) in run.iter().zip(&answers) {
            self.remember_answer(text, answer.clone());
        }
        Ok(answers)
    }

    fn accepted(&self, text: &SendText) -> Option<Published> {
        self.kept.inner.lock().answered(text.draft.msg_id)
    }

    fn remember_answer(&self, text: &SendText, answer: Published) {
        let mut kept = self.kept.inner.lock();
        kept.remember(text.draft.msg_id, answer);
    }

    /// Finds out whom a user means.
    pub(super) fn resolve(&self, name: &PeerName) -> Result<PeerId, SendError> {
        let peer = match name {
            PeerName::Full(peer) => peer.clone(),
            PeerName::Short(name) => self.resolve_short(name)?,
        };
        match peer == self.own {
            true => Err(SendError::Ourselves),
            false => Ok(peer),
        }
    }

    /// Tries again what waits for a peer, and gives up what has waited long enough.
    pub(super) fn retry_waiting(&mut self, now: Instant) {
        let waiting = std::mem::take(&mut self.kept.inner.lock().waiting);
        for item in waiting {
            match self.retry(now, &item) {
                Err(error) if now >= item.until => self.waited_in_vain(item, &error),
                Err(error @ SendError::TooLong(_)) => self.waited_in_vain(item, &error),
                Err(_) => self.kept.inner.lock().waiting.push_back(item),
                Ok(_) => {}
            }
        }
    }

    fn retry(&mut self, now: Instant, item: &Waiting) -> Result<Published, SendError> {
        let Waiting { draft, to, until } = item;
        match to {
            Recipients::Peer(name) => {
                let peer = self.resolve(name)?;
                match self.table.get(&peer) {
                    // From now on it waits in the peer's own queue.
                    Some(_) => self.queue_for(now, peer, draft, Some(*until)),
                    None => Err(SendError::Unknown(peer.as_str().to_owned())),
                }
            }
            _ if !self.has_gathered(now) => Err(SendError::Nobody),
            _ => self.publish_to_all_with_room(destination(to)?, draft),
        }
    }

    /// Whether an earlier text waits that has to go to the same peers first.
    fn is_behind_others(&self, to: &Recipients) -> bool {
        let kept = self.kept.inner.lock();
        kept.waiting.iter().any(|item| may_overlap(&item.to, to))
    }

    fn resolve_short(&self, name: &str) -> Result<PeerId, SendError> {
        let same = self.table.peers().filter(|(id, _)| id.name() == name);
        let mut found: Vec<PeerId> = same.map(|(id, _)| id.clone()).collect();
        if found.is_empty() && self.own.name() == name {
            return Err(SendError::Ourselves);
        }
        if found.is_empty() {
            found = self.known_by_name(name);
        }
        found.sort();
        match found.len() {
            0 => Err(SendError::Unknown(name.to_owned())),
            1 => Ok(found.remove(0)),
            _ => Err(SendError::Ambiguous(found)),
        }
    }

    fn send_to_peer(
        &mut self,
        now: Instant,
        name: &PeerName,
        request: &SendText,
    ) -> Result<Published, SendError> {
        let peer = self.resolve(name)?;
        if self.table.get(&peer).is_none() && !self.is_known(&peer) {
            return Err(SendError::Unknown(peer.as_str().to_owned()));
        }
        let until = request.wait.map(|wait| now + wait);
        self.queue_for(now, peer, &request.draft, until)
    }

    /// Puts a text for a known peer on its queue; if that is not linked, the text fails `until` then.
    fn queue_for(
        &mut self,
        now: Instant,
        peer: PeerId,
        draft: &Draft,
        until: Option<Instant>,
    ) -> Result<Published, SendError> {
        let linked = self.table.is_linked(&peer);
        if let Some(answer) = self.put_on_disk(now, &peer, draft, linked, until) {
            return answer;
        }
        if !linked && until.is_none() {
            return Err(self.not_linked(peer));
        }
        let message = own_message(draft, Destination::Peer(peer.clone()));
        let line = self.line(&message)?;
        let entry = Entry {
            message: Arc::clone(&message),
            line,
            expires: until.filter(|_| !linked),
            announced: linked,
            lost: 0,
        };
        let queue = self.kept.queue_of(&peer);
        if queue.lock().push(entry).is_err() {
            return Err(SendError::Full(vec![peer]));
        }
        self.owing.insert(peer.clone());
        if linked {
            self.announce(message, 1);
            self.wake(&queue);
        } else {
            self.table.wanted(now, &peer);
        }
        Ok(Published {
            peers: usize::from(linked),
            waiting: !linked,
            ..Published::default()
        })
    }

    fn not_linked(&self, peer: PeerId) -> SendError {
        match self.table.get(&peer).map(|known| known.status()) {
            Some(status) if status != Status::Connected => SendError::NotLinked { peer, status },
            _ => SendError::Unknown(peer.as_str().to_owned()),
        }
    }

    /// Whether others may be linked in a moment who should get this text too.
    fn is_gathering(&self, now: Instant, to: &Recipients) -> bool {
        !matches!(to, Recipients::Peer(_)) && !self.has_gathered(now)
    }

    /// Whether the peers that are discovered together have had their chance to be linked.
    fn has_gathered(&self, now: Instant) -> bool {
        let waited = |since: Instant| now.saturating_duration_since(since) >= GATHER;
        let is_blind = self.discovers && self.kept.inner.lock().records.is_none();
        !(is_blind || self.table.is_busy()) || self.first_link.is_some_and(waited)
    }

    fn wait(&mut self, now: Instant, request: &SendText) -> Result<Published, SendError> {
        self.line(&own_message(&request.draft, destination(&request.to)?))?;
        let mut kept = self.kept.inner.lock();
        if kept.waiting.len() >= WAITING_MAX {
            return Err(SendError::WaitingFull);
        }
        kept.waiting.push_back(Waiting {
            draft: request.draft.clone(),
            to: request.to.clone(),
            until: now + request.wait.unwrap_or_default(),
        });
        let answer = Published {
            waiting: true,
            ..Published::default()
        };
        kept.remember(request.draft.msg_id, answer.clone());
        Ok(answer)
    }

    fn waited_in_vain(&mut self, item: Waiting, error: &SendError) {
        self.metrics.texts_failed.increment();
        // What has no destination was refused before it waited.
        if let Ok(to) = destination(&item.to) {
            self.emit(NodeEvent::TextFailed {
                message: own_message(&item.draft, to),
                reason: error.to_string(),
            });
        }
    }

    pub(super) fn line(&self, message: &OwnMessage) -> Result<Bytes, SendError> {
        let (msg_id, dst) = (message.msg_id.to_string(), message.to.to_wire());
        let own = self.own.as_str();
        let line = match message.to {
            Destination::Peer(_) => encode::send(&msg_id, own, &dst, &message.text),
            _ => encode::publish(&msg_id, own, &dst, &message.text),
        };
        match line {
            Ok(line) => Ok(Bytes::from(line)),
            Err(TextTooLong(by)) => Err(SendError::TooLong(by)),
        }
    }

    /// Tells that a text is on its way.
    pub(super) fn announce(&mut self, message: Arc<OwnMessage>, peers: usize) {
        self.metrics.texts_sent.increment();
        match message.to {
            Destination::Peer(_) => tracing::info!(msg_id = %message.msg_id, "SEND {}", message.to),
            _ => tracing::info!(msg_id = %message.msg_id, peers, "PUB {}", message.to),
        }
        let ticket = self.record_accepted(&message, State::Sent, peers);
        self.emit_after(NodeEvent::TextSent { message, peers }, ticket);
    }

    /// Tells the link that writes that there is something for it.
    pub(super) fn wake(&self, queue: &SharedQueue) {
        let writer = queue.lock().writer();
        if let Some(opened) = writer.and_then(|link| self.open.get(&link)) {
            opened.out.wake();
        }
    }
}

pub(super) fn own_message(draft: &Draft, to: Destination) -> Arc<OwnMessage> {
    Arc::new(OwnMessage {
        msg_id: draft.msg_id,
        number: draft.number,
        to,
        text: Arc::clone(&draft.text),
        reference: draft.reference.clone(),
    })
}

/// Whether two texts may have a receiver in common and so have to keep their order.
fn may_overlap(a: &Recipients, b: &Recipients) -> bool {
    match (a, b) {
        (Recipients::Peer(a), Recipients::Peer(b)) => match (a, b) {
            (PeerName::Full(peer), PeerName::Short(name))
            | (PeerName::Short(name), PeerName::Full(peer)) => peer.name() == name,
            _ => a == b,
        },
        (Recipients::Peer(_), _) | (_, Recipients::Peer(_)) => false,
        _ => true,
    }
}

/// To whom a text is addressed, as far as that is known: a short name that no peer has yet gets `?` for its namespace.
fn destination(to: &Recipients) -> Result<Destination, SendError> {
    match to {
        Recipients::Everyone => Ok(Destination::Everyone),
        Recipients::Namespace(namespace) => Ok(Destination::Namespace(namespace.clone())),
        Recipients::Peer(PeerName::Full(peer)) => Ok(Destination::Peer(peer.clone())),
        Recipients::Peer(PeerName::Short(name)) => PeerId::parse(&format!("{name}@?"))
            .map(Destination::Peer)
            .map_err(|_| SendError::Unknown(name.clone())),
    }
}

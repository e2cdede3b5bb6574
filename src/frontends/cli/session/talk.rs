//! Texts that were typed one behind the other: they are sent together, and each is answered.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use uuid::Uuid;

use super::{Command, Given, Reply, Session, replies, send_error};
use crate::{
    actors::router::{Published, Recipients},
    node::Texts,
};

/// How far lines are run. It tells, when running them failed, which of them must not be run again.
#[derive(Debug, Default)]
pub struct Progress {
    begun: AtomicUsize,
    answered: AtomicUsize,
}

impl Progress {
    /// How many are answered, and how many were begun.
    pub fn get(&self) -> (usize, usize) {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (of(&self.answered), of(&self.begun))
    }

    pub(super) fn begin(&self, count: usize) {
        self.begun.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn answer(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// Texts that are not sent yet.
#[derive(Default)]
pub(super) struct Talk {
    texts: Texts,
    /// What is needed to answer them.
    asked: VecDeque<Asked>,
}

struct Asked {
    command: &'static str,
    to: Recipients,
    reference: Option<Arc<str>>,
    msg_id: Uuid,
    wait: Option<Duration>,
}

impl Session {
    /// Adds the text of a command to those that are to be sent; gives back what is no text.
    pub(super) fn add_text(
        &self,
        talk: &mut Talk,
        command: Command,
        given: &Given,
    ) -> Option<Command> {
        let name = command.name();
        let (to, text) = match command {
            Command::Say(text) => (self.conversation.lock().clone(), text),
            Command::Message(peer, text) => (Recipients::Peer(peer), text),
            Command::Publish(to, text) => (to, text),
            other => return Some(other),
        };
        let wait = self.wait(given);
        let mut text = self.node.draft(to.clone(), text.into(), None, wait);
        let msg_id = text.draft.msg_id;
        text.draft.reference = self.output.claim(msg_id, given.reference.clone());
        talk.texts.push(text);
        talk.asked.push_back(Asked {
            command: name,
            to,
            reference: given.reference.clone(),
            msg_id,
            wait,
        });
        None
    }

    /// Sends the texts and answers each.
    pub(super) async fn send(&self, talk: &mut Talk, progress: &Progress) {
        progress.begin(talk.asked.len());
        while !talk.texts.is_empty() {
            let answers = self.node.send(&mut talk.texts).await;
            let asked: Vec<Asked> = talk.asked.drain(..answers.len()).collect();
            for (answer, asked) in answers.into_iter().zip(asked) {
                match answer {
                    Ok(published) => self.tell_sent(&published, asked).await,
                    Err(error) => {
                        self.output.disclaim(asked.msg_id);
                        self.refuse(send_error(error), asked.reference).await;
                    }
                }
                progress.answer();
            }
        }
    }

    async fn tell_sent(&self, published: &Published, asked: Asked) {
        let reply = sent_reply(published, &asked.to, asked.wait, self.options.json);
        if let Some(reply) = reply {
            self.answer(asked.command, reply, asked.reference).await;
        }
    }

    /// How long a text may wait for its peer: not at all where a person sits.
    fn wait(&self, given: &Given) -> Option<Duration> {
        let peer_wait = given.wait.unwrap_or(self.node.facts().peer_wait);
        (!self.options.interactive).then_some(peer_wait)
    }
}

fn sent_reply(
    published: &Published,
    to: &Recipients,
    wait: Option<Duration>,
    json: bool,
) -> Option<Reply> {
    let to = replies::recipients(to);
    let mut lines = Vec::new();
    if published.waiting {
        let seconds = wait.unwrap_or_default().as_secs();
        lines.push(format!("waiting up to {seconds} s for {to}"));
    }
    for peer in &published.skipped {
        lines.push(format!(
            "not sent to {peer}: its queue is full, it does not read fast enough"
        ));
    }
    let skipped: Vec<&str> = published.skipped.iter().map(|peer| peer.as_str()).collect();
    let data = json!({"peers": published.peers, "waiting": published.waiting, "skipped": skipped});
    // On a terminal the event of the sending is the answer.
    let is_told = json || !lines.is_empty();
    is_told.then(|| Reply::lines(lines).with(data))
}

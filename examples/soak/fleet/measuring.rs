//! What the processes tell about themselves, and what they hold.

use std::{collections::BTreeMap, thread, time::Duration};

use serde_json::{Value, json};

use super::{ANSWER_MAX, Fleet};
use crate::{NAMES, health::Health};

impl Fleet {
    /// Descriptors of each node that are no links: the least of several looks, for requests to the rendezvous come
    /// and go.
    pub fn descriptors(&self) -> Result<Vec<u64>, String> {
        let mut least = vec![u64::MAX; self.nodes.len()];
        for look in 0..10 {
            for (node, least) in least.iter_mut().enumerate() {
                let links = self.ask(node, "status", look)?["links"].as_u64();
                let held = self.health(node).map(|it| it.descriptors);
                *least = held
                    .zip(links)
                    .map_or(*least, |(held, links)| (held - links).min(*least));
            }
            thread::sleep(Duration::from_millis(200));
        }
        Ok(least)
    }

    /// The sums of the counters of all nodes.
    pub fn counters(&self) -> Result<BTreeMap<String, u64>, String> {
        let mut sums = BTreeMap::new();
        for node in 0..self.nodes.len() {
            let metrics = self.ask(node, "metrics", 0)?;
            for (name, value) in metrics.as_object().into_iter().flatten() {
                *sums.entry(name.clone()).or_default() += value.as_u64().unwrap_or_default();
            }
        }
        Ok(sums)
    }

    /// Memory and descriptors of a node.
    pub fn health(&self, node: usize) -> Option<Health> {
        self.nodes[node].running.as_ref()?.process.health()
    }

    /// Memory and descriptors of the rendezvous server.
    pub fn health_of_rendezvous(&self) -> Option<Health> {
        self.rendezvous.health()
    }

    /// How it stands, in a line.
    pub fn progress(&self) -> String {
        let lives = self.lives();
        let state = self.board.state();
        let (texts, open) = (state.ledger.texts.len(), state.ledger.open());
        let returned = self.returns.len();
        drop(state);
        let memory = self.health(0).map_or(0, |it| it.rss);
        format!(
            "{} kills, {returned} came back, {} nodes up, {texts} texts, {open} open, {} has {memory} KiB",
            self.kills,
            lives.len(),
            NAMES[0],
        )
    }

    fn ask(&self, node: usize, command: &str, number: u32) -> Result<Value, String> {
        let running = self.nodes[node].running.as_ref();
        let running = running.ok_or_else(|| format!("{} is not running", NAMES[node]))?;
        let question = format!("{command}?{number}");
        let line = json!({"command": command, "ref": question});
        running.process.tell(&line.to_string());
        let key = (running.life, question);
        let answer = self
            .board
            .wait(ANSWER_MAX, |state| state.answers.remove(&key));
        let mut answer =
            answer.ok_or_else(|| format!("{} does not answer {command}", NAMES[node]))?;
        Ok(answer["data"].take())
    }
}

//! What Tab completes: commands, peers and namespaces, from a list that is renewed beside the terminal, since the
//! terminal does not wait.

use std::{sync::Arc, time::Duration};

use parking_lot::RwLock;
use tokio::task::JoinHandle;

use super::{
    command::COMMANDS,
    terminal::{Completer, Completion},
};
use crate::{node::NodeHandle, wire::identity::PeerId};

/// How old the list of peers may be.
const RENEW: Duration = Duration::from_secs(1);

/// Completes from the last known peers.
#[derive(Clone, Default)]
pub struct PeerCompleter(Arc<RwLock<Vec<PeerId>>>);

impl PeerCompleter {
    /// Keeps the list fresh until the task is aborted.
    pub fn follow(&self, node: NodeHandle) -> JoinHandle<()> {
        let known = Arc::clone(&self.0);
        actix_rt::spawn(async move {
            loop {
                if let Ok(rows) = node.peers().await {
                    *known.write() = rows.into_iter().map(|row| row.peer).collect();
                }
                tokio::time::sleep(RENEW).await;
            }
        })
    }

    fn targets(&self) -> Vec<String> {
        let peers = self.0.read();
        // What is shown escaped cannot be typed so: it is not offered.
        let typeable = |peer: &&PeerId| peer.to_string() == peer.as_str();
        let mut targets: Vec<String> = peers
            .iter()
            .filter(typeable)
            .map(ToString::to_string)
            .collect();
        let spaces = peers.iter().filter(typeable);
        targets.extend(spaces.map(|peer| format!("#{}", peer.namespace())));
        targets.push("*".into());
        targets.sort();
        targets.dedup();
        targets
    }
}

impl Completer for PeerCompleter {
    fn complete(&self, line: &str) -> Completion {
        if !line.starts_with('/') || line.starts_with("//") {
            return Completion::default();
        }
        let start = line.rfind(' ').map_or(0, |at| at + 1);
        let word = &line[start..];
        let words = line[..start].split_whitespace();
        let candidates = match words.clone().count() {
            0 => COMMANDS
                .iter()
                .map(|spec| format!("/{}", spec.name))
                .collect(),
            1 if takes_target(words.clone().next()) => self.targets(),
            1 if words.clone().next() == Some("/help") => {
                COMMANDS.iter().map(|spec| spec.name.to_owned()).collect()
            }
            _ => Vec::new(),
        };
        let fits = |candidate: &String| candidate.starts_with(word);
        let candidates = candidates.into_iter().filter(fits).collect();
        Completion { start, candidates }
    }
}

fn takes_target(command: Option<&str>) -> bool {
    matches!(
        command,
        Some("/msg" | "/pub" | "/to" | "/peers" | "/history")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(line: &str) -> Vec<String> {
        let completer = PeerCompleter::default();
        let known = ["bob@CIC", "bea@lobby", "e\u{1b}@X"];
        *completer.0.write() = known.iter().map(|id| PeerId::parse(id).unwrap()).collect();
        completer.complete(line).candidates
    }

    #[test]
    fn commands_and_targets_are_completed_where_they_stand() {
        assert_eq!(completed("/pe"), ["/peers"]);
        assert_eq!(completed("/msg b"), ["bea@lobby", "bob@CIC"]);
        assert_eq!(completed("/pub #"), ["#CIC", "#lobby"]);
        assert_eq!(completed("/help qu"), ["quit"]);
        assert_eq!(completed("/msg bob@CIC b"), [""; 0]);
        assert_eq!(completed("hello b"), [""; 0]);
        assert_eq!(completed("/msg e"), [""; 0], "not what cannot be typed");
    }
}

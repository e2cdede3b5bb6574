//! What Tab completes: commands, peers, namespaces, and names in a text, from lists that are renewed beside the
//! terminal (`fresh`), since the terminal does not wait.

use std::{sync::Arc, time::SystemTime};

use parking_lot::RwLock;

use super::{
    command::COMMANDS,
    terminal::{Completer, Completion},
};
use crate::{
    proto::filters::{Blocked, Filters},
    wire::identity::PeerId,
};

/// What can be named.
#[derive(Debug, Default)]
struct Known {
    peers: Vec<PeerId>,
    ignored: Vec<PeerId>,
    blocked: Vec<Blocked>,
}

/// Completes from what was known last.
#[derive(Clone, Default)]
pub struct PeerCompleter(Arc<RwLock<Known>>);

impl PeerCompleter {
    /// These are known from now on.
    pub fn renew(&self, peers: Vec<PeerId>, filters: &Filters) {
        let ignored = filters.ignored(SystemTime::now()).into_iter();
        *self.0.write() = Known {
            peers,
            ignored: ignored.map(|(peer, _)| peer).collect(),
            blocked: filters.blocked(),
        };
    }

    /// What may stand behind a command.
    fn arguments(&self, command: &str) -> Vec<String> {
        let known = self.0.read();
        match command {
            "/msg" | "/ignore" | "/block" => typeable(&known.peers),
            "/unignore" => typeable(&known.ignored),
            "/unblock" => known.blocked.iter().filter_map(blocked).collect(),
            "/pub" | "/peers" => audiences(&known.peers),
            "/to" | "/history" => [audiences(&known.peers), typeable(&known.peers)].concat(),
            "/log" => ["error", "warn", "info", "debug", "trace"]
                .map(str::to_owned)
                .into(),
            "/help" => COMMANDS.iter().map(|spec| spec.name.to_owned()).collect(),
            _ => Vec::new(),
        }
    }

    /// The names of peers; at the beginning of a text with the colon by which one is addressed.
    fn names(&self, at_beginning: bool) -> Vec<String> {
        let known = self.0.read();
        let peers = known.peers.iter().filter(|peer| is_typeable(peer));
        let colon = if at_beginning { ":" } else { "" };
        peers
            .map(|peer| format!("{}{colon}", peer.name()))
            .collect()
    }
}

impl Completer for PeerCompleter {
    fn complete(&self, line: &str) -> Completion {
        let start = line.rfind(' ').map_or(0, |at| at + 1);
        let word = &line[start..];
        let words: Vec<&str> = line[..start].split_whitespace().collect();
        let mut candidates = match (line.starts_with('/') && !line.starts_with("//"), &words[..]) {
            (true, []) => commands(),
            (true, [command]) => self.arguments(command),
            // A text; without a letter of a name everybody would be a candidate.
            (true, ["/msg" | "/pub", ..]) | (false, _) if !word.is_empty() => {
                self.names(start == 0)
            }
            _ => Vec::new(),
        };
        candidates.retain(|candidate| candidate.starts_with(word));
        candidates.sort();
        candidates.dedup();
        Completion { start, candidates }
    }
}

fn commands() -> Vec<String> {
    let name = |spec: &super::command::Spec| format!("/{}", spec.name);
    COMMANDS.iter().map(name).collect()
}

fn typeable(peers: &[PeerId]) -> Vec<String> {
    let peers = peers.iter().filter(|peer| is_typeable(peer));
    peers.map(ToString::to_string).collect()
}

/// Everyone, and each namespace.
fn audiences(peers: &[PeerId]) -> Vec<String> {
    let peers = peers.iter().filter(|peer| is_typeable(peer));
    let mut audiences: Vec<String> = peers.map(|peer| format!("#{}", peer.namespace())).collect();
    audiences.push("*".into());
    audiences
}

/// What is shown escaped cannot be typed so: it is not offered.
fn is_typeable(peer: &PeerId) -> bool {
    peer.to_string() == peer.as_str()
}

fn blocked(whom: &Blocked) -> Option<String> {
    match whom {
        Blocked::Peer(peer) if !is_typeable(peer) => None,
        whom => Some(whom.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(line: &str) -> Vec<String> {
        let completer = PeerCompleter::default();
        let id = |text: &&str| PeerId::parse(text).unwrap();
        *completer.0.write() = Known {
            peers: ["bob@CIC", "bea@lobby", "bea@CIC", "e\u{1b}@X"]
                .iter()
                .map(id)
                .collect(),
            ignored: ["bea@lobby"].iter().map(id).collect(),
            blocked: vec![
                Blocked::Peer(id(&"eve@X")),
                Blocked::Address("10.0.0.7".parse().unwrap()),
            ],
        };
        completer.complete(line).candidates
    }

    #[test]
    fn commands_and_their_arguments_are_completed_where_they_stand() {
        assert_eq!(completed("/pe"), ["/peers"]);
        assert_eq!(completed("/msg b"), ["bea@CIC", "bea@lobby", "bob@CIC"]);
        assert_eq!(completed("/pub #"), ["#CIC", "#lobby"]);
        assert_eq!(completed("/pub b"), [""; 0], "not one peer");
        assert_eq!(
            completed("/to "),
            ["#CIC", "#lobby", "*", "bea@CIC", "bea@lobby", "bob@CIC"]
        );
        assert_eq!(completed("/help qu"), ["quit"]);
        assert_eq!(completed("/log d"), ["debug"]);
        assert_eq!(completed("/unignore "), ["bea@lobby"]);
        assert_eq!(completed("/unblock "), ["10.0.0.7", "eve@X"]);
        assert_eq!(completed("/conn b"), [""; 0]);
        assert_eq!(completed("/msg e"), [""; 0], "not what cannot be typed");
    }

    #[test]
    fn names_are_completed_in_texts() {
        assert_eq!(completed("b"), ["bea:", "bob:"]);
        assert_eq!(completed("hello bo"), ["bob"]);
        assert_eq!(completed("/msg bob@CIC ask be"), ["bea"]);
        assert_eq!(completed("//b"), [""; 0]);
        assert_eq!(completed("hello "), [""; 0], "not everybody");
        assert_eq!(completed(""), [""; 0]);
    }
}

//! The row above the prompt: who we are, how many peers are up, the rendezvous, what has not arrived yet. Pure.

use super::style::Style;
use crate::{
    actors::router::PeerRow,
    proto::{peer_table::Status, registration::Report},
    wire::{identity::PeerId, printable::Printable},
};

/// What the row tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Our own id, safe to show.
    pub own: String,
    /// Peers that are linked.
    pub up: usize,
    /// Peers that are known.
    pub known: usize,
    /// The rendezvous in a few words; none where none is used.
    pub rendezvous: Option<String>,
    /// Own messages that have not come to an end.
    pub outbox: usize,
}

impl Facts {
    /// What the row tells of a node.
    pub fn new(
        own: &PeerId,
        peers: &[PeerRow],
        rendezvous: Option<&Report>,
        outbox: usize,
    ) -> Self {
        let is_up = |row: &&PeerRow| row.status == Status::Connected;
        Self {
            own: own.to_string(),
            up: peers.iter().filter(is_up).count(),
            known: peers.len(),
            rendezvous: rendezvous.map(rendezvous_words),
            outbox,
        }
    }
}

/// The row, without its end where the terminal is too narrow.
pub fn row(facts: &Facts, style: Style) -> String {
    let Facts {
        own,
        up,
        known,
        outbox,
        ..
    } = facts;
    let rendezvous = facts.rendezvous.as_ref().map(|it| format!("  {it}"));
    let rendezvous = rendezvous.unwrap_or_default();
    style.dim(format!(
        "[{own}  {up}/{known} peers  outbox {outbox}{rendezvous}]"
    ))
}

fn rendezvous_words(report: &Report) -> String {
    let Some(endpoint) = &report.endpoint else {
        return "looking for a rendezvous".into();
    };
    let address = Printable::text(&endpoint.address);
    let what = match (&report.last_error, report.registered_for) {
        _ if report.blocked_for.is_some() => "blocked us for a while",
        (Some(_), _) => "does not answer",
        (None, None) => "not registered yet",
        (None, Some(_)) if endpoint.hosted => "hosted here",
        (None, Some(_)) => "registered",
    };
    format!("rendezvous {address} ({what})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_says_who_we_are_and_what_is_up() {
        let plain = Style { color: false };
        let mut facts = Facts {
            own: "alice@lobby".into(),
            up: 2,
            known: 3,
            rendezvous: None,
            outbox: 0,
        };
        assert_eq!(row(&facts, plain), "[alice@lobby  2/3 peers  outbox 0]");
        facts.rendezvous = Some("rendezvous 127.0.0.1:8080 (hosted here)".into());
        facts.outbox = 4;
        assert_eq!(
            row(&facts, plain),
            "[alice@lobby  2/3 peers  outbox 4  rendezvous 127.0.0.1:8080 (hosted here)]"
        );
        assert!(row(&facts, Style { color: true }).starts_with("\u{1b}[2m["));
    }
}

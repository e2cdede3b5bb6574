//! Every error answer of a rendezvous and what the node does about it: the table of `docs/protocol.md`, section
//! "Rendezvous error answers".

use crate::wire::rendezvous::Request;

/// The three requests, without their fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// REGISTER
    Register,
    /// DISCOVER
    Discover,
    /// UNREGISTER
    Unregister,
}

impl Kind {
    /// What kind of request this is.
    pub fn of(request: &Request) -> Self {
        match request {
            Request::Register { .. } => Self::Register,
            Request::Discover { .. } => Self::Discover,
            Request::Unregister { .. } => Self::Unregister,
        }
    }
}

/// What an error answer leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// The server does not know us: REGISTER.
    RegisterAgain,
    /// The record is not there any more, which is what UNREGISTER was for.
    Gone,
    /// A hiccup: ask again after the backoff.
    BackOff,
    /// Asking again will not change it: tell the user once, with this hint, and try rarely.
    GiveUp(&'static str),
}

/// How the server's words are compared with the table.
enum Words {
    Exactly(&'static str),
    Beginning(&'static str),
}

const OTHER_PROTOCOL: &str =
    "this server does not understand papo: check rendezvous.address, or use another --rendezvous";

/// The answers of the protocol text, section 3; anything else is a hiccup.
const TABLE: [(Words, Reaction); 11] = {
    use Reaction::{BackOff, GiveUp, RegisterAgain};
    use Words::{Beginning, Exactly};
    [
        (Exactly("peer_not_registered"), RegisterAgain),
        (Exactly("peer_credentials_do_not_match"), RegisterAgain),
        (Exactly("bad_name"), GiveUp("choose another --name")),
        (
            Exactly("bad_namespace"),
            GiveUp("choose another --namespace"),
        ),
        (
            Exactly("bad_ttl"),
            GiveUp("set rendezvous.ttl to 1 s to 86400 s"),
        ),
        (
            Beginning("bad_port"),
            GiveUp("set node.public_port, or --port, to 1 to 65535"),
        ),
        (Exactly("namespace_required"), GiveUp(OTHER_PROTOCOL)),
        (Exactly("Unknown command"), GiveUp(OTHER_PROTOCOL)),
        (Exactly("line_too_long"), GiveUp(OTHER_PROTOCOL)),
        (Exactly("Empty request line"), BackOff),
        (Beginning("Timeout: no data received"), BackOff),
    ]
};

/// What to do about `message`, the words of an error answer to a request of this kind. After UNREGISTER every answer
/// of a rendezvous means that the record is gone, or cannot be made to go.
pub fn reaction(kind: Kind, message: &str) -> Reaction {
    if kind == Kind::Unregister {
        return Reaction::Gone;
    }
    let message = message.trim();
    let applies = |words: &Words| match words {
        Words::Exactly(text) => message == *text,
        Words::Beginning(text) => message.starts_with(text),
    };
    let found = TABLE.iter().find(|(words, _)| applies(words));
    found.map_or(Reaction::BackOff, |(_, reaction)| *reaction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_lead_to_what_the_table_says() {
        let (register, discover) = (Kind::Register, Kind::Discover);
        let gives_up = |kind, message| matches!(reaction(kind, message), Reaction::GiveUp(_));
        assert_eq!(
            reaction(discover, "peer_not_registered"),
            Reaction::RegisterAgain
        );
        for refusal in ["bad_name", "bad_ttl", "bad_namespace", "bad_port"] {
            assert!(gives_up(register, refusal), "{refusal}");
        }
        assert!(gives_up(discover, "Unknown command\n"));
        assert!(gives_up(register, "bad_port ([1])"));
        for hiccup in [
            "Empty request line",
            "Timeout: no data received, closing connection",
            "",
            "Internal error: 'x'",
        ] {
            assert_eq!(reaction(register, hiccup), Reaction::BackOff, "{hiccup}");
        }
    }

    #[test]
    fn nothing_is_tried_again_after_unregister() {
        for message in [
            "peer_not_registered",
            "peer_credentials_do_not_match",
            "bad_port (0)",
            "namespace_required",
            "?",
        ] {
            assert_eq!(reaction(Kind::Unregister, message), Reaction::Gone);
        }
    }

    #[test]
    fn the_document_names_every_answer_of_the_table() {
        let document = include_str!("../../../docs/protocol.md");
        for (Words::Exactly(words) | Words::Beginning(words), reaction) in &TABLE {
            assert!(document.contains(&format!("`{words}")), "{words}");
            if let Reaction::GiveUp(hint) = reaction {
                assert!(document.contains(hint), "{hint}");
            }
        }
    }
}

//! Events as lines of text, each made safe for a terminal. Pure.

use jiff::Zoned;

use super::{
    addressed::names,
    style::{Style, duration, time_of_day},
};
use crate::{
    actors::events::{NodeEvent, ReceivedTexts, RendezvousEvent},
    proto::{close::CloseReason, outgoing::OwnMessage, texts::Text},
    wire::{
        destination::Destination,
        printable::{Printable, is_plain},
    },
};

/// Turns events into lines.
#[derive(Debug, Clone, Copy)]
pub struct Renderer {
    /// Colour or none.
    pub style: Style,
}

impl Renderer {
    /// The line of an event; none for what does not concern a reader.
    pub fn event(&self, event: &NodeEvent, at: &Zoned) -> Option<String> {
        let style = self.style;
        let line = match event {
            NodeEvent::TextsReceived(texts) => return Some(self.received(texts, at)),
            NodeEvent::TextSent { message, peers } => self.sent(message, *peers),
            NodeEvent::TextDelivered { message, rtt } => {
                let rtt = duration(*rtt);
                return Some(style.dim(format!(
                    "#{} delivered to {} in {rtt}",
                    message.number, message.to
                )));
            }
            NodeEvent::AckTimedOut { message, after } => {
                return Some(style.bad(format!(
                    "#{} timeout: {} has not acknowledged after {} s",
                    message.number,
                    message.to,
                    after.as_secs_f64()
                )));
            }
            NodeEvent::TextUnconfirmed { message, reason } => {
                let words = format!("#{} sent to {}, not confirmed: {reason}", message.number, message.to);
                return Some(style.dim(words));
            }
            NodeEvent::TextFailed { message, reason } => {
                let words = format!("#{} failed: {}: {reason}", message.number, message.to);
                return Some(style.bad(words));
            }
            NodeEvent::PeerConnected {
                peer,
                address,
                first: true,
                ..
            } => style.dim(format!("+ {peer} is connected  ({address})")),
            NodeEvent::PeerDisconnected {
                peer,
                reason,
                still_linked: false,
                ..
            } if *reason != CloseReason::WeLeft.to_string() => style.dim(format!("- {peer} is gone: {reason}")),
            NodeEvent::PeerConnected { .. } | NodeEvent::PeerDisconnected { .. } => return None,
            NodeEvent::PeerUnreachable {
                peer,
                status,
                reason,
            } => style.dim(format!("! {peer} is {status}: {reason}")),
            NodeEvent::PeerConflict {
                peer,
                known,
                claimed,
            } => style.bad(format!(
                "! {claimed} claims to be {peer}, who is at {known}: it is read, but gets none of the messages to {peer}"
            )),
            NodeEvent::Rendezvous(event) => self.rendezvous(event)?,
            NodeEvent::ActorRestarting {
                actor,
                reason,
                delay,
            } => style.bad(format!(
                "! internal error in {actor} ({}); it is restarted in {}",
                Printable::text(reason),
                duration(*delay)
            )),
            NodeEvent::Trouble { message, hint, .. } => {
                style.bad(format!("! {}: {}", Printable::text(message), Printable::text(hint)))
            }
        };
        Some(format!("{} {line}", time_of_day(at)))
    }

    /// Received texts, a line for each: `HH:MM:SS KIND [alice@CIC] text`.
    pub fn received(&self, received: &ReceivedTexts, at: &Zoned) -> String {
        let (time, from) = (time_of_day(at), self.style.sender(&received.from));
        let (bytes, count) = (received.texts.bytes(), received.texts.len());
        let mut lines = String::with_capacity(bytes + count * (from.len() + 24));
        for text in received.texts.iter() {
            if !lines.is_empty() {
                lines.push('\n');
            }
            lines.push_str(&time);
            match received.to(text) {
                Destination::Peer(_) => lines.push_str(" -> ["),
                to => lines.push_str(&format!(" {to} [")),
            }
            lines.push_str(&from);
            lines.push_str("] ");
            match is_plain(text.payload) {
                _ if self.style.color && is_mention(received, text) => {
                    lines.push_str(&self.style.strong(Printable::text(text.payload)));
                }
                true => lines.push_str(text.payload),
                false => lines.push_str(&Printable::text(text.payload).to_string()),
            }
        }
        lines
    }

    /// One of our own: `-> bob@CIC #12 text`.
    pub fn sent(&self, message: &OwnMessage, peers: usize) -> String {
        let text = Printable::text(&message.text);
        let line = format!("-> {} #{} {text}", message.to, message.number);
        match (&message.to, peers) {
            (Destination::Peer(_), _) => line,
            (_, 1) => format!("{line}  {}", self.style.dim("(1 peer)")),
            (_, peers) => format!("{line}  {}", self.style.dim(format!("({peers} peers)"))),
        }
    }

    fn rendezvous(&self, event: &RendezvousEvent) -> Option<String> {
        let style = self.style;
        let line = match event {
            RendezvousEvent::Registered {
                address,
                hosted,
                seen,
            } => {
                let hosted = if *hosted { " (hosted here)" } else { "" };
                let (address, seen) = (Printable::text(address), Printable::text(seen));
                style.dim(format!("~ registered at {address}{hosted} as {seen}"))
            }
            RendezvousEvent::TakenOver { address } => {
                style.dim(format!("~ the rendezvous {address} is hosted here now"))
            }
            RendezvousEvent::Unreachable { address, reason } => style.bad(format!(
                "! the rendezvous {} does not answer ({}): it is tried again, and connected peers are not affected",
                Printable::text(address),
                Printable::text(reason)
            )),
            RendezvousEvent::Blocked { address, wait } => style.bad(format!(
                "! the rendezvous {} blocked this address for {}: waiting",
                Printable::text(address),
                duration(*wait)
            )),
            RendezvousEvent::Refused {
                address,
                message,
                hint,
            } => style.bad(format!(
                "! the rendezvous {} refused: {}: {}",
                Printable::text(address),
                Printable::text(message),
                Printable::text(hint)
            )),
            RendezvousEvent::ForeignProgram { port } => {
                style.bad(format!("! port {port} belongs to another program: it is left alone"))
            }
            RendezvousEvent::UnusablePort { port, reason } => style.bad(format!(
                "! port {port} cannot be had ({}): the next one is tried",
                Printable::text(reason)
            )),
            RendezvousEvent::NameTaken { address } => style.bad(format!(
                "! a node with this very name answers at {address}: choose another --name"
            )),
        };
        Some(line)
    }
}

/// Whether a text to several names this user.
fn is_mention(received: &ReceivedTexts, text: Text<'_>) -> bool {
    match (&received.to_us, text.audience) {
        (Destination::Peer(own), Some(_)) => names(text.payload, own.name()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::*;
    use crate::wire::identity::PeerId;

    fn shown(event: NodeEvent) -> String {
        let at: Zoned = "2026-01-02T03:04:05[UTC]".parse().unwrap();
        let style = Style { color: false };
        Renderer { style }.event(&event, &at).unwrap_or_default()
    }

    fn received(to: &str, texts: &[&'static str]) -> NodeEvent {
        let to = Destination::parse(to).unwrap();
        let audience = (!matches!(to, Destination::Peer(_))).then_some(&to);
        let text = |payload: &&'static str| Text {
            audience,
            msg_id: "1",
            payload,
        };
        NodeEvent::TextsReceived(Arc::new(ReceivedTexts {
            from: PeerId::parse("alice@CIC").unwrap(),
            address: "127.0.0.1:1".parse().unwrap(),
            to_us: Destination::parse("me@CIC").unwrap(),
            texts: texts.iter().map(text).collect(),
        }))
    }

    fn own(to: &str) -> Arc<OwnMessage> {
        Arc::new(OwnMessage {
            msg_id: uuid::Uuid::nil(),
            number: 12,
            to: Destination::parse(to).unwrap(),
            text: "hi".into(),
            reference: None,
        })
    }

    #[test]
    fn received_texts_say_when_to_whom_and_from_whom() {
        assert_eq!(
            shown(received("me@CIC", &["hi"])),
            "03:04:05 -> [alice@CIC] hi"
        );
        assert_eq!(
            shown(received("*", &["a\nb"])),
            "03:04:05 * [alice@CIC] a ⏎ b"
        );
        assert_eq!(
            shown(received("#CIC", &["\u{1b}[2J"])),
            "03:04:05 #CIC [alice@CIC] \\u{1b}[2J"
        );
    }

    #[test]
    fn a_text_to_several_that_names_the_user_is_strong_where_there_are_colours() {
        let at: Zoned = "2026-01-02T03:04:05[UTC]".parse().unwrap();
        let style = Style { color: true };
        let shown = |to, texts| Renderer { style }.event(&received(to, texts), &at).unwrap();
        assert!(shown("*", &["ask Me\u{1b}"]).ends_with("] \u{1b}[1mask Me\\u{1b}\u{1b}[0m"));
        assert!(shown("*", &["some"]).ends_with("] some"));
        assert!(shown("me@CIC", &["me"]).ends_with("] me"));
    }

    #[test]
    fn texts_that_arrived_together_are_a_line_each() {
        assert_eq!(
            shown(received("*", &["a", "é\n", "c"])),
            "03:04:05 * [alice@CIC] a\n03:04:05 * [alice@CIC] é ⏎ \n03:04:05 * [alice@CIC] c"
        );
    }

    #[test]
    fn own_texts_and_what_became_of_them_carry_their_number() {
        let message = own("bob@CIC");
        let sent = NodeEvent::TextSent {
            message: own("bob@CIC"),
            peers: 1,
        };
        assert_eq!(shown(sent), "03:04:05 -> bob@CIC #12 hi");
        let sent = NodeEvent::TextSent {
            message: own("*"),
            peers: 3,
        };
        assert_eq!(shown(sent), "03:04:05 -> * #12 hi  (3 peers)");
        let rtt = Duration::from_micros(1312);
        let delivered = NodeEvent::TextDelivered {
            message: Arc::clone(&message),
            rtt,
        };
        assert_eq!(shown(delivered), "#12 delivered to bob@CIC in 1.3 ms");
        let after = Duration::from_secs(5);
        let timeout = NodeEvent::AckTimedOut { message, after };
        assert_eq!(
            shown(timeout),
            "#12 timeout: bob@CIC has not acknowledged after 5 s"
        );
    }

    #[test]
    fn a_second_link_is_no_news_to_a_reader() {
        let connected = |first| NodeEvent::PeerConnected {
            peer: PeerId::parse("b@X").unwrap(),
            direction: crate::proto::link::Direction::Inbound,
            address: "127.0.0.1:1".parse().unwrap(),
            first,
        };
        assert_eq!(
            shown(connected(true)),
            "03:04:05 + b@X is connected  (127.0.0.1:1)"
        );
        assert_eq!(shown(connected(false)), "");
    }

    #[test]
    fn words_of_strangers_are_escaped_wherever_they_appear() {
        let refused = RendezvousEvent::Refused {
            address: "h:1".into(),
            message: "\u{1b}[31m".into(),
            hint: "x".into(),
        };
        assert!(!shown(NodeEvent::Rendezvous(refused)).contains('\u{1b}'));
        let trouble = NodeEvent::Trouble {
            code: "x",
            message: "\u{7}".into(),
            hint: "y\u{202e}".into(),
        };
        assert_eq!(shown(trouble), "03:04:05 ! \\u{7}: y\\u{202e}");
    }
}

//! The types of lines, and how many there were of each: what is counted, without what is in them.

use super::message::Line;

/// The type of a line of the peer protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// HELLO
    Hello,
    /// HELLO_OK
    HelloOk,
    /// HELLO_REJECT, which some clients send
    HelloReject,
    /// PING
    Ping,
    /// PONG
    Pong,
    /// SEND
    Send,
    /// ACK
    Ack,
    /// PUB
    Pub,
    /// BYE
    Bye,
    /// BYE_OK
    ByeOk,
}

/// How many types there are.
pub const KINDS: usize = 10;

/// How many lines there were of each type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineCounts([u32; KINDS]);

impl LineKind {
    /// All of them, in the order of the protocol text.
    pub const ALL: [Self; KINDS] = [
        Self::Hello,
        Self::HelloOk,
        Self::HelloReject,
        Self::Ping,
        Self::Pong,
        Self::Send,
        Self::Ack,
        Self::Pub,
        Self::Bye,
        Self::ByeOk,
    ];

    /// As it stands in the field `type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hello => "HELLO",
            Self::HelloOk => "HELLO_OK",
            Self::HelloReject => "HELLO_REJECT",
            Self::Ping => "PING",
            Self::Pong => "PONG",
            Self::Send => "SEND",
            Self::Ack => "ACK",
            Self::Pub => "PUB",
            Self::Bye => "BYE",
            Self::ByeOk => "BYE_OK",
        }
    }
}

impl From<&Line<'_>> for LineKind {
    fn from(line: &Line<'_>) -> Self {
        match line {
            Line::Hello { .. } => Self::Hello,
            Line::HelloOk { .. } => Self::HelloOk,
            Line::HelloReject { .. } => Self::HelloReject,
            Line::Ping { .. } => Self::Ping,
            Line::Pong { .. } => Self::Pong,
            Line::Send { .. } => Self::Send,
            Line::Ack { .. } => Self::Ack,
            Line::Pub { .. } => Self::Pub,
            Line::Bye { .. } => Self::Bye,
            Line::ByeOk => Self::ByeOk,
        }
    }
}

impl LineCounts {
    /// One more of this type.
    pub fn add(&mut self, kind: LineKind) {
        self.add_several(kind, 1);
    }

    /// Several more of this type.
    pub fn add_several(&mut self, kind: LineKind, more: u32) {
        let count = &mut self.0[kind as usize];
        *count = count.saturating_add(more);
    }

    /// The types of which there was one or more.
    pub fn iter(&self) -> impl Iterator<Item = (LineKind, u32)> + use<> {
        let counts = LineKind::ALL.into_iter().zip(self.0);
        counts.filter(|(_, count)| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_named_as_the_protocol_names_it() {
        for kind in LineKind::ALL {
            assert_eq!(LineKind::ALL[kind as usize], kind);
            let name = kind.name();
            let line = format!(r#"{{"type":"{name}","msg_id":"1","peer_id":"a@b","payload":""}}"#);
            let line = Line::parse(&line).unwrap();
            assert_eq!(LineKind::from(&line), kind);
        }
    }

    #[test]
    fn only_what_was_counted_is_told() {
        let mut counts = LineCounts::default();
        counts.add(LineKind::Ack);
        counts.add(LineKind::Hello);
        counts.add(LineKind::Ack);
        let told: Vec<_> = counts.iter().collect();
        assert_eq!(told, [(LineKind::Hello, 1), (LineKind::Ack, 2)]);
    }
}

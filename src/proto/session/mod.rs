//! One connection: handshake, the answers each line asks for, BYE on both sides. Pure: lines and the time go in,
//! bytes and facts come out. It knows neither sockets nor the other links of the same peer.

mod ending;

use std::{
    borrow::Cow,
    collections::VecDeque,
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{close::CloseReason, link::Direction, texts::Texts};
use crate::wire::{
    destination::Destination,
    encode,
    identity::PeerId,
    kind::{LineCounts, LineKind},
    message::{Features, Line},
};

/// How long each side of a BYE waits for the other.
pub const BYE_WAIT: Duration = Duration::from_secs(2);

/// The longest foreign message id that is answered, in bytes; ours and all known clients' are below 40.
pub const MSG_ID_BYTES_MAX: usize = 1024;

/// PINGs whose PONG may still come; older ones count as lost.
const PINGS_OUTSTANDING_MAX: usize = 4;

/// The time of one input: the monotonic one, and the wall clock's text for messages.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// Monotonic.
    pub now: Instant,
    /// RFC 3339, UTC, with `Z`.
    pub timestamp: &'a str,
}

/// What a session wants done, gathered over the lines of one chunk.
#[derive(Debug, Default)]
pub struct Outputs {
    /// Lines to write at once: handshake, PONG, BYE, BYE_OK.
    pub prompt: Vec<u8>,
    /// ACKs, to be written after `texts` were handed up, and what has to follow them.
    pub acks: Vec<u8>,
    /// The handshake is done.
    pub opened: Option<(PeerId, Features)>,
    /// Texts that arrived, duplicates included, in order.
    pub texts: Texts,
    /// Message ids that were acknowledged.
    pub acked: Vec<String>,
    /// The round-trip times of the PONGs that came.
    pub rtts: Vec<Duration>,
    /// Lines that were ignored because they are no message.
    pub ignored: u32,
    /// What came, by type.
    pub heard: LineCounts,
    /// What is among `prompt` and `acks`, by type.
    pub said: LineCounts,
    /// BYE is among the lines: nothing that we originate may follow it.
    pub said_bye: bool,
    /// Behind `prompt` and `acks` nothing more will be written: shut down writing, and tell
    /// [`Session::finished_writing`].
    pub finish_writing: bool,
    /// The link is over; close it now.
    pub closed: Option<CloseReason>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Handshake {
        deadline: Instant,
        said_hello: bool,
    },
    Open,
    /// We said BYE and wait for BYE_OK.
    Leaving {
        reason: CloseReason,
        deadline: Instant,
    },
    /// The peer will say nothing more that we wait for: it said BYE, answered ours, or ended its stream. What is
    /// queued for it is still written.
    Finishing {
        reason: CloseReason,
        deadline: Instant,
        peer_ended: bool,
        we_ended: bool,
    },
    Closed,
}

/// The state of one connection.
#[derive(Debug)]
pub struct Session {
    own: PeerId,
    direction: Direction,
    handshake_timeout: Duration,
    phase: Phase,
    /// Whom we dialled, or who named itself.
    peer: Option<PeerId>,
    /// It was told as open: what comes over it is a peer's.
    linked: bool,
    pings: VecDeque<(Uuid, Instant)>,
}

impl Session {
    /// A connection that is being made. `dialled` is the id that was dialled; none for a bare address and for an
    /// accepted link.
    pub fn new(
        own: PeerId,
        direction: Direction,
        dialled: Option<PeerId>,
        handshake_timeout: Duration,
        now: Instant,
    ) -> Self {
        Self {
            own,
            direction,
            handshake_timeout,
            phase: Phase::Handshake {
                deadline: now + handshake_timeout,
                said_hello: false,
            },
            peer: dialled,
            linked: false,
            pings: VecDeque::new(),
        }
    }

    /// The connection is made: the time for the handshake begins, and the dialler says HELLO.
    pub fn start(&mut self, now: Instant, out: &mut Outputs) {
        let said_hello = self.direction == Direction::Outbound;
        self.phase = Phase::Handshake {
            deadline: now + self.handshake_timeout,
            said_hello,
        };
        if said_hello {
            out.said.add(LineKind::Hello);
            encode::hello(&mut out.prompt, "HELLO", self.own.as_str());
        }
    }

    /// Takes one line without its newline.
    pub fn line(&mut self, at: Moment<'_>, line: &[u8], out: &mut Outputs) {
        // The lossy reader alone looks at one byte at a time.
        let line = match std::str::from_utf8(line) {
            Ok(line) => Cow::Borrowed(line),
            Err(_) => String::from_utf8_lossy(line),
        };
        let parsed = Line::parse(&line);
        if let Ok(line) = &parsed {
            out.heard.add(line.into());
        }
        match (parsed, &self.phase) {
            (Ok(Line::Ack { msg_id }), Phase::Finishing { .. }) if self.linked => {
                out.acked.push(msg_id.into());
            }
            (_, Phase::Closed | Phase::Finishing { .. }) => {}
            (parsed, Phase::Handshake { .. }) => self.handshake(at, parsed.ok(), out),
            // Whoever came under our own name, or was told BYE before HELLO_OK, has no link: what it says goes nowhere.
            (Ok(Line::Send { .. } | Line::Pub { .. } | Line::Ack { .. }), _) if !self.linked => {
                out.ignored += 1;
            }
            (Ok(message), _) => self.message(at, message, out),
            (Err(_), _) => out.ignored += 1,
        }
    }

    /// Sends a PING with this id, on an open link.
    pub fn ping(&mut self, at: Moment<'_>, msg_id: Uuid, out: &mut Outputs) {
        if self.phase != Phase::Open {
            return;
        }
        if self.pings.len() == PINGS_OUTSTANDING_MAX {
            self.pings.pop_front();
        }
        self.pings.push_back((msg_id, at.now));
        out.said.add(LineKind::Ping);
        encode::ping(&mut out.prompt, &msg_id.to_string(), at.timestamp);
    }

    fn handshake(&mut self, at: Moment<'_>, line: Option<Line<'_>>, out: &mut Outputs) {
        match (self.direction, line) {
            (Direction::Inbound, Some(Line::Hello { peer_id, features })) => {
                match PeerId::parse(&peer_id) {
                    Ok(peer) => self.accept(at.now, peer, features, out),
                    Err(_) => self.close(CloseReason::NotAPeer, out),
                }
            }
            // A web page can make a browser post lines to a local port: nothing else is answered.
            (Direction::Inbound, _) => self.close(CloseReason::NotAPeer, out),
            (Direction::Outbound, Some(Line::HelloOk { peer_id, features })) => {
                self.accepted(peer_id.as_deref(), features, out);
            }
            (Direction::Outbound, Some(Line::HelloReject { reason })) => {
                self.close(
                    CloseReason::Rejected(reason.unwrap_or_default().into()),
                    out,
                );
            }
            (Direction::Outbound, Some(Line::Hello { .. })) => {
                self.hello_ok(out);
            }
            (Direction::Outbound, Some(Line::Ping { msg_id })) => self.pong(at, &msg_id, out),
            (Direction::Outbound, Some(Line::Bye { reason, .. })) => {
                self.close(
                    CloseReason::Rejected(reason.unwrap_or_default().into()),
                    out,
                );
            }
            (Direction::Outbound, Some(_)) => out.ignored += 1,
            (Direction::Outbound, None) => self.close(CloseReason::NotAPeer, out),
        }
    }

    fn accept(&mut self, now: Instant, peer: PeerId, features: Features, out: &mut Outputs) {
        self.hello_ok(out);
        self.peer = Some(peer.clone());
        self.phase = Phase::Open;
        self.linked = peer != self.own;
        match self.linked {
            true => out.opened = Some((peer, features)),
            false => self.say_bye(now, CloseReason::NameInUse, Uuid::nil(), out),
        }
    }

    fn hello_ok(&self, out: &mut Outputs) {
        out.said.add(LineKind::HelloOk);
        encode::hello(&mut out.prompt, "HELLO_OK", self.own.as_str());
    }

    fn accepted(&mut self, peer_id: Option<&str>, features: Features, out: &mut Outputs) {
        let peer = match (self.peer.take(), peer_id.map(PeerId::parse)) {
            // A record outlived its node, and another one listens there now.
            (Some(dialled), Some(Ok(named))) if named != dialled && named != self.own => {
                return self.close(CloseReason::SomeoneElse(named), out);
            }
            // Identity is the id that was dialled, also where the acceptor writes ours, or none.
            (Some(dialled), _) => dialled,
            (None, Some(Ok(named))) => named,
            (None, _) => return self.close(CloseReason::NotAPeer, out),
        };
        if peer == self.own {
            return self.close(CloseReason::Ourselves, out);
        }
        self.peer = Some(peer.clone());
        self.phase = Phase::Open;
        self.linked = true;
        out.opened = Some((peer, features));
    }

    fn message(&mut self, at: Moment<'_>, message: Line<'_>, out: &mut Outputs) {
        match message {
            Line::Send {
                msg_id,
                payload,
                require_ack,
            } => self.send(at, &msg_id, &payload, require_ack, out),
            Line::Pub {
                msg_id,
                dst,
                payload,
            } => self.publication(&msg_id, dst.as_deref(), &payload, out),
            Line::Ack { msg_id } => out.acked.push(msg_id.into()),
            Line::Ping { msg_id } => self.pong(at, &msg_id, out),
            Line::Pong { msg_id } => self.ponged(at.now, &msg_id, out),
            Line::Bye { msg_id, reason } => {
                self.bye(
                    at.now,
                    msg_id.as_deref(),
                    reason.unwrap_or_default().into(),
                    out,
                );
            }
            Line::ByeOk => self.bye_ok(at.now, out),
            Line::Hello { .. } => self.hello_ok(out),
            Line::HelloReject { reason } => {
                self.close(
                    CloseReason::Rejected(reason.unwrap_or_default().into()),
                    out,
                );
            }
            Line::HelloOk { .. } => out.ignored += 1,
        }
    }

    fn send(
        &self,
        at: Moment<'_>,
        msg_id: &str,
        payload: &str,
        require_ack: bool,
        out: &mut Outputs,
    ) {
        if msg_id.len() > MSG_ID_BYTES_MAX {
            out.ignored += 1;
            return;
        }
        if require_ack {
            out.said.add(LineKind::Ack);
            encode::ack(&mut out.acks, msg_id, at.timestamp);
        }
        out.texts.push(None, msg_id, payload);
    }

    fn publication(&self, msg_id: &str, dst: Option<&str>, payload: &str, out: &mut Outputs) {
        if msg_id.len() > MSG_ID_BYTES_MAX {
            out.ignored += 1;
            return;
        }
        out.texts.push(self.audience(dst), msg_id, payload);
    }

    /// Existing clients write `*`, `#namespace`, `namespace`, or our own id, which is us alone.
    fn audience(&self, dst: Option<&str>) -> Option<Destination> {
        match dst {
            Some(dst) if dst == self.own.as_str() => None,
            Some(dst) if dst != "*" && !dst.is_empty() && !dst.contains('@') => {
                let namespace = dst.strip_prefix('#').unwrap_or(dst);
                let namespace = namespace.chars().take(64).collect();
                Some(Destination::Namespace(namespace))
            }
            _ => Some(Destination::Everyone),
        }
    }

    fn pong(&self, at: Moment<'_>, msg_id: &str, out: &mut Outputs) {
        if msg_id.len() > MSG_ID_BYTES_MAX {
            out.ignored += 1;
        } else {
            out.said.add(LineKind::Pong);
            encode::pong(&mut out.prompt, msg_id, at.timestamp);
        }
    }

    fn ponged(&mut self, now: Instant, msg_id: &str, out: &mut Outputs) {
        let sent = Uuid::try_parse(msg_id).ok().and_then(|id| {
            let at = self.pings.iter().position(|(ping, _)| *ping == id)?;
            self.pings.drain(..=at).next_back()
        });
        if self.pings.is_empty() {
            // Most of the time none is outstanding, on any of many links.
            self.pings = VecDeque::new();
        }
        match sent {
            Some((_, sent_at)) => out.rtts.push(now.saturating_duration_since(sent_at)),
            None => out.ignored += 1,
        }
    }
}

#[cfg(test)]
mod ending_tests;
#[cfg(test)]
mod tests;

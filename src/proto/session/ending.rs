//! How a session ends: BYE from either side, the end of the stream, the deadlines.

use std::time::Instant;

use uuid::Uuid;

use super::{BYE_WAIT, MSG_ID_BYTES_MAX, Outputs, Phase, Session};
use crate::{
    proto::{close::CloseReason, link::Direction},
    wire::{encode, identity::PeerId, kind::LineKind},
};

impl Session {
    /// The stream ended: by a FIN, or because `broken`. After a FIN the peer may still read what it asked for.
    pub fn end_of_stream(&mut self, now: Instant, broken: Option<String>, out: &mut Outputs) {
        match &mut self.phase {
            Phase::Finishing {
                peer_ended,
                we_ended: false,
                ..
            } if broken.is_none() => *peer_ended = true,
            phase => {
                let answers = matches!(phase, Phase::Open | Phase::Leaving { .. });
                let clean = broken.is_none();
                let reason = self.reason_of_end(broken);
                match answers && clean {
                    true => self.finish(now, reason, true, out),
                    false => self.close(reason, out),
                }
            }
        }
    }

    /// All that was queued is written, and our FIN behind it.
    pub fn finished_writing(&mut self, out: &mut Outputs) {
        match &mut self.phase {
            Phase::Finishing {
                peer_ended: false,
                we_ended,
                ..
            } => *we_ended = true,
            Phase::Finishing { reason, .. } => {
                let reason = reason.clone();
                self.close(reason, out);
            }
            _ => {}
        }
    }

    /// Ends the link: with BYE and a wait for BYE_OK if it is open, or may be in the eyes of whoever has our HELLO;
    /// at once otherwise.
    pub fn leave(&mut self, now: Instant, reason: CloseReason, msg_id: Uuid, out: &mut Outputs) {
        match self.phase {
            Phase::Open
            | Phase::Handshake {
                said_hello: true, ..
            } => self.say_bye(now, reason, msg_id, out),
            Phase::Handshake { .. } => self.close(reason, out),
            _ => {}
        }
    }

    /// Ends the link without another word.
    pub fn close(&mut self, reason: CloseReason, out: &mut Outputs) {
        if self.phase != Phase::Closed {
            self.phase = Phase::Closed;
            out.closed = Some(reason);
        }
    }

    /// When [`Session::tick`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Handshake { deadline, .. }
            | Phase::Leaving { deadline, .. }
            | Phase::Finishing { deadline, .. } => Some(deadline),
            Phase::Open | Phase::Closed => None,
        }
    }

    /// Ends what has waited long enough.
    pub fn tick(&mut self, now: Instant, out: &mut Outputs) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        let reason = match &self.phase {
            Phase::Leaving { reason, .. } | Phase::Finishing { reason, .. } => reason.clone(),
            _ => CloseReason::HandshakeTimeout(self.handshake_timeout),
        };
        self.close(reason, out);
    }

    pub(super) fn bye(
        &mut self,
        now: Instant,
        msg_id: Option<&str>,
        reason: String,
        out: &mut Outputs,
    ) {
        let peer = self.peer.as_ref().map_or("", PeerId::as_str);
        let msg_id = msg_id
            .filter(|id| id.len() <= MSG_ID_BYTES_MAX)
            .unwrap_or_default();
        // Some clients read nothing behind BYE_OK: the ACKs of what came before their BYE go first.
        let lines = match out.acks.is_empty() {
            true => &mut out.prompt,
            false => &mut out.acks,
        };
        out.said.add(LineKind::ByeOk);
        encode::bye_ok(lines, msg_id, self.own.as_str(), peer);
        let reason = match &self.phase {
            Phase::Leaving { reason, .. } => reason.clone(),
            _ => CloseReason::PeerLeft(reason),
        };
        self.finish(now, reason, false, out);
    }

    fn finish(&mut self, now: Instant, reason: CloseReason, peer_ended: bool, out: &mut Outputs) {
        out.finish_writing = true;
        self.phase = Phase::Finishing {
            reason,
            deadline: now + BYE_WAIT,
            peer_ended,
            we_ended: false,
        };
    }

    fn reason_of_end(&self, broken: Option<String>) -> CloseReason {
        match (&self.phase, broken) {
            (Phase::Leaving { reason, .. } | Phase::Finishing { reason, .. }, _) => reason.clone(),
            (Phase::Handshake { .. }, _) if self.direction == Direction::Outbound => {
                CloseReason::Rejected(String::new())
            }
            (_, Some(error)) => CloseReason::Broken(error),
            (_, None) => CloseReason::EndOfStream,
        }
    }

    pub(super) fn bye_ok(&mut self, now: Instant, out: &mut Outputs) {
        match &self.phase {
            Phase::Leaving { reason, .. } => {
                let reason = reason.clone();
                self.finish(now, reason, true, out);
            }
            _ => out.ignored += 1,
        }
    }

    pub(super) fn say_bye(
        &mut self,
        now: Instant,
        reason: CloseReason,
        msg_id: Uuid,
        out: &mut Outputs,
    ) {
        let peer = self.peer.as_ref().map_or("", PeerId::as_str);
        let words = match reason {
            CloseReason::NameInUse => "name in use",
            CloseReason::Displaced => "busy",
            _ => "quit",
        };
        let msg_id = msg_id.to_string();
        out.said.add(LineKind::Bye);
        encode::bye(&mut out.prompt, &msg_id, self.own.as_str(), peer, words);
        out.said_bye = true;
        self.phase = Phase::Leaving {
            reason,
            deadline: now + BYE_WAIT,
        };
    }
}

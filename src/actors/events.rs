//! What happened in the node, as facts in the past tense: the only type that front ends subscribe to.

mod feed;

pub use feed::{EventTapped, Events, Listening, Tap};

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix::Message;

use crate::{
    proto::{
        link::Direction,
        outgoing::OwnMessage,
        texts::{Text, Texts},
    },
    wire::{destination::Destination, identity::PeerId},
};

/// Texts that arrived together, over one link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedTexts {
    /// The peer of the link.
    pub from: PeerId,
    /// The address of the link.
    pub address: SocketAddr,
    /// This node: to whom a text without an audience is addressed.
    pub to_us: Destination,
    /// The texts, in the order in which they came.
    pub texts: Texts,
}

impl ReceivedTexts {
    /// To whom the sender addressed this text.
    pub fn to<'a>(&'a self, text: Text<'a>) -> &'a Destination {
        text.audience.unwrap_or(&self.to_us)
    }
}

/// What became of the rendezvous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RendezvousEvent {
    /// We are registered; `hosted` if the server runs in this very process.
    Registered {
        /// The rendezvous as the settings name it, `host:port`.
        address: String,
        /// Whether this node hosts it.
        hosted: bool,
        /// The address the rendezvous saw, with the registered port.
        seen: String,
    },
    /// This node took the embedded rendezvous over.
    TakenOver {
        /// Where it listens.
        address: String,
    },
    /// It does not answer; said once until it answers again.
    Unreachable {
        /// The rendezvous as the settings name it.
        address: String,
        /// What happened, in words.
        reason: String,
    },
    /// It blocked this address for a while; the node waits it out.
    Blocked {
        /// The rendezvous as the settings name it.
        address: String,
        /// How long.
        wait: Duration,
    },
    /// It refused a request in a way that asking again will not change.
    Refused {
        /// The rendezvous as the settings name it.
        address: String,
        /// Its words, as they came.
        message: String,
        /// What the user can do.
        hint: String,
    },
    /// The port belongs to another program, which is left alone.
    ForeignProgram {
        /// The port.
        port: u16,
    },
    /// A port of the embedded rendezvous can be had by nobody; the next one is tried.
    UnusablePort {
        /// The port.
        port: u16,
        /// Why, in words.
        reason: String,
    },
    /// A live node answers under our own id: with a chosen name the node must end.
    NameTaken {
        /// Where it answers.
        address: SocketAddr,
    },
}

/// Something that happened. Front ends turn it into a line or a JSON object; none of them decides anything.
#[derive(Debug, Clone, PartialEq, Message)]
#[rtype(result = "()")]
pub enum NodeEvent {
    /// A link to a peer is open.
    PeerConnected {
        /// Who.
        peer: PeerId,
        /// Who dialled.
        direction: Direction,
        /// Its address.
        address: SocketAddr,
        /// Whether it is the only link to this peer.
        first: bool,
    },
    /// A link to a peer ended.
    PeerDisconnected {
        /// Who.
        peer: PeerId,
        /// Who had dialled.
        direction: Direction,
        /// Its address.
        address: SocketAddr,
        /// Why, in words.
        reason: String,
        /// Whether another link to it is open.
        still_linked: bool,
    },
    /// A peer that is not linked was given up for now: stale or failed.
    PeerUnreachable {
        /// Who.
        peer: PeerId,
        /// `stale` or `failed`.
        status: &'static str,
        /// Why, in words.
        reason: String,
    },
    /// A link under a known id came from another address than the id's own, living link.
    PeerConflict {
        /// The id in question.
        peer: PeerId,
        /// The address that is trusted.
        known: SocketAddr,
        /// The address that claims the same id.
        claimed: SocketAddr,
    },
    /// Texts arrived, at least one.
    TextsReceived(Arc<ReceivedTexts>),
    /// One of our texts was accepted and handed to links (or to the queue of a linked peer).
    TextSent {
        /// Which.
        message: Arc<OwnMessage>,
        /// How many peers it goes to.
        peers: usize,
    },
    /// One of our texts waits on disk for its peer.
    TextQueued {
        /// Which.
        message: Arc<OwnMessage>,
        /// Why, in words.
        reason: String,
        /// It was told before that it was queued or sent.
        again: bool,
    },
    /// A text that waited on disk was handed to a link.
    QueuedTextSent {
        /// Which.
        message: Arc<OwnMessage>,
    },
    /// A peer acknowledged a text.
    TextDelivered {
        /// Which.
        message: Arc<OwnMessage>,
        /// From writing the line to its ACK.
        rtt: Duration,
    },
    /// A peer has not acknowledged a text in time.
    AckTimedOut {
        /// Which.
        message: Arc<OwnMessage>,
        /// The time it had.
        after: Duration,
    },
    /// A text's last state is *sent*: written, never acknowledged, and not to be written again.
    TextUnconfirmed {
        /// Which.
        message: Arc<OwnMessage>,
        /// Why, in words.
        reason: String,
    },
    /// A text did not reach its peer.
    TextFailed {
        /// Which.
        message: Arc<OwnMessage>,
        /// Why, in words.
        reason: String,
    },
    /// What became of the rendezvous.
    Rendezvous(RendezvousEvent),
    /// The history on disk works again after it had failed, which was told as trouble.
    HistoryRecovered {
        /// How many times it failed.
        failures: u64,
    },
    /// A supervised actor failed and is replaced after `delay`.
    ActorRestarting {
        /// Which.
        actor: String,
        /// How it ended, in words.
        reason: String,
        /// The wait before its next incarnation.
        delay: Duration,
    },
    /// Something a user should know, with what can be done about it.
    Trouble {
        /// A stable word for programs, such as `queue_full`.
        code: &'static str,
        /// What happened.
        message: String,
        /// What to do next.
        hint: String,
    },
}

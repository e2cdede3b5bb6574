//! The messages of RouterActor: what it can be told and asked, and what it answers.

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::Message;
use thiserror::Error;
use uuid::Uuid;

use crate::{
    actors::events::ReceivedTexts,
    proto::{
        link::{Direction, LinkId},
        outgoing::OwnMessage,
        peer_table::Status,
    },
    store::{facts::Ticket, rows::Row},
    wire::{destination::Destination, identity::PeerId, rendezvous::Record},
};

/// An answer to DISCOVER: every peer that is registered now, without our own record.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct RecordsDiscovered {
    /// The records, at most [`RECORDS_MAX`](crate::wire::rendezvous::RECORDS_MAX).
    pub records: Arc<[Record]>,
}

/// Texts that came over a link, duplicates included; their ACKs leave once this is in the router's queue.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct TextsReceived(
    /// The texts of one chunk.
    pub Arc<ReceivedTexts>,
);

/// Message ids that a peer acknowledged.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct AcksReceived {
    /// Who.
    pub peer: PeerId,
    /// The ids, as they came.
    pub msg_ids: Arc<[String]>,
    /// When they came.
    pub at: Instant,
}

/// A peer as a user names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PeerName {
    /// `name@namespace`.
    Full(PeerId),
    /// `name`, if only one known peer has it.
    Short(String),
}

/// To whom a user sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipients {
    /// `*`: every linked peer.
    Everyone,
    /// `#namespace`: the linked peers of it.
    Namespace(String),
    /// One peer.
    Peer(PeerName),
}

/// A message before it is known to whom exactly it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its id on the wire; asking again with the same id sends nothing twice.
    pub msg_id: Uuid,
    /// Its number in this run of the node.
    pub number: u64,
    /// The text.
    pub text: Arc<str>,
    /// The `ref` of the command object that caused it.
    pub reference: Option<Arc<str>>,
}

/// A text and to whom it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendText {
    /// What.
    pub draft: Draft,
    /// To whom.
    pub to: Recipients,
    /// How long it may wait for a peer that is not linked yet; none: not at all.
    pub wait: Option<Duration>,
}

/// Sends texts in their order, up to the first for which a queue has no room ([`SendError::Full`]): an answer to each
/// that was looked at. Those behind it are to be sent again with it.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Vec<Result<Published, SendError>>")]
pub struct SendTexts {
    /// At least one.
    pub texts: Arc<[SendText]>,
    /// Peers that publications leave out while their queues are full, instead of waiting for room.
    pub skip: Arc<HashSet<PeerId>>,
}

/// How a text was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Published {
    /// How many peers it goes to; 0 while it waits.
    pub peers: usize,
    /// Who was left out because its queue was full.
    pub skipped: Vec<PeerId>,
    /// It waits for a peer that is not linked yet.
    pub waiting: bool,
    /// It waits on disk for its peer, once this is decided.
    pub queued: Option<Ticket>,
}

/// Why a text was not accepted; nothing of it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SendError {
    /// No peer is linked that it could go to.
    #[error("nobody is connected")]
    Nobody,
    /// The peer is known, but not linked.
    #[error("{peer} is not connected ({})", status.name())]
    NotLinked {
        /// Who.
        peer: PeerId,
        /// What it is to us.
        status: Status,
    },
    /// No known peer has that name.
    #[error("no peer {} is known", crate::wire::printable::Printable::id(.0))]
    Unknown(String),
    /// Several known peers have that name.
    #[error("several peers have that name: {}", list(.0))]
    Ambiguous(Vec<PeerId>),
    /// The text does not fit into a line of the protocol.
    #[error("the message is {0} bytes too long")]
    TooLong(usize),
    /// The queues of these peers are full; wait for room and ask again, or skip them.
    #[error("the queue is full of messages for {}", list(.0))]
    Full(Vec<PeerId>),
    /// The recipient is this node.
    #[error("that is this node itself")]
    Ourselves,
    /// Too many messages wait on disk for this peer.
    #[error("{1} messages wait for {0} already")]
    OutboxFull(PeerId, usize),
    /// Too many messages wait for peers that are not known yet.
    #[error("too many messages wait for peers")]
    WaitingFull,
}

fn list(peers: &[PeerId]) -> String {
    let shown: Vec<String> = peers.iter().take(5).map(ToString::to_string).collect();
    let more = peers.len().saturating_sub(shown.len());
    match more {
        0 => shown.join(", "),
        _ => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Finds out whom a user means.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Result<PeerId, SendError>")]
pub struct ResolvePeer(
    /// As typed.
    pub PeerName,
);

/// Dials a bare address: `/connect`, `--join`.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct DialAddress {
    /// Where.
    pub address: SocketAddr,
    /// Whether it is tried for ever.
    pub lasting: bool,
}

/// Dials every known peer that is not linked: `/reconnect`.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "usize")]
pub struct Reconnect;

/// Messages that waited on disk for too long: they have failed there.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct OutboxExpired(
    /// Which.
    pub Arc<[OwnMessage]>,
);

/// Asks for the known peers.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Vec<PeerRow>")]
pub struct ListPeers;

/// One row of `/peers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerRow {
    /// Who.
    pub peer: PeerId,
    /// What it is to us.
    pub status: Status,
    /// Where it is dialled, or where its newest link comes from.
    pub address: Option<SocketAddr>,
    /// Its links.
    pub links: usize,
    /// Our own messages that wait or are not acknowledged.
    pub queued: usize,
}

/// Asks for the open links.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Vec<LinkRow>")]
pub struct ListLinks;

/// One row of `/conn`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRow {
    /// Its number.
    pub link: LinkId,
    /// Who.
    pub peer: PeerId,
    /// Who dialled.
    pub direction: Direction,
    /// The address of the other end.
    pub address: SocketAddr,
    /// How long it has been open.
    pub age: Duration,
    /// How long nothing was heard.
    pub idle: Duration,
    /// Whether both ends parse a byte stream.
    pub stream: bool,
    /// Whether our messages leave here.
    pub writer: bool,
}

/// Asks for the last messages: `/history` where none is kept on disk.
#[derive(Debug, Clone, Message)]
#[rtype(result = "Vec<Row>")]
pub struct ListRecent {
    /// How many.
    pub count: usize,
    /// With whom; none: all.
    pub with: Option<Destination>,
}

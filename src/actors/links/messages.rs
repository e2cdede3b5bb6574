//! What links tell, and what they can be told.

use std::{net::SocketAddr, ops::Deref, sync::Arc, time::Instant};

use actix::{Message, Recipient};

use crate::{
    actors::{link_out::LinkOut, supervisor::PanicNow},
    proto::{
        close::CloseReason,
        link::{Direction, LinkId},
        outgoing::LinkKind,
        peer_table::Target,
    },
    wire::identity::PeerId,
};

/// A link is open; told to the router and the ping actor before anything that came over it.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub struct LinkOpened(
    /// Shared by all that have to do with it.
    pub Arc<OpenLink>,
);

impl Deref for LinkOpened {
    type Target = OpenLink;

    fn deref(&self) -> &OpenLink {
        &self.0
    }
}

/// What there is to know of an open link.
pub struct OpenLink {
    /// Its number.
    pub link: LinkId,
    /// Who is at the other end.
    pub peer: PeerId,
    /// Who dialled.
    pub direction: Direction,
    /// The address of the other end.
    pub address: SocketAddr,
    /// What was dialled, of an outbound link.
    pub target: Option<Target>,
    /// How the peer wants to be written to.
    pub kind: LinkKind,
    /// When it opened.
    pub opened: Instant,
    /// Its way out.
    pub out: Arc<LinkOut>,
    /// Makes it send a PING.
    pub ping: Recipient<SendPing>,
    /// Makes it end.
    pub leave: Recipient<CloseLink>,
    /// Makes its actor panic: the hidden `/debug panic peer`, and tests.
    pub panic: Recipient<PanicNow>,
}

/// A connection ended, whether it had become a link or not.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct LinkEnded {
    /// Its number.
    pub link: LinkId,
    /// Who was at the other end, if it said so.
    pub peer: Option<PeerId>,
    /// Who had dialled.
    pub direction: Direction,
    /// The address of the other end.
    pub address: SocketAddr,
    /// What was dialled, of an outbound connection.
    pub target: Option<Target>,
    /// How it was written to, if [`LinkOpened`] was told before.
    pub was_open: Option<LinkKind>,
    /// Why it ended.
    pub reason: CloseReason,
}

/// Sends a PING on a link.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct SendPing;

/// Ends a link: with BYE and a short wait for BYE_OK, if `say_bye`.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct CloseLink {
    /// Why.
    pub reason: CloseReason,
    /// Whether the peer is told.
    pub say_bye: bool,
}

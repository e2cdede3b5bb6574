//! What links tell, and what they can be told.

use std::{net::SocketAddr, ops::Deref, sync::Arc, time::Instant};

use actix::{Addr, Message};

use crate::{
    actors::{link_out::LinkOut, peer::PeerActor, supervisor::PanicNow},
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

/// What the actor of a link can be told. One handle for all: there is one for each of many links.
pub trait LinkActor: Send + Sync {
    /// Sends a PING.
    fn ping(&self);
    /// Ends the link.
    fn close(&self, how: CloseLink);
    /// Panics: the hidden `/debug panic peer`, and tests.
    fn panic(&self);
}

impl LinkActor for Addr<PeerActor> {
    fn ping(&self) {
        self.do_send(SendPing);
    }

    fn close(&self, how: CloseLink) {
        self.do_send(how);
    }

    fn panic(&self) {
        self.do_send(PanicNow);
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
    /// Its actor.
    pub actor: Box<dyn LinkActor>,
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

//! RendezvousActor.

use actix::Message;

/// A link to a peer of this machine ended: the host of the embedded rendezvous may have gone with it.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct LinkEndedHere;

//! Bytes to values and back: identities, messages, framing, limits. Knows no clock, socket or actor.

pub mod ascii_json;
pub mod destination;
pub mod greeting;
pub mod identity;
pub mod printable;
pub mod rendezvous;

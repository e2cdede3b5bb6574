//! Bytes to values and back: identities, messages, framing, limits. Knows no clock, socket or actor.

pub mod ascii_json;
pub mod codec;
pub mod destination;
pub mod encode;
pub mod identity;
pub mod kind;
mod lenient;
pub mod message;
pub mod printable;
pub mod pyjson;
pub mod rendezvous;
mod scan;
mod surrogates;

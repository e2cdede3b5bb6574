//! Decisions as pure machines: `handle(now, input) -> outputs`. No I/O, no actix, no clock, no randomness of their own.

pub mod admission;
pub mod backoff;
pub mod close;
pub mod directory;
pub mod duplicates;
pub mod filters;
pub mod hosting;
pub mod keep_alive;
pub mod link;
pub mod outgoing;
pub mod peer_table;
pub mod registration;
pub mod restart;
pub mod rtt;
pub mod session;
pub mod sleep;
pub mod texts;

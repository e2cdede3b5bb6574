//! Effects: sockets, timers and mailboxes. Thin handlers feed the machines of `proto` and apply their outputs.

pub mod chunk;
pub mod clock;
pub mod disk;
pub mod door;
pub mod events;
pub mod history;
pub mod kept;
pub mod link_out;
pub mod links;
pub mod listener;
pub mod peer;
pub mod pieces;
pub mod ping;
mod reader;
pub mod recent;
pub mod rendezvous;
pub mod router;
pub mod supervisor;
#[cfg(test)]
mod testing;
pub mod transport;

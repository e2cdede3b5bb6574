//! Effects: sockets, timers and mailboxes. Thin handlers feed the machines of `proto` and apply their outputs.

pub mod clock;
pub mod door;
pub mod events;
pub mod rendezvous;
pub mod router;
pub mod supervisor;
pub mod transport;

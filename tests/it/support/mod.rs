//! Real programs, scripted peers and a scripted rendezvous client, for tests that wait for events and never for time.

mod control;
mod lines;
mod node;
mod peer;
mod rendezvous;
mod start;

use std::time::Duration;

pub use self::{
    control::{Control, control_path},
    node::Node,
    peer::RawPeer,
    rendezvous::{Server, ask, names_at},
    start::{Home, Ports, Start, node, papo, text_node},
};

/// No wait is longer: what is to come has come long before, also on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(40);

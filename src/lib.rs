//! papo: a peer-to-peer chat node built out of supervised actors.
//!
//! The house has floors, and dependencies point down, never up:
//!
//! - [`frontends`]: how people and programs meet the node.
//! - [`node`]: the composition root; start order, doors by constructor, ordered shutdown.
//! - [`rendezvous_server`]: the rendezvous server, one actor over a pure directory.
//! - [`actors`]: effects; thin handlers that feed [`proto`] and apply its outputs.
//! - [`proto`]: decisions, `handle(now, input) -> outputs`; no I/O, no actix, no clock.
//! - [`store`]: what was said, on disk; beside [`proto`], and the only place that knows SQL.
//! - [`wire`]: bytes to values and back; no clock, no sockets, no actix.
//!
//! Beside the floors stand, knowing nothing of the node: [`args`], [`settings`], [`paths`], [`login`], [`logging`], [`metrics`],
//! [`identity_lock`] and [`private_file`].

pub mod actors;
pub mod args;
pub mod frontends;
pub mod identity_lock;
pub mod logging;
pub mod login;
pub mod metrics;
pub mod metrics_server;
pub mod node;
pub mod paths;
pub mod private_file;
pub mod proto;
pub mod rendezvous_server;
pub mod settings;
pub mod store;
pub mod wire;

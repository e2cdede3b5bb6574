//! The real program over real sockets: nodes, rendezvous servers, peers that misbehave, and every way to end.

#![allow(
    clippy::unwrap_used,
    reason = "a test program: what fails there fails the test"
)]

mod adversity;
mod chatting;
mod control;
mod ending;
mod filters;
mod hostile;
mod hostile_input;
mod hosting;
mod house;
mod interop;
mod monitoring;
mod panics;
mod piping;
mod plain_starts;
mod prompt;
mod starting;
mod support;

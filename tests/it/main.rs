//! The real program over real sockets: nodes, rendezvous servers, peers that misbehave, and every way to end.

#![allow(
    clippy::unwrap_used,
    reason = "a test program: what fails there fails the test"
)]

mod chatting;
mod hostile_input;
mod hosting;
mod interop;
mod plain_starts;
mod support;

//! The checks of `tests/fuzz`, for libFuzzer.

#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    reason = "what makes inputs by chance is for `cargo test` alone, and a failed check is a finding"
)]

#[path = "../../tests/fuzz/codec.rs"]
pub mod codec;
#[path = "../../tests/fuzz/command.rs"]
pub mod command;
#[path = "../../tests/fuzz/harness/mod.rs"]
mod harness;
#[path = "../../tests/fuzz/message.rs"]
pub mod message;
#[path = "../../tests/fuzz/rendezvous.rs"]
pub mod rendezvous;
#[path = "../../tests/fuzz/session.rs"]
pub mod session;
#[path = "../../tests/fuzz/settings.rs"]
pub mod settings;

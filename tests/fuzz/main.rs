//! Fuzz targets: whatever bytes come in, from the network, a user or a file, nothing panics, nothing grows, and what
//! comes out is well formed. Ordinary tests on stable; `docs/testing.md` tells how to run them for hours.
//!
//! Inputs are made by proptest (see `harness::random`), from random bytes, from the words of each language, and by
//! damaging the inputs in `corpus/`. An input that fails is put into the corpus, and is tried first ever after. The
//! same checks are the targets of libFuzzer in `fuzz/`, which is guided by coverage.

#![allow(
    clippy::unwrap_used,
    reason = "a test program: what fails there fails the test"
)]

mod codec;
mod command;
mod harness;
mod message;
mod rendezvous;
mod session;
mod settings;

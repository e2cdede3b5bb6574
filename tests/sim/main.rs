//! A seeded simulation: nodes made of the pure machines of `proto`, plain clients and a rendezvous, on a virtual network
//! and a virtual clock, with all that goes wrong there. After each event the invariants of `oracle` hold; and when
//! nothing goes wrong any more, all find one another, and what is said then reaches everybody exactly once.
//!
//! Everything follows from the seed. A failure prints its seed and the command that plays it again (`docs/testing.md`).

#![allow(
    clippy::unwrap_used,
    reason = "a test program: what fails there fails the test"
)]

mod context;
mod ending;
mod glue;
mod network;
mod oracle;
mod plain;
mod rendezvous;
mod runner;
mod scenario;
mod world;

use runner::{Plan, failures};

/// Seeds that failed once, with what they found.
const KEPT: &[u64] = &[];

/// So many seeds are played unless `PAPO_SIM_SEEDS` says otherwise: some twenty seconds on two cores, unoptimised.
const SEEDS: u64 = 300;

#[test]
fn whatever_goes_wrong_the_invariants_hold() {
    let plan = Plan::of_environment(SEEDS);
    assert_eq!(failures(&plan), Vec::<String>::new());
}

#[test]
fn seeds_that_failed_once_hold() {
    assert_eq!(failures(&Plan::of_seeds(KEPT)), Vec::<String>::new());
}

#[test]
fn a_seed_decides_everything() {
    for seed in 0..3 {
        assert_eq!(runner::counts(seed), runner::counts(seed), "seed {seed}");
    }
}

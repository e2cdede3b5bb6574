//! Plays seeds, several at a time, and says how to play a failing one again.

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Mutex,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use crate::{context::Trace, ending, oracle::Counts, world::World};

/// Which seeds are played.
pub struct Plan {
    seeds: Vec<u64>,
    /// The trace is printed even if nothing fails.
    verbose: bool,
}

/// So many failures are enough.
const FAILURES_MAX: usize = 3;

impl Plan {
    /// `count` seeds from 0; `PAPO_SIM_SEED` plays one instead, or is the first of `PAPO_SIM_SEEDS`.
    pub fn of_environment(count: u64) -> Self {
        let number = |name| {
            env::var(name)
                .ok()
                .map(|text| text.parse().expect("a number"))
        };
        let (first, count) = match (number("PAPO_SIM_SEED"), number("PAPO_SIM_SEEDS")) {
            (Some(seed), None) => {
                return Self {
                    seeds: vec![seed],
                    verbose: true,
                };
            }
            (first, many) => (first.unwrap_or(0), many.unwrap_or(count)),
        };
        Self {
            seeds: (first..first + count).collect(),
            verbose: false,
        }
    }

    /// These.
    pub fn of_seeds(seeds: &[u64]) -> Self {
        Self {
            seeds: seeds.to_vec(),
            verbose: false,
        }
    }
}

/// Plays the seeds of a plan; gives what failed.
pub fn failures(plan: &Plan) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    let work = || {
        while let Some(seed) = plan.seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            if failed.lock().unwrap().len() >= FAILURES_MAX {
                return;
            }
            if let Some(failure) = play(*seed, plan.verbose) {
                failed.lock().unwrap().push(failure);
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(work);
        }
    });
    failed.into_inner().unwrap()
}

/// What happened in the world of a seed, in numbers.
pub fn counts(seed: u64) -> (Counts, Option<String>) {
    let mut world = World::of(seed, Trace::default());
    let end = ending::play(&mut world).err();
    (world.ctx.oracle.counts, end)
}

/// Plays one seed; what failed, with the trace printed.
#[allow(
    clippy::print_stderr,
    reason = "the trace is for whoever runs the test, and only if something failed"
)]
fn play(seed: u64, verbose: bool) -> Option<String> {
    let failure = attempt(seed, Trace::default());
    if failure.is_none() && !verbose {
        return None;
    }
    // Everything follows from the seed: this time with a trace.
    let trace = Trace::kept();
    attempt(seed, trace.clone());
    eprintln!("{}", trace.lines().join("\n"));
    let failure = failure?;
    let command = format!("PAPO_SIM_SEED={seed} cargo test --test sim whatever -- --nocapture");
    eprintln!("seed {seed}: {failure}\nplay it again: {command}\n");
    Some(format!("seed {seed}: {failure}; play it again: {command}"))
}

fn attempt(seed: u64, trace: Trace) -> Option<String> {
    let attempt = || {
        let mut world = World::of(seed, trace);
        ending::play(&mut world).err()
    };
    catch_unwind(AssertUnwindSafe(attempt)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        Some(format!("a panic: {}", words.unwrap_or_default()))
    })
}

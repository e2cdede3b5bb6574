//! Five nodes under load, one of them killed every ten seconds and started again under its name; at the end the books
//! are checked: no message lost between nodes that lived through it, none shown twice, memory flat, no descriptor
//! leaked. `examples/soak.sh` builds and runs it; `docs/soak.md` explains the report.
//!
//! It knows the program only from outside: its command line, its JSON lines and `/proc`.
#![expect(clippy::print_stdout, reason = "the report is what it is run for")]

mod board;
mod fleet;
mod health;
mod ledger;
mod load;
mod process;
mod report;
mod verdict;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use fleet::Fleet;
use report::Report;

/// The nodes. The first is never killed: its memory and descriptors are watched from the beginning to the end.
const NAMES: [&str; 5] = ["alice", "bob", "carol", "dave", "eve"];

/// Time between two kills.
const KILL_EVERY: Duration = Duration::from_secs(10);

/// A killed node is started again within this time, at random.
const DOWN_MAX: Duration = Duration::from_secs(3);

/// Time between two looks at memory and descriptors.
const SAMPLE_EVERY: Duration = Duration::from_secs(5);

/// Time between two lines of progress.
const TELL_EVERY: Duration = Duration::from_secs(30);

/// Longest wait for all nodes to be linked, and for the last messages to end.
const SETTLE_MAX: Duration = Duration::from_secs(40);

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().map_or(Ok(600), |it| it.parse());
    let program = arguments.next().unwrap_or("target/release/papo".into());
    let (Ok(seconds), true) = (seconds, Path::new(&program).is_file()) else {
        println!(
            "usage: soak [SECONDS] [BINARY]  (no program at {program}, or no number of seconds)"
        );
        return ExitCode::from(2);
    };
    match run(Duration::from_secs(seconds), program.into()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(trouble) => {
            println!("the soak itself failed: {trouble}");
            ExitCode::FAILURE
        }
    }
}

/// Plays it all; whether it passed.
fn run(length: Duration, program: PathBuf) -> Result<bool, String> {
    let seed = seed();
    println!(
        "soak: {} nodes for {} s, seed {seed}",
        NAMES.len(),
        length.as_secs()
    );
    let mut random = fastrand::Rng::with_seed(seed);
    let mut fleet = Fleet::start(program)?;
    fleet.wait_until_linked(SETTLE_MAX)?;
    let mut report = Report::new(length, fleet.descriptors()?);
    fleet.load_all();
    let began = Instant::now();
    storm(&mut fleet, &mut report, &mut random, began + length)?;
    fleet.stop_load()?;
    println!(
        "load off after {} s; waiting for the last messages",
        began.elapsed().as_secs()
    );
    fleet.wait_until_quiet(SETTLE_MAX);
    fleet.wait_until_linked(SETTLE_MAX)?;
    report.close(&mut fleet)?;
    let passed = report.print();
    if !passed {
        println!("the logs are kept in {}", fleet.keep().display());
    }
    Ok(passed)
}

/// The seed of the kills, from the environment to repeat a run.
fn seed() -> u64 {
    let given = std::env::var("SOAK_SEED").ok();
    given
        .and_then(|it| it.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..))
}

/// Kills and starts nodes until it is time to end, and looks at their health.
fn storm(
    fleet: &mut Fleet,
    report: &mut Report,
    random: &mut fastrand::Rng,
    end: Instant,
) -> Result<(), String> {
    let begin = Instant::now();
    let (mut kill_at, mut sample_at, mut tell_at) = (begin + KILL_EVERY, begin, begin + TELL_EVERY);
    let mut down: Option<(usize, Instant)> = None;
    while Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
        let now = Instant::now();
        fleet.note_returns();
        if let Some((node, _)) = down.take_if(|(_, at)| now >= *at) {
            fleet.start_again(node)?;
        }
        // None so late that it could not come back before the end.
        if now >= kill_at && now + DOWN_MAX * 2 < end {
            kill_at += KILL_EVERY;
            let node = random.usize(1..NAMES.len());
            fleet.kill(node)?;
            down = Some((node, now + DOWN_MAX.mul_f64(random.f64())));
        }
        if now >= sample_at {
            sample_at += SAMPLE_EVERY;
            report.sample(begin.elapsed(), fleet);
        }
        if now >= tell_at {
            tell_at += TELL_EVERY;
            println!("{:>4} s  {}", begin.elapsed().as_secs(), fleet.progress());
        }
    }
    Ok(())
}

//! Measures the real node against a bare tokio twin over loopback, with the same load generator and in turns, and
//! prints a table of medians and ratios: `cargo bench --bench node [-- FIGURE... [--rounds N] [--only papo]]`.
//!
//! The rates of one machine say little, and halve when something else runs on it; the ratios of one run and the
//! processor time per message hold.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints its table"
)]

mod bare;
mod cores;
mod crowd;
mod figures;
mod lines;
mod link;
mod nats;
mod process;
mod report;

use std::{io, process::ExitCode};

use figures::{FIGURES, Figure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use process::Subject;
use report::Rounds;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some("bare") => serve_bare(&arguments[1..]),
        _ => Plan::from_arguments(&arguments).run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn serve_bare(arguments: &[String]) -> io::Result<()> {
    let port = arguments.first().and_then(|port| port.parse().ok());
    let publishes = arguments.get(1).is_some();
    bare::run(port.unwrap_or(0), publishes)
}

/// What the command line asks for.
struct Plan {
    figures: Vec<String>,
    rounds: Option<usize>,
    only: Option<String>,
}

impl Plan {
    /// Names of figures, `--rounds N` and `--only SUBJECT` (for a profiler); what cargo adds is ignored.
    fn from_arguments(arguments: &[String]) -> Self {
        let mut plan = Self {
            figures: Vec::new(),
            rounds: None,
            only: None,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--rounds" => plan.rounds = arguments.next().and_then(|it| it.parse().ok()),
                "--only" => plan.only = arguments.next().cloned(),
                other if other.starts_with("--") => {}
                name => plan.figures.push(name.to_owned()),
            }
        }
        plan
    }

    fn run(&self) -> io::Result<()> {
        raise_descriptors()?;
        cores::pin_self(cores::Core::Load);
        println!("{}", report::HEAD);
        let is_wanted = |figure: &&Figure| {
            self.figures.is_empty() || self.figures.iter().any(|it| it == figure.name)
        };
        for figure in FIGURES.iter().filter(is_wanted) {
            let rounds = self.measure(figure)?;
            for row in report::rows(figure, &rounds) {
                println!("{row}");
            }
        }
        Ok(())
    }

    /// The subjects take turns, so that whatever else the machine does meets all of them.
    fn measure(&self, figure: &Figure) -> io::Result<Rounds> {
        let mut subjects = vec![Subject::Bare, Subject::Node];
        subjects.extend(figure.others.iter().filter(|it| it.is_here()));
        if let Some(only) = &self.only {
            subjects.retain(|it| report::title(*it) == only);
        }
        let mut rounds: Vec<_> = subjects.into_iter().map(|it| (it, Vec::new())).collect();
        for _ in 0..self.rounds.unwrap_or(figure.rounds) {
            for (subject, values) in &mut rounds {
                values.push((figure.run)(*subject)?);
            }
        }
        Ok(Rounds(rounds))
    }
}

/// 10,000 links need as many descriptors, here and in the servers, which inherit the limit.
fn raise_descriptors() -> io::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(())
}

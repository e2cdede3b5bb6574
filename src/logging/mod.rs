//! The log: who writes where, at which levels, changeable while the node runs.
//!
//! It knows nothing of the node or its settings. The caller names the destinations; every line is made safe,
//! bounded and handed to a writer thread, so that neither a stranger's text nor a full disk can harm who logs. It
//! never writes to stdout, which belongs to the chat.

mod aside;
mod file;
mod format;
mod gate;
mod levels;
mod panics;
mod sink;
#[cfg(test)]
mod tests;

use std::io::{self, Write};
use std::path::PathBuf;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tracing::Level;
use tracing::Subscriber;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

pub use file::{Rotation, Turns};
pub use levels::{Levels, LevelsError};

pub use panics::{last_panic, log_panics};

use file::RotatingFile;
use format::{LineFormat, SafeFields};
use gate::LevelGate;
use sink::{Counted, Losses, Warnings};

/// Where lines go and which. A front end decides this (product, "Prompt, pipe, JSON").
#[derive(Debug, Clone)]
pub struct LogSetup {
    /// The levels to begin with.
    pub levels: Levels,
    /// Whether lines go to stderr: in a pipe and in `papo serve`.
    pub stderr: bool,
    /// Files that are appended to; their folders must exist.
    pub files: Vec<PathBuf>,
    /// When a file is put aside, and how many are kept of each.
    pub turns: Turns,
    /// Takes lines of WARN and above, for the terminal; what does not fit in is lost and counted.
    pub warnings: Option<mpsc::Sender<String>>,
    /// Modules whose warnings the terminal gets otherwise; their lines go to the files only.
    pub told_otherwise: &'static [&'static str],
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file cannot be opened; the user has to name another, or the node goes on without.
    #[error("cannot log to {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is a log already in this process: a fault of the program.
    #[error("the log was started twice")]
    Started,
}

/// Changes levels while the node runs (`/log`) and tells what was lost. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LogControl {
    gate: reload::Handle<LevelGate, Registry>,
    losses: Losses,
}

/// Writes out what waits when it is dropped, for at most about a second per destination. Kept by `main`.
#[must_use = "lines that wait are lost without the guard"]
#[derive(Debug)]
pub struct LogGuard(#[expect(dead_code, reason = "held for its drop")] Vec<WorkerGuard>);

/// Lines that may wait for a destination, each of at most 4 KiB; what comes on top is lost and counted.
const LINES_WAITING_MAX: usize = 4096;

/// Starts the log of this process.
///
/// # Errors
/// Nothing was started then; the caller may try again with fewer files.
pub fn start(setup: LogSetup) -> Result<(LogControl, LogGuard), LogError> {
    let (subscriber, control, guard) = build(setup)?;
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Started)?;
    Ok((control, guard))
}

impl LogControl {
    /// Applies `LEVEL` (for everything), `MODULE=LEVEL`, or a list of them, and says what is in force then.
    ///
    /// # Errors
    /// What is wrong with `text`; nothing has changed then.
    pub fn set(&self, text: &str) -> Result<String, LevelsError> {
        let mut answer = Ok(String::new());
        let change = |gate: &mut LevelGate| answer = gate.change(text);
        self.gate
            .modify(change)
            .expect("the subscriber lives as long as the process");
        answer
    }

    /// The levels in force.
    pub fn current(&self) -> String {
        self.gate
            .with_current(LevelGate::in_force)
            .expect("the subscriber lives as long as the process")
    }

    /// Lines lost since the start because a destination was full, slow or failing.
    pub fn lost_lines(&self) -> usize {
        self.losses.total()
    }
}

type Gated = tracing_subscriber::layer::Layered<reload::Layer<LevelGate, Registry>, Registry>;
type Destination = Box<dyn Layer<Gated> + Send + Sync>;

/// The subscriber, not yet installed: so that tests can have several.
fn build(
    setup: LogSetup,
) -> Result<(impl Subscriber + Send + Sync, LogControl, LogGuard), LogError> {
    let mut losses = Losses::default();
    let mut destinations = Vec::new();
    let mut guards = Vec::new();
    for writer in writers(&setup)? {
        let (queue, guard) = queue_before(writer, &mut losses);
        destinations.push(destination(queue, true));
        guards.push(guard);
    }
    if let Some(sender) = setup.warnings {
        let warnings = destination(Warnings::new(sender, &losses), false);
        let modules = setup.told_otherwise;
        let is_news = filter_fn(move |line| {
            let told = modules
                .iter()
                .any(|module| line.target().starts_with(module));
            *line.level() <= Level::WARN && !told
        });
        destinations.push(warnings.with_filter(is_news).boxed());
    }
    let (gate, handle) = reload::Layer::new(LevelGate::new(setup.levels));
    let subscriber = tracing_subscriber::registry().with(gate).with(destinations);
    Ok((
        subscriber,
        LogControl {
            gate: handle,
            losses,
        },
        LogGuard(guards),
    ))
}

fn writers(setup: &LogSetup) -> Result<Vec<Box<dyn Write + Send>>, LogError> {
    let mut writers: Vec<Box<dyn Write + Send>> = Vec::new();
    if setup.stderr {
        writers.push(Box::new(io::stderr()));
    }
    for path in &setup.files {
        let file = RotatingFile::open(path.clone(), setup.turns, Timestamp::now());
        let named = |source| LogError::File {
            path: path.clone(),
            source,
        };
        writers.push(Box::new(file.map_err(named)?));
    }
    Ok(writers)
}

/// A bounded queue with a thread that writes; who logs never waits for a disk or a pipe.
fn queue_before(writer: Box<dyn Write + Send>, losses: &mut Losses) -> (NonBlocking, WorkerGuard) {
    let counted = Counted::new(writer, losses);
    let queue = NonBlockingBuilder::default()
        .buffered_lines_limit(LINES_WAITING_MAX)
        .lossy(true)
        .thread_name("papo-log");
    let (queue, guard) = queue.finish(counted);
    losses.watch(queue.error_counter());
    (queue, guard)
}

fn destination<W>(writer: W, timed: bool) -> Destination
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_ansi(false).log_internal_errors(false);
    layer
        .fmt_fields(SafeFields)
        .event_format(LineFormat { timed })
        .with_writer(writer)
        .boxed()
}

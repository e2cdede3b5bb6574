//! The gate every line passes: [`Levels`] as the layer of the subscriber that can be changed while it runs.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::levels::{Levels, LevelsError, contains};

/// Lets through what the levels want, and remembers the modules it has met.
#[derive(Debug)]
pub(super) struct LevelGate {
    levels: Levels,
    /// Targets of all places in the program that have logged, wanted or not: as many as the program has at most.
    met: Mutex<BTreeSet<&'static str>>,
}

impl LevelGate {
    /// A gate that has met nobody.
    pub fn new(levels: Levels) -> Self {
        Self {
            levels,
            met: Mutex::default(),
        }
    }

    /// Applies `LEVEL`, `MODULE=LEVEL` or a list of them and says what is in force then.
    pub fn change(&mut self, text: &str) -> Result<String, LevelsError> {
        self.levels = self.levels.with(text)?;
        Ok(match self.unmet(text) {
            Some(module) => format!(
                "{} (no module {module} has logged anything yet)",
                self.levels
            ),
            None => self.in_force(),
        })
    }

    /// The levels in force, as they may be written again.
    pub fn in_force(&self) -> String {
        self.levels.to_string()
    }

    /// The first module in a text such as `MODULE=LEVEL` that nothing met so far belongs to: perhaps it is misspelt.
    fn unmet<'a>(&self, text: &'a str) -> Option<&'a str> {
        let met = self.met.lock();
        let mut modules = text
            .split(',')
            .filter_map(|part| Some(part.split_once('=')?.0.trim()));
        modules.find(|module| !met.iter().any(|target| contains(target, module)))
    }
}

impl<S: Subscriber> Layer<S> for LevelGate {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.met.lock().insert(metadata.target());
        if self.levels.wants(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.levels.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.levels.highest())
    }
}

//! Which lines are wanted: a level for everything and exceptions per module. Pure; knows nothing of subscribers.

use std::fmt;
use std::str::FromStr;

use tracing::Metadata;
use tracing::level_filters::LevelFilter;

/// A level for everything, and exceptions for modules: `info`, `info,peer=debug,rendezvous=off`.
///
/// A module is named by one or more whole steps of its path: `peer` means `papo::actors::peer` and all below it. The
/// longest name that fits decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels {
    base: LevelFilter,
    modules: Vec<(String, LevelFilter)>,
}

/// Why a text says no levels. The user has to write it differently.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LevelsError {
    /// Not one of the six words.
    #[error("{0:?} is not a level; the levels are off, error, warn, info, debug and trace")]
    Level(String),
    /// Not the path of a module.
    #[error(
        "{0:?} is not a module; write the word a line of the log has before its colon, such as peer"
    )]
    Module(String),
    /// More than 64 modules have a level of their own.
    #[error(
        "more than {MODULES_MAX} modules have a level of their own; set one level for everything first"
    )]
    TooMany,
}

/// Most exceptions: each line that is new to the log is compared with all of them.
pub const MODULES_MAX: usize = 64;
/// Longest name of a module, in bytes.
const MODULE_BYTES_MAX: usize = 128;

impl Levels {
    /// Whether a line or span with this metadata is wanted.
    pub fn wants(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.of(metadata.target())
    }

    /// The most talkative level any module has.
    pub fn highest(&self) -> LevelFilter {
        self.modules
            .iter()
            .map(|(_, level)| *level)
            .fold(self.base, LevelFilter::max)
    }

    /// These levels after `LEVEL`, which resets everything, or `MODULE=LEVEL`, or a list of them.
    ///
    /// # Errors
    /// The first part that is wrong.
    pub fn with(&self, text: &str) -> Result<Self, LevelsError> {
        let mut levels = self.clone();
        for part in text.split(',').map(str::trim) {
            match part.split_once('=') {
                Some((module, level)) => levels.set(module.trim(), read_level(level.trim())?)?,
                None => {
                    levels = Self {
                        base: read_level(part)?,
                        modules: Vec::new(),
                    }
                }
            }
        }
        Ok(levels)
    }

    fn set(&mut self, module: &str, level: LevelFilter) -> Result<(), LevelsError> {
        if !is_module(module) {
            return Err(LevelsError::Module(
                module.chars().take(MODULE_BYTES_MAX).collect(),
            ));
        }
        if let Some((_, old)) = self.modules.iter_mut().find(|(name, _)| name == module) {
            *old = level;
        } else if self.modules.len() == MODULES_MAX {
            return Err(LevelsError::TooMany);
        } else {
            self.modules.push((module.to_owned(), level));
        }
        Ok(())
    }

    fn of(&self, target: &str) -> LevelFilter {
        let fitting = self
            .modules
            .iter()
            .filter(|(module, _)| contains(target, module));
        fitting
            .max_by_key(|(module, _)| module.len())
            .map_or(self.base, |(_, level)| *level)
    }
}

impl Default for Levels {
    /// `info` for everything.
    fn default() -> Self {
        Self {
            base: LevelFilter::INFO,
            modules: Vec::new(),
        }
    }
}

impl FromStr for Levels {
    type Err = LevelsError;

    fn from_str(text: &str) -> Result<Self, LevelsError> {
        Self::default().with(text)
    }
}

impl fmt::Display for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.base)?;
        self.modules
            .iter()
            .try_for_each(|(module, level)| write!(f, ",{module}={level}"))
    }
}

/// Whether the steps of `module` stand one after the other among those of `target`.
pub(super) fn contains(target: &str, module: &str) -> bool {
    format!("::{target}::").contains(&format!("::{module}::"))
}

fn is_module(module: &str) -> bool {
    let is_step = |step: &str| {
        !step.is_empty()
            && step
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    module.len() <= MODULE_BYTES_MAX && module.split("::").all(is_step)
}

fn read_level(word: &str) -> Result<LevelFilter, LevelsError> {
    const WORDS: [(&str, LevelFilter); 6] = [
        ("off", LevelFilter::OFF),
        ("error", LevelFilter::ERROR),
        ("warn", LevelFilter::WARN),
        ("info", LevelFilter::INFO),
        ("debug", LevelFilter::DEBUG),
        ("trace", LevelFilter::TRACE),
    ];
    let found = WORDS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word));
    found
        .map(|(_, level)| *level)
        .ok_or_else(|| LevelsError::Level(word.chars().take(MODULE_BYTES_MAX).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_read_and_written_alike() {
        for (text, written) in [
            ("info", "info"),
            ("WARN", "warn"),
            ("off", "off"),
            ("peer=debug", "info,peer=debug"),
            (
                "warn, peer = trace , rendezvous=off",
                "warn,peer=trace,rendezvous=off",
            ),
            ("peer=debug,peer=error", "info,peer=error"),
            ("papo::actors::peer=debug", "info,papo::actors::peer=debug"),
        ] {
            let levels: Levels = text.parse().unwrap();
            assert_eq!(levels.to_string(), written, "{text:?}");
            assert_eq!(written.parse(), Ok(levels));
        }
    }

    #[test]
    fn what_says_no_level_is_refused() {
        for text in [
            "",
            "loud",
            "peer=",
            "=debug",
            "peer=loud",
            "info,,debug",
            "pe er=debug",
            "a:b=info",
            "5",
            "peer=debug=x",
        ] {
            assert!(text.parse::<Levels>().is_err(), "{text:?} was read");
        }
    }

    #[test]
    fn exceptions_are_bounded() {
        let list = |count| {
            (0..count)
                .map(|i| format!("m{i}=debug"))
                .collect::<Vec<_>>()
                .join(",")
        };
        assert!(list(MODULES_MAX).parse::<Levels>().is_ok());
        assert_eq!(
            list(MODULES_MAX + 1).parse::<Levels>(),
            Err(LevelsError::TooMany)
        );
        assert!(
            format!("{}=debug", "a".repeat(MODULE_BYTES_MAX + 1))
                .parse::<Levels>()
                .is_err()
        );
    }

    #[test]
    fn a_level_alone_resets_the_exceptions() {
        let levels: Levels = "info,peer=trace".parse().unwrap();
        assert_eq!(levels.with("debug").unwrap().to_string(), "debug");
        assert_eq!(
            levels.with("rendezvous=off").unwrap().to_string(),
            "info,peer=trace,rendezvous=off"
        );
    }

    #[test]
    fn the_longest_fitting_module_decides() {
        let levels: Levels = "warn,actors=info,actors::peer=debug,session=off,eer=trace"
            .parse()
            .unwrap();
        for (target, level) in [
            ("papo::node", LevelFilter::WARN),
            ("papo::actors", LevelFilter::INFO),
            ("papo::actors::router", LevelFilter::INFO),
            ("papo::actors::peer", LevelFilter::DEBUG),
            ("papo::actors::peer::writer", LevelFilter::DEBUG),
            ("papo::proto::session", LevelFilter::OFF),
            ("papo::proto::sessions", LevelFilter::WARN),
            ("actix", LevelFilter::WARN),
        ] {
            assert_eq!(levels.of(target), level, "{target}");
        }
        assert_eq!(levels.highest(), LevelFilter::TRACE);
    }
}

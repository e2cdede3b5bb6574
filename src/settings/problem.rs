//! What can be wrong with settings, told so that the user can mend all of it in one go.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::origin::{Origin, excerpt, plain};

/// Everything that was wrong, in the order of the layers. The program exits with code 2.
#[derive(Debug, thiserror::Error)]
pub struct SettingsErrors(pub Vec<Problem>);

/// One thing wrong with the settings; always the user's to mend.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file of `--config` is missing, or a file cannot be read.
    #[error("{}: cannot be read: {source}", plain(&path.to_string_lossy()))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is far larger than settings can be.
    #[error("{}: larger than {limit} bytes: this is no settings file", plain(&path.to_string_lossy()))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Most bytes read.
        limit: u64,
    },
    /// The file is not text.
    #[error("{}:{line}: not valid UTF-8", plain(&path.to_string_lossy()))]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line of the first bad byte, from 1.
        line: usize,
    },
    /// The file is not TOML.
    #[error("{origin}: not valid TOML (column {column}): {message}")]
    Syntax {
        /// The file and line.
        origin: Origin,
        /// The column, from 1, in characters.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// No such setting.
    #[error("{origin}: {key} is not a setting; {}", hint(guess.as_deref(), known))]
    Unknown {
        /// Where it stands.
        origin: Origin,
        /// What was written, as `section.key`.
        key: String,
        /// The key that was probably meant, written as it would be there.
        guess: Option<String>,
        /// What there is instead.
        known: String,
    },
    /// The value is not allowed.
    #[error("{origin}: {key} = {value:?} is not allowed: {reason}; write {allowed}")]
    BadValue {
        /// Where it stands.
        origin: Origin,
        /// The key, `section.key`.
        key: String,
        /// What was written, shortened.
        value: String,
        /// What is wrong with it.
        reason: String,
        /// All that may be written.
        allowed: String,
    },
    /// The value is a list, a table or a number in another notation.
    #[error("{origin}: {key} is {kind}; write one text, decimal number or truth value")]
    NotSingle {
        /// Where it stands.
        origin: Origin,
        /// What was written, as `section.key`.
        key: String,
        /// What the value is.
        kind: &'static str,
    },
    /// Two values that are allowed each for itself, but not together.
    #[error("{one} {must} {other}")]
    Clash {
        /// One setting, `section.key = value (origin)`.
        one: String,
        /// What it must be, compared with the other one.
        must: &'static str,
        /// The other setting, written likewise.
        other: String,
    },
}

impl fmt::Display for SettingsErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [only] => write!(f, "the settings have a problem:\n  {only}"),
            all => {
                write!(f, "the settings have {} problems:", all.len())?;
                all.iter()
                    .try_for_each(|problem| write!(f, "\n  {problem}"))
            }
        }
    }
}

/// `section.name` as found, whatever it is, on one line.
pub(super) fn dotted(section: &str, name: &str) -> String {
    let path = if section.is_empty() {
        name.to_owned()
    } else {
        format!("{section}.{name}")
    };
    plain(&excerpt(&path))
}

fn hint(guess: Option<&str>, known: &str) -> String {
    match guess {
        Some(guess) => format!("did you mean {guess}? ({known})"),
        None => known.to_owned(),
    }
}

//! Where a value came from: one of the five layers, with the place in it. Knows nothing of values.

use std::fmt;
use std::path::Path;

/// The place a setting was read from, written so that a user finds it: `built-in`, `FILE:LINE`,
/// `environment PAPO_NODE__NAME`, `option --name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// `settings/default.toml` inside the binary: nobody chose the value.
    pub fn built_in() -> Self {
        Self("built-in".to_owned())
    }

    /// Whether nobody chose the value. A file never has this text: its line follows its name.
    pub fn is_built_in(&self) -> bool {
        *self == Self::built_in()
    }

    /// A line (from 1) of the user file or of the file of `--config`.
    pub(super) fn file(path: &Path, line: usize) -> Self {
        Self(format!("{}:{line}", plain(&path.to_string_lossy())))
    }

    /// An environment variable.
    pub(super) fn variable(name: &str) -> Self {
        Self(format!("environment {}", plain(&excerpt(name))))
    }

    /// An option of the command line, such as `--name`.
    pub(super) fn option(name: &str) -> Self {
        Self(format!("option {name}"))
    }

    /// What [`Origin::as_text`] gave, as it comes back out of the merged layers.
    pub(super) fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text that travels with the value through the merging of the layers.
    pub(super) fn as_text(&self) -> &String {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value as error texts quote it: its beginning, if it is long.
pub(super) fn excerpt(value: &str) -> String {
    const SHOWN_MAX: usize = 100;
    match value.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

/// A path, name or key on one line, whatever its author put into it.
pub(super) fn plain(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

//! Settings that are text: names, files and folders, levels of the log.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::form::Form;
use crate::logging::{Levels, LevelsError};
use crate::wire::identity::check_own_part;

/// A `name` or `namespace` of one's own (product, "Files"); says which of the two.
pub(super) struct OwnPart(pub &'static str);
/// The path of a file or folder.
pub(super) struct PathText;
/// What is logged, see [`Levels`].
pub(super) struct LogLevels;

impl Form for OwnPart {
    type Value = String;

    fn parse(&self, text: &str) -> Result<String, String> {
        check_own_part(self.0, text).map_err(|error| error.to_string())?;
        Ok(text.to_owned())
    }

    fn allowed(&self) -> String {
        "1 to 64 characters without blanks, control characters, @ or quotes, that do not begin with # & * or /".to_owned()
    }

    fn show(&self, value: &String) -> Value {
        Value::from(value.as_str())
    }
}

impl Form for PathText {
    type Value = PathBuf;

    fn parse(&self, text: &str) -> Result<PathBuf, String> {
        if text.is_empty() || text.contains('\0') {
            return Err("not a path".to_owned());
        }
        Ok(PathBuf::from(text))
    }

    fn allowed(&self) -> String {
        "a path".to_owned()
    }

    fn show(&self, value: &PathBuf) -> Value {
        Value::from(Path::to_string_lossy(value))
    }
}

impl Form for LogLevels {
    type Value = Levels;

    fn parse(&self, text: &str) -> Result<Levels, String> {
        text.parse().map_err(|error| match error {
            LevelsError::Level(word) => format!("{word:?} is not a level"),
            other => other.to_string(),
        })
    }

    fn allowed(&self) -> String {
        "off, error, warn, info, debug or trace, with exceptions as in info,peer=debug".to_owned()
    }

    fn show(&self, value: &Levels) -> Value {
        Value::from(value.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_a_name_and_keeps_its_zeros() {
        assert_eq!(OwnPart("name").parse("007"), Ok("007".to_owned()));
    }

    #[test]
    fn a_path_is_never_empty() {
        assert_eq!(PathText.parse("~/papo"), Ok(PathBuf::from("~/papo")));
        assert!(PathText.parse("").is_err());
        assert!(PathText.parse("a\0b").is_err());
    }
}

//! What is found in a settings file: each value as the text its author wrote, with its line.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::found::Found;
use super::key;
use super::origin::{Origin, plain};
use super::problem::Problem;

/// What became of a settings file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileState {
    /// Its settings are in force.
    Read,
    /// There is none, which is allowed for the user file.
    Missing,
}

/// Most bytes of a settings file; the built-in one with all its comments has 6 KiB.
const FILE_BYTES_MAX: u64 = 1 << 20;

type Name<'a> = Spanned<DeString<'a>>;

/// The text of a file, or nothing if it is missing and may be.
///
/// # Errors
/// The problem with the file as a whole.
pub(super) fn read(path: &Path, required: bool) -> Result<Option<String>, Problem> {
    match read_bytes(path) {
        Ok(bytes) => text_of(path, bytes).map(Some),
        Err(error) if !required && is_absent(path, &error) => Ok(None),
        Err(source) => Err(Problem::Unreadable {
            path: path.to_owned(),
            source,
        }),
    }
}

/// The settings in a TOML text; `origin` makes the origin of a line (from 1). What is no TOML is told alone: nobody
/// knows what the rest would mean.
pub(super) fn parse(
    text: &str,
    origin: impl Fn(usize) -> Origin,
) -> Result<Vec<Found>, Vec<Problem>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let syntax = |error| syntax(text, error, &origin);
        return Err(errors.iter().map(syntax).collect());
    }
    let found = |section: &str, name: &Name<'_>, value: &DeValue<'_>| Found {
        section: section.to_owned(),
        name: name.get_ref().to_string(),
        text: written(value),
        origin: origin(place(text, name.span().start).0),
    };
    let mut all = Vec::new();
    for (section, value) in document.get_ref() {
        match value.get_ref() {
            DeValue::Table(keys) if !keys.is_empty() => {
                all.extend(
                    keys.iter()
                        .map(|(name, value)| found(section.get_ref(), name, value.get_ref())),
                );
            }
            DeValue::Table(_) if key::is_section(section.get_ref()) => {}
            value => all.push(found("", section, value)),
        }
    }
    Ok(all)
}

fn syntax(text: &str, error: &toml::de::Error, origin: impl Fn(usize) -> Origin) -> Problem {
    let (line, column) = place(text, error.span().map_or(0, |span| span.start));
    Problem::Syntax {
        origin: origin(line),
        column,
        message: plain(error.message()),
    }
}

/// The text of a single value, or what it is instead. A number stays as it is written, so that `7` is a good name.
fn written(value: &DeValue<'_>) -> Result<String, &'static str> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Integer(_) => Err("not a decimal number"),
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Ok(truth.to_string()),
        DeValue::Datetime(time) => Ok(time.to_string()),
        DeValue::Array(_) => Err("a list"),
        DeValue::Table(_) => Err("a table"),
    }
}

/// At most one byte more than a settings file may have.
fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn text_of(path: &Path, bytes: Vec<u8>) -> Result<String, Problem> {
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(Problem::TooLarge {
            path: path.to_owned(),
            limit: FILE_BYTES_MAX,
        });
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
        Problem::NotText {
            path: path.to_owned(),
            line,
        }
    })
}

/// Whether an error means that there is no such file: also when nobody may look into the folder, as in a container
/// that runs under another user than the owner of `HOME`.
fn is_absent(path: &Path, error: &io::Error) -> bool {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => true,
        io::ErrorKind::PermissionDenied => path.metadata().is_err(),
        _ => false,
    }
}

/// Line and column, both from 1, of a byte offset.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        1 + before.matches('\n').count(),
        1 + before[line_start..].chars().count(),
    )
}

//! Settings as they are found in a place, before anybody knows whether they exist or are allowed: here those of the
//! environment and of the command line, in `toml_file` those of a file.

use std::ffi::OsString;

use super::Argument;
use super::origin::Origin;

/// One setting as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The section as written; empty for what stands outside of any.
    pub section: String,
    /// The key as written.
    pub name: String,
    /// Its text, or what it is instead, such as "a list".
    pub text: Result<String, &'static str>,
    /// The place.
    pub origin: Origin,
}

/// The settings among environment variables. An empty one is not set; a name of another form is nobody's business.
pub(super) fn in_environment(variables: &[(OsString, OsString)]) -> Vec<Found> {
    let is_set = |(_, value): &&(OsString, OsString)| !value.is_empty();
    variables
        .iter()
        .filter(is_set)
        .filter_map(variable)
        .collect()
}

/// The settings given on the command line.
pub(super) fn in_arguments(arguments: &[Argument]) -> Vec<Found> {
    arguments.iter().map(argument).collect()
}

fn variable((variable, value): &(OsString, OsString)) -> Option<Found> {
    let variable = variable.to_str()?;
    let (section, name) = variable.strip_prefix("PAPO_")?.split_once("__")?;
    // Keys have small letters, variables capitals. One that mixes them must not pass for a setting, but be told of.
    let spell = match variable.contains(|c: char| c.is_ascii_lowercase()) {
        true => str::to_ascii_uppercase,
        false => str::to_ascii_lowercase,
    };
    Some(Found {
        section: spell(section),
        name: spell(name),
        text: value.to_str().map(str::to_owned).ok_or("not valid UTF-8"),
        origin: Origin::variable(variable),
    })
}

fn argument(argument: &Argument) -> Found {
    let (section, name) = argument.key.split_once('.').unwrap_or(("", argument.key));
    Found {
        section: section.to_owned(),
        name: name.to_owned(),
        text: Ok(argument.value.clone()),
        origin: Origin::option(argument.option),
    }
}

//! Why a line is no command, in the user's words.

use thiserror::Error;

use super::spec::{COMMANDS, Spec};
use crate::wire::printable::Printable;

/// Why a line is no command; `hint` says what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct CommandError {
    /// A stable word for programs.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub hint: String,
}

pub(super) fn bad_target(text: &str, why: &str) -> CommandError {
    CommandError {
        code: "bad_target",
        message: format!("{}: {why}", shown(text)),
        hint: "a target is a peer (bob or bob@lobby), * or #namespace".into(),
    }
}

pub(super) fn usage(name: &str) -> CommandError {
    let spec = COMMANDS.iter().find(|spec| spec.name == name);
    let (arguments, example) = spec.map_or(("", ""), |spec| (spec.arguments, spec.example));
    CommandError {
        code: "usage",
        message: format!("usage: /{name} {arguments}").trim_end().to_owned(),
        hint: format!("for example {example}"),
    }
}

pub(super) fn unknown(name: &str) -> CommandError {
    let distance = |spec: &&Spec| strsim::damerau_levenshtein(spec.name, name);
    let begins = |spec: &&Spec| !name.is_empty() && spec.name.starts_with(name);
    let nearest = COMMANDS.iter().min_by_key(distance);
    let near = COMMANDS.iter().find(begins);
    let near = near.or(nearest.filter(|spec| distance(spec) <= 2));
    CommandError {
        code: "unknown_command",
        message: format!("there is no command /{}", shown(name)),
        hint: match near {
            Some(spec) if !name.is_empty() => format!("did you mean /{}?", spec.name),
            _ => "/help lists the commands; //text sends a text that begins with a slash".into(),
        },
    }
}

/// The beginning of what was typed, safe to show.
pub(super) fn shown(text: &str) -> String {
    Printable::id(&shorten(text)).to_string()
}

pub(super) fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

//! The terminal: a line editor and a screen on which what arrives stands above the line being
//! typed, which stays intact.
//!
//! [`start`] takes the terminal and gives a [`TerminalWriter`] for all output and a channel with
//! what the user types. A thread of its own reads keys and draws, so a terminal that stands still
//! (a stopped multiplexer, a lost connection) never holds up the node. The `driver` is the only
//! room that touches the real terminal; all else is pure. Knows nothing of commands, peers or
//! messages: those come in as a [`Completer`], an [`Echo`] and finished lines.

mod attention;
pub mod completion;
mod driver;
mod editor;
mod history;
mod history_file;
mod keymap;
mod kill_ring;
mod layout;
mod line;
mod page;
mod paste;
mod queue;
mod screen;
mod search;
mod session;
mod text;
mod writer;

use std::{path::PathBuf, sync::Arc};

pub use attention::Alert;
pub use completion::{Completer, Completion};
pub use driver::{restore, start, supported};
pub use line::LINE_BYTES_MAX;
pub use page::Page;
pub use writer::TerminalWriter;

/// What the user did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminalInput {
    /// A line was entered: not blank, at most [`LINE_BYTES_MAX`] bytes, no control characters.
    Line(String),
    /// Ctrl-C on an empty line.
    Interrupt,
    /// Ctrl-D on an empty line, or the terminal is gone.
    EndOfInput,
}

/// How the terminal begins.
pub struct TerminalOptions {
    /// The prompt, with its blank at the end; may have colours.
    pub prompt: String,
    /// Where the history is kept over sessions; `None` for this session only.
    pub history_path: Option<PathBuf>,
    /// Answers what can be typed.
    pub completer: Arc<dyn Completer>,
    /// What is shown again of an entered line.
    pub echo: Echo,
}

/// What stands above the block of an entered line (prompt, line) once the node has it; `None` if
/// the line is not to be seen again, because its effect will show it.
pub type Echo = fn(&str, &str) -> Option<String>;

/// The usual [`Echo`]: a command stands dim above its reply; a text to others (also `//text`)
/// comes back as the event of its sending and is not shown twice.
pub fn echo_commands(prompt: &str, line: &str) -> Option<String> {
    echo_plainly(prompt, line).map(|line| format!("\x1b[2m{line}\x1b[22m"))
}

/// The same where there are no colours.
pub fn echo_plainly(prompt: &str, line: &str) -> Option<String> {
    let is_command = line.starts_with('/') && !line.starts_with("//");
    is_command.then(|| format!("{prompt}{line}"))
}

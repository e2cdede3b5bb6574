//! How a session talks: to a person or to a program.

use crate::{
    frontends::cli::{render::Renderer, style::Style, text_log::TextLog},
    settings::Bell,
};

/// How a session talks.
pub struct Options {
    /// Events and answers as JSON, one object a line.
    pub json: bool,
    /// A person sits there: nothing is waited for, and errors say what to type next.
    pub interactive: bool,
    /// Whether `/debug` exists.
    pub debug: bool,
    /// Colour.
    pub renderer: Renderer,
    /// How the user of a terminal is told that a text is for them.
    pub bell: Bell,
    /// Where the session is told as text, too.
    pub text_log: Option<TextLog>,
}

impl Options {
    /// For a program: JSON, no colour, no bell, and it can wait.
    pub fn for_program(debug: bool) -> Self {
        Self {
            json: true,
            interactive: false,
            debug,
            renderer: Renderer {
                style: Style { color: false },
            },
            bell: Bell::Off,
            text_log: None,
        }
    }
}

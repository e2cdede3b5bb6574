//! Settings that are one of a few words, and switches.

use serde_json::Value;

use super::form::Form;
use crate::logging::Rotation;

/// What `rendezvous.mode` may say (product, "The rendezvous setting").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RendezvousMode {
    /// Remote if an address was chosen, otherwise embedded.
    Auto,
    /// Share the rendezvous of this machine, and host it if nobody does.
    Embedded,
    /// Use the server at `rendezvous.address`; never host.
    Remote,
    /// Do without.
    Off,
}

/// What `prompt.bell` may say: how a user is told that a text is for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bell {
    /// Not at all.
    Off,
    /// By the bell.
    Bell,
    /// By the title of the terminal.
    Title,
    /// By both.
    Both,
}

/// One of the words in the list, each with its value.
pub(super) struct Choice<T: 'static>(pub &'static [(&'static str, T)]);

/// `true` or `false`, also `on` and `off`.
pub(super) struct Switch;

/// Every mode with its word.
pub(super) const MODES: &[(&str, RendezvousMode)] = &[
    ("auto", RendezvousMode::Auto),
    ("embedded", RendezvousMode::Embedded),
    ("remote", RendezvousMode::Remote),
    ("off", RendezvousMode::Off),
];

/// Every way to be told, with its word.
pub(super) const BELLS: &[(&str, Bell)] = &[
    ("off", Bell::Off),
    ("bell", Bell::Bell),
    ("title", Bell::Title),
    ("both", Bell::Both),
];

/// Every rotation with its word.
pub(super) const ROTATIONS: &[(&str, Rotation)] = &[
    ("daily", Rotation::Daily),
    ("hourly", Rotation::Hourly),
    ("never", Rotation::Never),
];

impl<T: Copy + PartialEq + Sync> Form for Choice<T> {
    type Value = T;

    fn parse(&self, text: &str) -> Result<T, String> {
        let found = self.0.iter().find(|(word, _)| *word == text);
        found
            .map(|(_, value)| *value)
            .ok_or_else(|| "no such word".to_owned())
    }

    fn allowed(&self) -> String {
        let words: Vec<&str> = self.0.iter().map(|(word, _)| *word).collect();
        words.join(", ")
    }

    fn show(&self, value: &T) -> Value {
        let found = self.0.iter().find(|(_, known)| known == value);
        Value::from(found.map_or("", |(word, _)| *word))
    }
}

impl Form for Switch {
    type Value = bool;

    fn parse(&self, text: &str) -> Result<bool, String> {
        match text {
            "true" | "on" => Ok(true),
            "false" | "off" => Ok(false),
            _ => Err("neither on nor off".to_owned()),
        }
    }

    fn allowed(&self) -> String {
        "true or on, false or off".to_owned()
    }

    fn show(&self, value: &bool) -> Value {
        Value::from(*value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_as_its_value_and_shows_as_itself() {
        let form = Choice(MODES);
        for (word, value) in MODES {
            assert_eq!(form.parse(word), Ok(*value));
            assert_eq!(form.show(value), *word);
        }
        for text in ["", "AUTO", "on", "embedded "] {
            assert!(form.parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_switch_takes_words_and_truth_values() {
        for (text, value) in [
            ("on", Some(true)),
            ("true", Some(true)),
            ("off", Some(false)),
            ("false", Some(false)),
            ("1", None),
            ("", None),
        ] {
            assert_eq!(Switch.parse(text).ok(), value, "{text:?}");
        }
    }
}

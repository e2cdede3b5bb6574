//! Colour and time of what is shown. The colours are few and readable on dark and light backgrounds.

use std::{
    fmt::Display,
    hash::{Hash, Hasher},
};

use jiff::Zoned;

use crate::wire::identity::PeerId;

/// Whether to colour, decided once at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences for colour are written.
    pub color: bool,
}

/// Colours of senders: neither black nor white, none that means an error.
const SENDERS: [u8; 6] = [2, 3, 4, 5, 6, 13];

impl Style {
    /// A sender in its own colour, the same in every run.
    pub fn sender(self, peer: &PeerId) -> String {
        let mut hasher = std::hash::DefaultHasher::new();
        peer.as_str().hash(&mut hasher);
        let at = usize::try_from(hasher.finish() % 6).unwrap_or(0);
        self.paint(&format!("38;5;{}", SENDERS[at]), peer)
    }

    /// What is less important than the talk.
    pub fn dim(self, text: impl Display) -> String {
        self.paint("2", text)
    }

    /// What went wrong.
    pub fn bad(self, text: impl Display) -> String {
        self.paint("31", text)
    }

    fn paint(self, code: &str, text: impl Display) -> String {
        match self.color {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_string(),
        }
    }
}

/// The local time of day, `HH:MM:SS`.
pub fn time_of_day(at: &Zoned) -> String {
    at.strftime("%H:%M:%S").to_string()
}

/// A duration as people say it: `1.3 ms`, `12.0 s`, `3 min`, `2 h`.
pub fn duration(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs_f64();
    match duration.as_secs() {
        0 => format!("{:.1} ms", seconds * 1e3),
        1..=59 => format!("{seconds:.1} s"),
        60..=7199 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.0} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn without_colour_no_escape_sequence_is_written() {
        let peer = PeerId::parse("bob@X").unwrap();
        let plain = Style { color: false };
        assert_eq!(plain.sender(&peer), "bob@X");
        let coloured = Style { color: true };
        assert!(coloured.sender(&peer).starts_with("\u{1b}[38;5;"));
        assert_eq!(coloured.bad("x"), "\u{1b}[31mx\u{1b}[0m");
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        let shown = |ms| duration(Duration::from_micros(ms));
        assert_eq!(shown(1_312), "1.3 ms");
        assert_eq!(shown(12_000_000), "12.0 s");
        assert_eq!(shown(180_000_000), "3 min");
        assert_eq!(shown(7_200_000_000), "2 h");
    }
}

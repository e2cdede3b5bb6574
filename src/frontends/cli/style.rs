//! Colour and time of what is shown. The colours are few and readable on dark and light backgrounds.

use std::fmt::Display;

use jiff::Zoned;

use crate::wire::identity::PeerId;

/// Whether to colour, decided once at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether escape sequences for colour are written.
    pub color: bool,
}

/// Colours of senders, of the 256 that terminals have: each as readable on black as on white, none that means an error.
const SENDERS: [u8; 10] = [28, 30, 32, 63, 98, 100, 130, 133, 162, 164];

impl Style {
    /// A sender in its own colour, the same in every run.
    pub fn sender(self, peer: &PeerId) -> String {
        match self.color {
            true => self.paint(&format!("38;5;{}", color_of(peer)), peer),
            false => peer.to_string(),
        }
    }

    /// What the user should not miss.
    pub fn strong(self, text: impl Display) -> String {
        self.paint("1", text)
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

/// FNV-1a: the same in every version, which std's hashers do not promise.
fn color_of(peer: &PeerId) -> u8 {
    let hash = peer.as_str().bytes().fold(0x811c_9dc5, |hash: u32, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let count = u32::try_from(SENDERS.len()).unwrap_or(1);
    SENDERS[usize::try_from(hash % count).unwrap_or(0)]
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

    /// The contrast of two luminances (WCAG 2); what can be read easily has 4.5, what can be read has 3.
    fn contrast(a: f64, b: f64) -> f64 {
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// The luminance of one of the 216 colours behind the first 16.
    fn luminance(color: u8) -> f64 {
        let at = color - 16;
        let levels = [0.0, 95.0, 135.0, 175.0, 215.0, 255.0];
        let light = |step: u8| {
            let level: f64 = levels[usize::from(step)] / 255.0;
            ((level + 0.055) / 1.055).powf(2.4)
        };
        0.2126 * light(at / 36) + 0.7152 * light(at / 6 % 6) + 0.0722 * light(at % 6)
    }

    #[test]
    fn senders_can_be_read_on_black_and_on_white() {
        for color in SENDERS {
            let light = luminance(color);
            let least = contrast(light, 0.0).min(contrast(light, 1.0));
            assert!(least > 3.7, "{color}: {least}");
        }
    }

    #[test]
    fn a_sender_has_one_colour_and_few_share_it() {
        let color = |name: &str| color_of(&PeerId::parse(name).unwrap());
        assert_eq!(color("bob@lobby"), color("bob@lobby"));
        let of_class = (0..100).map(|n| color(&format!("student{n}@CIC")));
        let mut counts = std::collections::BTreeMap::new();
        of_class.for_each(|it| *counts.entry(it).or_insert(0) += 1);
        assert_eq!(counts.len(), SENDERS.len());
        assert!(counts.values().all(|count| *count <= 25), "{counts:?}");
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

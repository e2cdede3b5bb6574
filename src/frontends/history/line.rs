//! A message as a line of text: as at the prompt, with its date and what became of it. Pure.

use jiff::tz::TimeZone;

use crate::{
    frontends::cli::{life::fate_words, style::Style},
    store::rows::Row,
    wire::{destination::Destination, printable::Printable},
};

/// How lines are written.
pub(super) struct Lines {
    pub style: Style,
    pub zone: TimeZone,
}

impl Lines {
    /// `2026-11-20 13:20:00 KIND [alice@CIC] text`, or `2026-11-20 13:20:00 -> bob@CIC #12 text  (delivered in 1.3 ms)`.
    pub fn of(&self, row: &Row) -> String {
        let at = row.at.to_zoned(self.zone.clone());
        let time = at.strftime("%Y-%m-%d %H:%M:%S");
        let text = Printable::text(&row.text);
        if let Some(fate) = &row.fate {
            let words = self.style.dim(format!("({})", fate_words(fate, &row.to)));
            return format!("{time} -> {} #{} {text}  {words}", row.to, fate.number);
        }
        let from = row.peer.as_ref().map(|peer| self.style.sender(peer));
        let from = from.unwrap_or_default();
        match &row.to {
            Destination::Peer(_) => format!("{time} -> [{from}] {text}"),
            to => format!("{time} {to} [{from}] {text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontends::cli::life::testing::{own, received};
    use crate::store::facts::State;

    fn shown(row: &Row) -> String {
        let lines = Lines {
            style: Style { color: false },
            zone: TimeZone::UTC,
        };
        lines.of(row)
    }

    #[test]
    fn a_line_has_its_date_and_is_safe_to_show() {
        for (row, expected) in [
            (
                received("me@X", "hi"),
                "2026-01-02 03:04:05 -> [alice@X] hi",
            ),
            (
                received("*", "a\nb"),
                "2026-01-02 03:04:05 * [alice@X] a ⏎ b",
            ),
            (
                received("#X", "\u{1b}[2J"),
                "2026-01-02 03:04:05 #X [alice@X] \\u{1b}[2J",
            ),
            (
                own("bob@X", State::Delivered),
                "2026-01-02 03:04:05 -> bob@X #12 hi  (delivered in 1.3 ms)",
            ),
            (
                own("*", State::Sent),
                "2026-01-02 03:04:05 -> * #12 hi  (3 peers)",
            ),
        ] {
            assert_eq!(shown(&row), expected);
        }
    }
}

//! The line that says that a new day has begun: times on the screen have none. Pure.

use jiff::{Zoned, civil::Date};

/// Remembers the day of the last line.
#[derive(Debug, Clone, Copy)]
pub struct Days(Date);

impl Days {
    /// Lines of this day need no word.
    pub fn since(at: &Zoned) -> Self {
        Self(at.date())
    }

    /// What stands above a line of this time, if it is of another day than the one before.
    pub fn turn(&mut self, at: &Zoned) -> Option<String> {
        let is_other = at.date() != self.0;
        self.0 = at.date();
        is_other.then(|| format!("---------- {} ----------", at.strftime("%A, %-d %B %Y")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_is_announced_once_by_local_time() {
        let at = |text: &str| -> Zoned { text.parse().unwrap() };
        let mut days = Days::since(&at("2026-11-20T10:00:00-03[America/Sao_Paulo]"));
        assert_eq!(
            days.turn(&at("2026-11-20T23:59:59-03[America/Sao_Paulo]")),
            None
        );
        let midnight = days.turn(&at("2026-11-21T00:00:00-03[America/Sao_Paulo]"));
        assert_eq!(
            midnight.as_deref(),
            Some("---------- Saturday, 21 November 2026 ----------")
        );
        assert_eq!(
            days.turn(&at("2026-11-21T00:00:01-03[America/Sao_Paulo]")),
            None
        );
        let back = days.turn(&at("2026-11-01T00:00:01-03[America/Sao_Paulo]"));
        assert!(back.unwrap().contains("Sunday, 1 November"));
    }
}

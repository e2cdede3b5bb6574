//! Durations between two bounds: `30s`, `500ms`, `1h 30m`, or a plain number of seconds.

use std::time::Duration;

use serde_json::Value;

use super::form::Form;

/// A duration from `min` to `max`, both allowed.
pub(super) struct Span {
    /// The shortest one allowed.
    pub min: Duration,
    /// The longest one allowed.
    pub max: Duration,
}

/// Longest text read: no bound of any key needs more, and the parser need not meet numbers at the edge of `u64`.
const TEXT_BYTES_MAX: usize = 24;

impl Form for Span {
    type Value = Duration;

    fn parse(&self, text: &str) -> Result<Duration, String> {
        let duration = read(text)?;
        if duration < self.min {
            return Err("too short".to_owned());
        }
        if duration > self.max {
            return Err("too long".to_owned());
        }
        Ok(duration)
    }

    fn allowed(&self) -> String {
        let min = humantime::format_duration(self.min);
        let max = humantime::format_duration(self.max);
        format!("a duration from {min} to {max}, without a unit in seconds")
    }

    fn show(&self, value: &Duration) -> Value {
        Value::from(humantime::format_duration(*value).to_string())
    }
}

/// Whole days, hours, minutes, seconds and milliseconds as constants for the table of sections.
pub(super) const fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// See [`millis`].
pub(super) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// See [`millis`].
pub(super) const fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

/// See [`millis`].
pub(super) const fn hours(count: u64) -> Duration {
    minutes(60 * count)
}

fn read(text: &str) -> Result<Duration, String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err("too many characters for a duration".to_owned());
    }
    let number_only = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let parsed = if number_only && !text.is_empty() {
        humantime::parse_duration(&format!("{text}s"))
    } else {
        humantime::parse_duration(text)
    };
    parsed.map_err(|_| "not a duration".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_with_and_without_unit() {
        for (text, millis) in [
            ("30s", 30_000),
            ("500ms", 500),
            ("5min", 300_000),
            ("5m", 300_000),
            ("1h 30m", 5_400_000),
            ("30", 30_000),
            ("0.5", 500),
            ("0", 0),
            ("7200", 7_200_000),
        ] {
            assert_eq!(read(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "-1s",
            "-1",
            "s",
            "5 fortnights",
            "1e3",
            "nan",
            "inf",
            "1.",
            ".5",
            "1,5",
            "99999999999999999999999999s",
            "18446744073709551615s 1000ms",
        ] {
            assert!(read(text).is_err(), "{text:?} was read as {:?}", read(text));
        }
    }

    #[test]
    fn bounds_are_inclusive_and_hold() {
        let form = Span {
            min: millis(100),
            max: seconds(60),
        };
        for (text, good) in [
            ("100ms", true),
            ("99ms", false),
            ("60s", true),
            ("60.001s", false),
            ("0", false),
        ] {
            assert_eq!(form.parse(text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn a_shown_duration_reads_the_same_again() {
        let form = Span {
            min: millis(0),
            max: hours(48),
        };
        for text in ["0", "1ms", "90s", "7200", "1d", "0.5"] {
            let value = form.parse(text).unwrap();
            let shown = form.show(&value);
            assert_eq!(
                form.parse(shown.as_str().unwrap()),
                Ok(value),
                "{text} is shown as {shown}"
            );
        }
    }
}

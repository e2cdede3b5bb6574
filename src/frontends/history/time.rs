//! Points in time as one types them. Pure.

use jiff::{Timestamp, Zoned, civil};

/// Reads `2h` or `7d` (so long ago), `2026-11-20` (its beginning here), `2026-11-20T13:20` (here), or RFC 3339.
pub(super) fn parse(typed: &str, now: &Zoned) -> Result<Timestamp, String> {
    let wrong = || {
        format!(
            "{typed:?} is no time: write 2h or 7d (so long ago), 2026-11-20, or 2026-11-20T13:20:00Z"
        )
    };
    if let Ok(time) = typed.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(ago) = humantime::parse_duration(typed) {
        return now.timestamp().checked_sub(ago).map_err(|_| wrong());
    }
    let here = typed
        .parse::<civil::DateTime>()
        .or_else(|_| typed.parse::<civil::Date>().map(civil::DateTime::from));
    let zoned = here.and_then(|here| here.to_zoned(now.time_zone().clone()));
    zoned.map(|zoned| zoned.timestamp()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_ago_or_here_or_anywhere() {
        let now: Zoned = "2026-11-20T12:00:00-03:00[America/Sao_Paulo]"
            .parse()
            .unwrap();
        for (typed, expected) in [
            ("2h", "2026-11-20T13:00:00Z"),
            ("7d", "2026-11-13T15:00:00Z"),
            ("1h 30m", "2026-11-20T13:30:00Z"),
            ("2026-11-20", "2026-11-20T03:00:00Z"),
            ("2026-11-20T13:20", "2026-11-20T16:20:00Z"),
            ("2026-11-20T13:20:00Z", "2026-11-20T13:20:00Z"),
            ("2026-11-20T13:20:00+01:00", "2026-11-20T12:20:00Z"),
        ] {
            let expected: Timestamp = expected.parse().unwrap();
            assert_eq!(parse(typed, &now), Ok(expected), "{typed}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_with_examples() {
        let now: Zoned = "2026-11-20T12:00:00[UTC]".parse().unwrap();
        for typed in ["", "yesterday", "12", "2026-13-01", "999999999y", "-2h"] {
            let error = parse(typed, &now).unwrap_err();
            assert!(error.contains("7d"), "{error}");
        }
    }
}

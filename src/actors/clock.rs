//! The clocks of the actors: the monotonic one, real or tokio's virtual one in tests with time paused, and the
//! wall clock, which only ever appears in messages.

use std::{cell::RefCell, time::Instant};

use jiff::Timestamp;

/// Now, for intervals, deadlines and round-trip times.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Calls `with` with the wall clock as messages carry it, RFC 3339 in UTC with `Z`. The text is made once a second.
pub fn with_timestamp<R>(with: impl FnOnce(&str) -> R) -> R {
    thread_local! {
        static CACHE: RefCell<(i64, String)> = const { RefCell::new((i64::MIN, String::new())) };
    }
    let second = Timestamp::now().as_second();
    CACHE.with_borrow_mut(|(cached, text)| {
        if *cached != second {
            let now = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
            *text = now.to_string();
            *cached = second;
        }
    });
    CACHE.with_borrow(|(_, text)| with(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timestamp_of_messages_is_utc_to_the_second_with_z() {
        let text = with_timestamp(str::to_owned);
        assert_eq!(text.len(), "2025-10-27T10:00:00Z".len(), "{text}");
        assert!(text.ends_with('Z') && text.parse::<Timestamp>().is_ok());
    }
}

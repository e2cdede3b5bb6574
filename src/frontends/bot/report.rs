//! What the bot says: one line while it runs, and the report at the end. Pure.

use std::time::Duration;

use serde_json::{Value, json};

use super::tally::{Tally, rate};
use crate::frontends::{
    cli::{json::milliseconds, style::duration},
    exit::Exit,
};

/// The line while it runs.
pub(super) fn progress(tally: &Tally, elapsed: Duration, count: Option<u64>) -> String {
    let of = count.map_or(String::new(), |count| format!(" of {count}"));
    format!(
        "{}{of} sent, {} acknowledged, {} lost, {:.0}/s",
        tally.sent,
        tally.acknowledged,
        tally.lost,
        rate(tally.sent, elapsed)
    )
}

/// The report for people.
pub(super) fn words(tally: &Tally, to: &str, elapsed: Duration) -> String {
    let to = tally.target.as_deref().unwrap_or(to);
    let mut words = format!(
        "to {to}: {} sent, {} acknowledged, {} lost in {} ({:.1}/s)",
        tally.sent,
        tally.acknowledged,
        tally.lost,
        duration(elapsed),
        rate(tally.sent, elapsed)
    );
    for (count, what) in [(tally.queued, "queued on disk"), (tally.refused, "refused")] {
        if count > 0 {
            words += &format!(", {count} {what}");
        }
    }
    if tally.acknowledged == 0 && tally.reached > tally.sent {
        words += &format!("\n{} copies to peers", tally.reached);
    }
    if let (Some(half), Some(most), Some(max)) = percentiles(tally) {
        let [half, most, max] = [half, most, max].map(duration);
        words += &format!("\nlatency: p50 {half}, p99 {most}, max {max}");
    }
    if let Some(trouble) = &tally.trouble {
        words += &format!("\nlast trouble: {trouble}");
    }
    words
}

/// The report for programs.
pub(super) fn data(tally: &Tally, to: &str, elapsed: Duration, exit: Exit) -> Value {
    let (half, most, max) = percentiles(tally);
    let [half, most, max] = [half, most, max].map(|it| it.map(milliseconds));
    json!({
        "to": tally.target.as_deref().unwrap_or(to), "exit": exit.code(),
        "sent": tally.sent, "acknowledged": tally.acknowledged, "lost": tally.lost,
        "queued": tally.queued, "refused": tally.refused, "reached": tally.reached,
        "elapsed_ms": milliseconds(elapsed), "rate": rate(tally.sent, elapsed),
        "p50_ms": half, "p99_ms": most, "max_ms": max, "trouble": tally.trouble,
    })
}

/// The exit code: that of the worst that happened.
pub(super) fn exit(tally: &Tally) -> Exit {
    match tally {
        Tally {
            sent: 0,
            queued: 1..,
            ..
        } => Exit::Queued,
        Tally {
            sent: 0,
            refused: 1..,
            ..
        } => Exit::Usage,
        Tally {
            sent: 0,
            given: 1..,
            ..
        } => Exit::PeerUnknown,
        Tally { lost: 1.., .. } => Exit::NotAcknowledged,
        Tally { refused: 1.., .. } => Exit::Failure,
        Tally { queued: 1.., .. } => Exit::Queued,
        _ => Exit::Done,
    }
}

type Time = Option<Duration>;

fn percentiles(tally: &Tally) -> (Time, Time, Time) {
    let latency = &tally.latency;
    (latency.permille(500), latency.permille(990), latency.max())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_says_all_that_was_counted() {
        let mut tally = Tally {
            given: 10,
            sent: 10,
            acknowledged: 9,
            lost: 1,
            target: Some("bob@X".into()),
            ..Tally::default()
        };
        tally.latency.add(Duration::from_millis(2));
        let words = words(&tally, "bob", Duration::from_secs(2));
        let expected = "to bob@X: 10 sent, 9 acknowledged, 1 lost in 2.0 s (5.0/s)\n\
            latency: p50 2.0 ms, p99 2.0 ms, max 2.0 ms";
        assert_eq!(words, expected);
        let data = data(&tally, "bob", Duration::from_secs(2), exit(&tally));
        assert_eq!(
            (&data["rate"], &data["exit"], &data["max_ms"]),
            (&5.0.into(), &5.into(), &2.0.into())
        );
    }

    #[test]
    fn the_exit_code_is_that_of_the_worst() {
        let tally = |given, sent, lost, refused, queued| Tally {
            given,
            sent,
            lost,
            refused,
            queued,
            ..Tally::default()
        };
        for (tally, expected) in [
            (tally(0, 0, 0, 0, 0), Exit::Done),
            (tally(5, 5, 0, 0, 0), Exit::Done),
            (tally(5, 5, 1, 0, 0), Exit::NotAcknowledged),
            (tally(1, 0, 1, 0, 0), Exit::PeerUnknown),
            (tally(1, 0, 0, 1, 0), Exit::Usage),
            (tally(1, 0, 0, 0, 1), Exit::Queued),
            (tally(5, 4, 0, 1, 0), Exit::Failure),
        ] {
            assert_eq!(exit(&tally), expected, "{tally:?}");
        }
    }
}

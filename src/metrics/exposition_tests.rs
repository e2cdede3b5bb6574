use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use super::*;
use crate::wire::kind::{LineCounts, LineKind};

/// A text as Prometheus would read it: the type of each family, and the value of each series.
struct Scrape {
    families: BTreeMap<String, String>,
    series: BTreeMap<String, f64>,
}

/// Reads a text and checks its form: every family once with HELP and TYPE, every series once and of a family that was
/// announced just before, an end.
fn parse(text: &str) -> Scrape {
    let mut scrape = Scrape {
        families: BTreeMap::new(),
        series: BTreeMap::new(),
    };
    let mut helped = BTreeSet::new();
    let mut current = String::new();
    let mut lines = text.lines();
    assert_eq!(lines.next_back(), Some("# EOF"));
    for line in lines {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words[..] {
            ["#", "HELP", name, help] => {
                assert!(helped.insert(name.to_owned()), "{line}");
                assert!(help.ends_with('.'), "{line}");
            }
            ["#", "TYPE", name, kind] => {
                assert!(helped.contains(name), "{line}");
                let before = scrape.families.insert(name.to_owned(), kind.to_owned());
                assert_eq!(before, None, "{line}");
                current = name.to_owned();
            }
            ["#", "UNIT", name, "seconds"] => assert_eq!(name, current, "{line}"),
            _ => {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let name = series.split('{').next().unwrap();
                check_name(name, &current, &scrape.families[&current]);
                let value = value.parse().unwrap();
                let before = scrape.series.insert(series.to_owned(), value);
                assert_eq!(before, None, "{line}");
            }
        }
    }
    scrape
}

fn check_name(name: &str, family: &str, kind: &str) {
    let suffixes: &[&str] = match kind {
        "counter" => &["_total"],
        "gauge" => &[""],
        "histogram" => &["_sum", "_count", "_bucket"],
        _ => &[],
    };
    let is_right = |suffix: &&str| name == format!("{family}{suffix}");
    assert!(suffixes.iter().any(is_right), "{name} of {family}, {kind}");
    let is_plain = |c: char| c.is_ascii_lowercase() || c == '_';
    assert!(
        name.starts_with("papo_") && name.chars().all(is_plain),
        "{name}"
    );
}

fn some_metrics() -> Metrics {
    let metrics = Metrics::default();
    metrics.links_inbound.add(2);
    metrics.texts_skipped.add(3);
    metrics.dials.increment();
    let mut lines = LineCounts::default();
    lines.add(LineKind::Send);
    metrics.lines_in.add(lines);
    metrics.restarts.watch("router");
    metrics
        .restarts
        .failed("rendezvous server", Instant::now(), Duration::ZERO);
    metrics.ack_latency.record(Duration::from_millis(3));
    metrics.ack_latency.record(Duration::from_secs(60));
    metrics
}

fn some_gauges() -> Vec<Gauge> {
    let links = Gauge {
        name: "links",
        help: "Open links.",
        label: "direction",
        values: vec![("in", 4), ("out", 5)],
    };
    let queued = Gauge {
        name: "queued_messages",
        help: "Own messages.",
        label: "",
        values: vec![("", 7)],
    };
    vec![links, queued]
}

#[test]
fn what_was_counted_is_there_under_its_labels() {
    let scrape = parse(&render(&some_metrics(), some_gauges()));
    for (series, value) in [
        (r#"papo_links_opened_total{direction="in"}"#, 2.0),
        (r#"papo_links_opened_total{direction="out"}"#, 0.0),
        (r#"papo_drops_total{cause="queue_full"}"#, 3.0),
        ("papo_dials_total", 1.0),
        (r#"papo_messages_total{type="SEND",direction="in"}"#, 1.0),
        (r#"papo_messages_total{type="SEND",direction="out"}"#, 0.0),
        (r#"papo_actor_restarts_total{actor="router"}"#, 0.0),
        (
            r#"papo_actor_restarts_total{actor="rendezvous server"}"#,
            1.0,
        ),
        ("papo_ack_latency_seconds_count", 2.0),
        ("papo_ack_latency_seconds_sum", 60.003),
        (r#"papo_ack_latency_seconds_bucket{le="0.005"}"#, 1.0),
        (r#"papo_ack_latency_seconds_bucket{le="+Inf"}"#, 2.0),
        ("papo_rtt_seconds_count", 0.0),
        (r#"papo_links{direction="out"}"#, 5.0),
        ("papo_queued_messages", 7.0),
    ] {
        assert_eq!(scrape.series.get(series), Some(&value), "{series}");
    }
}

#[test]
fn every_counter_is_shown_once_by_itself_or_in_a_family() {
    let scrape = parse(&render(&Metrics::default(), Vec::new()));
    for (name, _, _) in Metrics::default().list() {
        let alone = scrape.families.contains_key(&format!("papo_{name}"));
        let members = FAMILIES.iter().flat_map(|it| it.members);
        let shared = members.filter(|it| it.0 == name).count();
        assert_eq!(usize::from(alone) + shared, 1, "{name}");
    }
    for family in FAMILIES {
        for (name, _) in family.members {
            let is_it = |row: &(&str, u64, &str)| row.0 == *name;
            assert!(Metrics::default().list().iter().any(is_it), "{name}");
        }
    }
}

#[test]
fn counters_and_buckets_only_grow() {
    let metrics = some_metrics();
    let before = parse(&render(&metrics, Vec::new()));
    for (_, counter) in metrics.lines_out.list().zip(0..) {
        let mut lines = LineCounts::default();
        lines.add(LineKind::ALL[counter]);
        metrics.lines_out.add(lines);
    }
    metrics.rtt.record(Duration::from_millis(1));
    metrics.bytes_in.add(10);
    let after = parse(&render(&metrics, Vec::new()));
    assert_eq!(before.families, after.families);
    let grown = before.series.iter().filter(|(series, value)| {
        let now = after.series[*series];
        assert!(now >= **value, "{series}");
        now > **value
    });
    // One for each type, bytes, and of the histogram its sum, its count and the buckets from 1 ms on.
    assert_eq!(grown.count(), 10 + 1 + 2 + 12);
}

#[test]
fn the_buckets_of_a_histogram_are_cumulative() {
    let scrape = parse(&render(&some_metrics(), Vec::new()));
    let buckets = scrape
        .series
        .iter()
        .filter(|(series, _)| series.starts_with("papo_ack_latency_seconds_bucket"));
    let mut buckets: Vec<(f64, f64)> = buckets
        .map(|(series, count)| {
            let bound = series.split('"').nth(1).unwrap();
            (bound.replace("+Inf", "inf").parse().unwrap(), *count)
        })
        .collect();
    buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
    assert!(buckets.is_sorted_by_key(|(_, count)| *count));
    assert_eq!(buckets.last(), Some(&(f64::INFINITY, 2.0)));
}

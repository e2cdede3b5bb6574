//! The metrics as text for Prometheus (OpenMetrics 1.0). No name of a peer and no text is among them.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, text},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::{Registry, Unit},
};

use super::{Metrics, histogram::Distribution};

/// The media type of [`render`]'s text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is so now, and may shrink again; told by whoever knows it when it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Gauge {
    /// Its name without `papo_`.
    pub name: &'static str,
    /// What it means.
    pub help: &'static str,
    /// The values, each with the value of its label; a gauge without a label has one, with an empty one.
    pub values: Vec<(&'static str, u64)>,
    /// The name of the label; empty for none.
    pub label: &'static str,
}

/// Counters that are shown as one, told apart by a label: its name, its meaning, its label, and its counters.
struct Family {
    name: &'static str,
    help: &'static str,
    label: &'static str,
    members: &'static [(&'static str, &'static str)],
}

const FAMILIES: &[Family] = &[
    Family {
        name: "links_opened",
        help: "Links that were opened.",
        label: "direction",
        members: &[("links_inbound", "in"), ("links_outbound", "out")],
    },
    Family {
        name: "bytes",
        help: "Bytes read from peers and written to them.",
        label: "direction",
        members: &[("bytes_in", "in"), ("bytes_out", "out")],
    },
    Family {
        name: "drops",
        help: "What was not taken, not kept or not brought to its end.",
        label: "cause",
        members: &[
            ("lines_ignored", "malformed"),
            ("texts_duplicate", "duplicate"),
            ("texts_skipped", "queue_full"),
            ("texts_failed", "failed"),
            ("texts_unconfirmed", "unconfirmed"),
            ("links_refused", "link_refused"),
            ("links_silent", "link_silent"),
            ("links_overloaded", "link_overloaded"),
            ("records_refused", "record_refused"),
            ("messages_poisoned", "poisoned"),
        ],
    },
];

/// All metrics and these gauges as text.
pub fn render(metrics: &Metrics, gauges: Vec<Gauge>) -> String {
    let mut registry = Registry::with_prefix("papo");
    registry.register_collector(Box::new(Snapshot::of(metrics, gauges)));
    let mut text = String::new();
    text::encode(&mut text, &registry).expect("writing to a string does not fail");
    text
}

/// What the metrics were at one time.
#[derive(Debug)]
struct Snapshot {
    counters: Vec<(&'static str, u64, &'static str)>,
    lines: Vec<([(&'static str, &'static str); 2], u64)>,
    restarts: Vec<(&'static str, u64)>,
    times: [(&'static str, &'static str, Distribution); 2],
    gauges: Vec<Gauge>,
}

impl Snapshot {
    fn of(metrics: &Metrics, gauges: Vec<Gauge>) -> Self {
        let ways = [("in", &metrics.lines_in), ("out", &metrics.lines_out)];
        let lines = ways.into_iter().flat_map(|(way, counters)| {
            let row = move |(kind, count): (crate::wire::kind::LineKind, u64)| {
                ([("type", kind.name()), ("direction", way)], count)
            };
            counters.list().map(row)
        });
        let restarts = metrics.restarts.list().into_iter();
        Self {
            counters: metrics.list(),
            lines: lines.collect(),
            restarts: restarts.map(|(actor, it)| (actor, it.count)).collect(),
            times: [
                (
                    "ack_latency",
                    "From the writing of a text to its ACK.",
                    metrics.ack_latency.now(),
                ),
                ("rtt", "From a PING to its PONG.", metrics.rtt.now()),
            ],
            gauges,
        }
    }

    fn counter(&self, name: &str) -> u64 {
        let row = self.counters.iter().find(|row| row.0 == name);
        row.map_or(0, |row| row.1)
    }

    fn encode_counters(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let is_member = |name| {
            FAMILIES
                .iter()
                .any(|it| it.members.iter().any(|it| it.0 == name))
        };
        for (name, value, help) in &self.counters {
            // Those are shown by actor.
            if !is_member(*name) && *name != "actor_restarts" {
                let encoder = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
                ConstCounter::new(*value).encode(encoder)?;
            }
        }
        for family in FAMILIES {
            let mut encoder =
                encoder.encode_descriptor(family.name, family.help, None, MetricType::Counter)?;
            for (name, label) in family.members {
                count(&mut encoder, &[(family.label, *label)], self.counter(name))?;
            }
        }
        Ok(())
    }

    fn encode_labelled(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let help = "Lines of the protocol, by type and direction.";
        let mut lines = encoder.encode_descriptor("messages", help, None, MetricType::Counter)?;
        for (labels, value) in &self.lines {
            count(&mut lines, labels, *value)?;
        }
        let help = "Actors that failed and were replaced.";
        let mut restarts =
            encoder.encode_descriptor("actor_restarts", help, None, MetricType::Counter)?;
        for (actor, value) in &self.restarts {
            count(&mut restarts, &[("actor", *actor)], *value)?;
        }
        Ok(())
    }

    fn encode_times(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        let unit = Unit::Seconds;
        for (name, help, times) in &self.times {
            let mut encoder =
                encoder.encode_descriptor(name, help, Some(&unit), MetricType::Histogram)?;
            encoder.encode_histogram::<NoLabelSet>(times.sum, times.count, &times.buckets, None)?;
        }
        Ok(())
    }

    fn encode_gauges(&self, encoder: &mut DescriptorEncoder) -> fmt::Result {
        for gauge in &self.gauges {
            let mut encoder =
                encoder.encode_descriptor(gauge.name, gauge.help, None, MetricType::Gauge)?;
            for (label, value) in &gauge.values {
                let value = ConstGauge::new(i64::try_from(*value).unwrap_or(i64::MAX));
                if gauge.label.is_empty() {
                    value.encode(encoder)?;
                    break;
                }
                value.encode(encoder.encode_family(&[(gauge.label, *label)])?)?;
            }
        }
        Ok(())
    }
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        self.encode_counters(&mut encoder)?;
        self.encode_labelled(&mut encoder)?;
        self.encode_times(&mut encoder)?;
        self.encode_gauges(&mut encoder)
    }
}

fn count<const N: usize>(
    encoder: &mut MetricEncoder,
    labels: &[(&str, &str); N],
    value: u64,
) -> fmt::Result {
    ConstCounter::new(value).encode(encoder.encode_family(labels)?)
}

#[cfg(test)]
#[path = "exposition_tests.rs"]
mod tests;

//! What is measured: round-trip times and counters.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Reply, align, cells};
use crate::{
    actors::ping::LinkRtt,
    frontends::cli::{json::milliseconds, spark::spark, style::duration},
    metrics::Metrics,
};

/// `/rtt`
pub fn rtts(rows: Vec<LinkRtt>) -> Reply {
    let data: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({"link": row.link.0, "peer": row.peer.as_str(), "count": row.rtt.count,
                "last_ms": milliseconds(row.rtt.last), "min_ms": milliseconds(row.rtt.min),
                "average_ms": milliseconds(row.rtt.average()), "jitter_ms": milliseconds(row.rtt.jitter),
                "p95_ms": milliseconds(row.rtt.p95()),
                "recent_ms": row.rtt.recent().into_iter().map(milliseconds).collect::<Vec<_>>()})
        })
        .collect();
    if rows.is_empty() {
        return Reply::line("no connection is open").with(json!({ "rtts": data }));
    }
    let mut table = vec![cells([
        "PEER", "LAST", "MIN", "AVERAGE", "P95", "JITTER", "RECENT", "PONGS",
    ])];
    for row in &rows {
        let measured = |value: Duration| match row.rtt.count {
            0 => "-".to_owned(),
            _ => duration(value),
        };
        table.push([
            row.peer.to_string(),
            measured(row.rtt.last),
            measured(row.rtt.min),
            measured(row.rtt.average()),
            measured(row.rtt.p95()),
            measured(row.rtt.jitter),
            spark(&row.rtt.recent()),
            row.rtt.count.to_string(),
        ]);
    }
    Reply::lines(align(&table)).with(json!({ "rtts": data }))
}

/// `/metrics`
pub fn metrics(metrics: &Metrics) -> Reply {
    let mut table: Vec<[String; 3]> = Vec::new();
    let mut data = serde_json::Map::new();
    for (name, value, help) in metrics.list() {
        table.push([name.to_owned(), value.to_string(), help.to_owned()]);
        data.insert(name.into(), value.into());
    }
    let ways = [
        ("lines_in", &metrics.lines_in, "that came."),
        ("lines_out", &metrics.lines_out, "that left."),
    ];
    for (name, counters, help) in ways {
        let mut of_kinds = serde_json::Map::new();
        for (kind, count) in counters.list().filter(|(_, count)| *count > 0) {
            let (kind, help) = (kind.name(), format!("Lines {} {help}", kind.name()));
            table.push([format!("{name} {kind}"), count.to_string(), help]);
            of_kinds.insert(kind.into(), count.into());
        }
        data.insert(name.into(), of_kinds.into());
    }
    let mut restarts = serde_json::Map::new();
    for (actor, it) in metrics.restarts.list() {
        let help = "Times that this actor failed and was replaced.".into();
        table.push([format!("restarts {actor}"), it.count.to_string(), help]);
        restarts.insert(actor.into(), it.count.into());
    }
    data.insert("restarts".into(), restarts.into());
    let times = [
        (
            "ack_latency",
            &metrics.ack_latency,
            "from the writing of a text to its ACK.",
        ),
        ("rtt", &metrics.rtt, "from a PING to its PONG."),
    ];
    for (name, histogram, help) in times {
        let now = histogram.now();
        let help = format!("Average of {} times {help}", now.count);
        table.push([name.to_owned(), duration(now.average()), help]);
        let average = milliseconds(now.average());
        data.insert(
            name.into(),
            json!({"count": now.count, "average_ms": average}),
        );
    }
    Reply::lines(align(&table)).with(Value::Object(data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::identity::PeerId;

    #[test]
    fn round_trip_times_have_a_line_of_blocks_and_each_of_the_last_ones() {
        let mut rtt = crate::proto::rtt::Rtt::default();
        let mut rows = vec![LinkRtt {
            link: crate::proto::link::LinkId(1),
            peer: PeerId::parse("bob@CIC").unwrap(),
            rtt,
        }];
        assert_eq!(rtts(Vec::new()).text(), "  no connection is open");
        let none = rtts(rows.clone());
        assert_eq!(none.data["rtts"][0]["recent_ms"], json!([]));
        for ms in [1, 8, 2] {
            rtt.add(Duration::from_millis(ms));
        }
        rows[0].rtt = rtt;
        let reply = rtts(rows);
        assert_eq!(
            reply.lines,
            [
                "PEER     LAST    MIN     AVERAGE  P95     JITTER  RECENT  PONGS",
                "bob@CIC  2.0 ms  1.0 ms  3.7 ms   8.0 ms  0.8 ms  ▁█▂     3",
            ]
        );
        let row = &reply.data["rtts"][0];
        assert_eq!(
            (&row["p95_ms"], &row["recent_ms"]),
            (&json!(8.0), &json!([1.0, 8.0, 2.0]))
        );
    }
}

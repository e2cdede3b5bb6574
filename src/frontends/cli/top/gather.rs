//! Asks a node for what `/top` shows.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::{ActorLine, PeerLine, Top, Totals};
use crate::{
    actors::{clock, ping::LinkRtt, router::PeerRow},
    frontends::cli::json::milliseconds,
    metrics::Metrics,
    node::{NodeError, NodeHandle},
    proto::{link::Direction, peer_table::Status},
};

/// What the next look is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    at: Instant,
    totals: Totals,
}

/// Looks at a node; with rates since `before`.
pub async fn gather(node: &NodeHandle, before: Option<Sample>) -> Result<(Top, Sample), NodeError> {
    let (peers, links, rtts) = (node.peers().await?, node.links().await?, node.rtts().await?);
    let (facts, metrics, now) = (node.facts(), node.metrics(), clock::now());
    let totals = totals(metrics);
    let is_inbound = |direction: &Direction| *direction == Direction::Inbound;
    let inbound = links
        .iter()
        .filter(|row| is_inbound(&row.direction))
        .count();
    let top = Top {
        peer_id: facts.own.as_str().to_owned(),
        up_ms: milliseconds(now.saturating_duration_since(facts.started)),
        inbound,
        outbound: links.len() - inbound,
        under_way: node.unsettled(),
        ack_ms: milliseconds(metrics.ack_latency.now().average()),
        rates: before.and_then(|before| {
            let passed = now.saturating_duration_since(before.at);
            totals.since(&before.totals, passed.as_secs_f64())
        }),
        totals,
        peers: peer_lines(peers, &rtts),
        actors: actor_lines(metrics, now),
    };
    Ok((top, Sample { at: now, totals }))
}

fn totals(metrics: &Metrics) -> Totals {
    Totals {
        lines_in: metrics.lines_in.list().map(|(_, count)| count).sum(),
        lines_out: metrics.lines_out.list().map(|(_, count)| count).sum(),
        bytes_in: metrics.bytes_in.get(),
        bytes_out: metrics.bytes_out.get(),
        sent: metrics.texts_sent.get(),
        delivered: metrics.texts_delivered.get(),
        received: metrics.texts_received.get(),
    }
}

/// Of several links to a peer the newest that was measured counts.
fn peer_lines(mut peers: Vec<PeerRow>, rtts: &[LinkRtt]) -> Vec<PeerLine> {
    let measured = rtts.iter().filter(|row| row.rtt.count > 0);
    let by_peer: HashMap<&str, &LinkRtt> = measured.map(|row| (row.peer.as_str(), row)).collect();
    peers.sort_by_key(|row| row.status != Status::Connected);
    let line = |row: PeerRow| {
        let rtt = by_peer.get(row.peer.as_str()).map(|row| row.rtt);
        let recent: Vec<Duration> = rtt.map(|rtt| rtt.recent()).unwrap_or_default();
        PeerLine {
            peer: row.peer.as_str().to_owned(),
            status: row.status.name().to_owned(),
            address: row.address.map(|address| address.to_string()),
            queued: row.queued,
            rtt_ms: rtt.map(|rtt| milliseconds(rtt.last)),
            p95_ms: rtt.map(|rtt| milliseconds(rtt.p95())),
            recent_ms: recent.into_iter().map(milliseconds).collect(),
        }
    };
    peers.into_iter().map(line).collect()
}

fn actor_lines(metrics: &Metrics, now: Instant) -> Vec<ActorLine> {
    let rows = metrics.restarts.list().into_iter();
    rows.map(|(actor, restarts)| ActorLine {
        actor: actor.to_owned(),
        restarts: restarts.count,
        backoff_ms: restarts.backoff(now).map(milliseconds),
    })
    .collect()
}

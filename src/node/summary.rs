//! The periodic summary in the log: connections, messages, round-trip times.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::NodeHandle;

/// Logs a summary every `interval`; not at all without one.
pub fn start(interval: Option<Duration>, node: NodeHandle) -> Option<JoinHandle<()>> {
    let interval = interval?;
    Some(actix_rt::spawn(async move {
        loop {
            tokio::time::sleep(interval).await;
            log(&node).await;
        }
    }))
}

async fn log(node: &NodeHandle) {
    // An actor between two incarnations has nothing to tell now.
    let (Ok(links), Ok(rtts)) = (node.links().await, node.rtts().await) else {
        return;
    };
    let measured = rtts.iter().filter(|row| row.rtt.count > 0);
    let last: Vec<Duration> = measured.map(|row| row.rtt.last).collect();
    let count = u32::try_from(last.len()).unwrap_or(u32::MAX);
    let average = last
        .iter()
        .sum::<Duration>()
        .checked_div(count)
        .unwrap_or_default();
    let inbound = links.iter().filter(|row| row.direction.name() == "inbound");
    let (inbound, all) = (inbound.count(), links.len());
    let metrics = node.metrics();
    tracing::info!(
        connections = all,
        inbound,
        outbound = all - inbound,
        sent = metrics.texts_sent.get(),
        delivered = metrics.texts_delivered.get(),
        received = metrics.texts_received.get(),
        timeouts = metrics.ack_timeouts.get(),
        average_rtt_ms = format!("{:.1}", average.as_secs_f64() * 1e3),
        "Summary"
    );
}

//! The endpoint for Prometheus in a node: what is so now, and what is said if it cannot be had.

use std::{io, rc::Rc, sync::Arc};

use super::Node;
use crate::{
    actors::{
        events::{Events, NodeEvent},
        kept::Kept,
        links::Links,
    },
    metrics::exposition::Gauge,
    metrics_server::{Gauges, MetricsServer},
};

impl Node {
    /// Starts the endpoint, if the settings name an address. Without it the node goes on, and says so: nobody should
    /// lose a chat over its statistics.
    pub(super) async fn start_metrics(
        &self,
        links: &Links,
        kept: &Arc<Kept>,
        events: &Events,
    ) -> Option<MetricsServer> {
        let address = self.settings.metrics.listen?;
        let started = MetricsServer::start(
            address,
            Arc::clone(&self.metrics),
            gauges(links.clone(), Arc::clone(kept)),
            self.policy,
            Rc::clone(&self.reports),
        );
        match started {
            Ok(server) => Some(server),
            Err(error) => {
                let trouble = trouble(address, &error);
                events.tell(trouble).await;
                None
            }
        }
    }
}

fn trouble(address: std::net::SocketAddr, error: &io::Error) -> NodeEvent {
    let words = crate::actors::transport::io_words(error);
    NodeEvent::Trouble {
        code: "no_metrics",
        message: format!("metrics cannot be served at {address}: {words}"),
        hint: "the node goes on without; choose another metrics.listen".into(),
    }
}

fn gauges(links: Links, kept: Arc<Kept>) -> Gauges {
    Rc::new(move || {
        let (inbound, outbound) = links.counts();
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let links = Gauge {
            name: "links",
            help: "Open links.",
            label: "direction",
            values: vec![("in", count(inbound)), ("out", count(outbound))],
        };
        let queued = Gauge {
            name: "unsettled_messages",
            help: "Own direct messages that have not reached their last state.",
            label: "",
            values: vec![("", count(kept.unsettled()))],
        };
        vec![links, queued]
    })
}

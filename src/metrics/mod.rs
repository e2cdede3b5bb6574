//! Counters of the node: one atomic each, added to wherever the thing happens; and what is counted by type, by actor
//! or by length of time. Read by `/metrics`, the summary line, and the endpoint for Prometheus ([`exposition`]).

pub mod by_actor;
pub mod exposition;
pub mod histogram;
pub mod lines;

use std::sync::atomic::{AtomicU64, Ordering};

use by_actor::ByActor;
use histogram::Histogram;
use lines::LineCounters;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }

    /// Adds several.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($name:ident: $help:literal,)*) => {
        /// All counters of one node.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $(#[doc = $help] pub $name: Counter,)*
            /// Lines that came, by type.
            pub lines_in: LineCounters,
            /// Lines that were given to links for writing, by type; own texts when they are written.
            pub lines_out: LineCounters,
            /// Actors that failed and were replaced, by their name.
            pub restarts: ByActor,
            /// From the writing of a text to its ACK.
            pub ack_latency: Histogram,
            /// From a PING to its PONG.
            pub rtt: Histogram,
        }

        impl Metrics {
            /// Name, value and meaning of every counter, in the order of their declaration.
            pub fn list(&self) -> Vec<(&'static str, u64, &'static str)> {
                vec![$((stringify!($name), self.$name.get(), $help),)*]
            }
        }
    };
}

counters! {
    links_inbound: "Links that peers opened.",
    links_outbound: "Links that this node opened.",
    links_lost: "Open links that ended without BYE.",
    links_refused: "Connections refused because a limit was reached, or their peer is blocked.",
    handshakes_failed: "Connections that never became a link.",
    dials: "Dials that were begun.",
    reconnects: "Peers whose last link was lost, and that are linked again.",
    bytes_in: "Bytes read from peers.",
    bytes_out: "Bytes written to peers.",
    texts_received: "Texts received and shown, SEND and PUB.",
    texts_duplicate: "Repeated texts that were not shown again.",
    texts_sent: "Texts accepted for sending, SEND and PUB.",
    texts_delivered: "Texts that were acknowledged.",
    ack_timeouts: "Texts not acknowledged in time.",
    texts_unconfirmed: "Texts that were written and never acknowledged.",
    texts_failed: "Texts that did not reach their peer.",
    texts_skipped: "Publications not given to a peer whose queue was full.",
    lines_ignored: "Lines that were no message of the protocol.",
    pings_sent: "PINGs sent.",
    pongs_received: "PONGs received.",
    links_silent: "Links closed because no byte came.",
    links_overloaded: "Links closed because the peer did not read what it caused.",
    records_refused: "Records of the rendezvous not taken because too many peers are known.",
    peer_conflicts: "Links under a known id from another address.",
    actor_restarts: "Actors that failed and were replaced.",
    messages_poisoned: "Messages dropped because an actor failed on them twice.",
    accept_pauses: "Times that accepting paused for want of file descriptors.",
    rendezvous_connections: "Connections to the rendezvous server.",
    rendezvous_blocked: "Connections refused because their address opened too many.",
    rendezvous_busy: "Connections and answers refused because too many were open.",
    rendezvous_timeouts: "Connections on which no whole request came in time.",
    rendezvous_registrations: "Records added or renewed.",
    rendezvous_discoveries: "Times that records were listed.",
    rendezvous_unregistrations: "Requests that removed records.",
    rendezvous_refusals: "Requests refused by the rendezvous server.",
    rendezvous_full: "Registrations refused for want of room.",
    rendezvous_saves: "Times that the records were written to their file.",
    rendezvous_save_failures: "Times that the records could not be written.",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_listed_under_their_names() {
        let metrics = Metrics::default();
        metrics.dials.increment();
        metrics.bytes_in.add(41);
        let value = |name| {
            metrics
                .list()
                .into_iter()
                .find(|row| row.0 == name)
                .unwrap()
                .1
        };
        assert_eq!(
            (value("dials"), value("bytes_in"), value("bytes_out")),
            (1, 41, 0)
        );
    }
}

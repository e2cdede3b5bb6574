//! The start of a node, before any actor exists: find or host the rendezvous, and see which names are in use there.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;

use super::{
    host::{HostRendezvous, Hosted},
    network::Network,
};
use crate::{
    actors::{clock, events::RendezvousEvent},
    proto::{
        hosting::{ASK_TIMEOUT, Bound, Hosting, Input, Output, Verdict},
        registration::{Endpoint, Outcome, RIVALS_MAX, records::Viewpoint},
    },
    wire::{
        identity::PeerId,
        rendezvous::{Answer, Record, Request},
    },
};

/// The start waits no longer than this for an embedded rendezvous: five silent ports, two seconds each. Then the
/// actor goes on looking.
pub const ESTABLISH_TIMEOUT: Duration = Duration::from_secs(11);

/// The setting `rendezvous.mode`, with `auto` already decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// No rendezvous: no RendezvousActor is started.
    Off,
    /// A given one; never hosts.
    Remote {
        /// `host:port`.
        address: String,
    },
    /// The one of this machine, hosted by whichever node comes first.
    Embedded {
        /// The ports on 127.0.0.1, in order; [`EMBEDDED_PORTS_COUNT`](crate::proto::hosting::EMBEDDED_PORTS_COUNT) of them.
        ports: Vec<u16>,
    },
}

/// What was found at the start; goes into [`Kept`](super::kept::Kept).
#[derive(Default)]
pub struct Established {
    /// The rendezvous; `hosted` in it says whether it is this process's own. `None`: mode `off`, or no port was left.
    pub endpoint: Option<Endpoint>,
    /// What is to be shown once the first line is out.
    pub events: Vec<RendezvousEvent>,
    pub(super) hosting: Option<Hosting>,
    pub(super) hosted: BTreeMap<u16, Box<dyn Hosted>>,
}

/// Finds the rendezvous, or hosts it. At once for a remote one, which is not asked; within [`ESTABLISH_TIMEOUT`] for
/// the embedded.
pub async fn establish(
    mode: &Mode,
    network: &dyn Network,
    host: &dyn HostRendezvous,
) -> Established {
    let mut established = Established::default();
    match mode {
        Mode::Off => {}
        Mode::Remote { address } => {
            established.endpoint = Some(Endpoint {
                address: address.as_str().into(),
                hosted: false,
                embedded: false,
            });
        }
        Mode::Embedded { ports } => {
            let mut hosting = Hosting::new(ports.clone());
            let settle = settle(&mut hosting, &mut established, network, host);
            if tokio::time::timeout(ESTABLISH_TIMEOUT, settle)
                .await
                .is_err()
            {
                tracing::debug!("no embedded rendezvous yet");
            }
            established.hosting = Some(hosting);
        }
    }
    established
}

/// One DISCOVER before anything is registered: all live records, with addresses that can be dialled from here. Empty if
/// nobody of this address is registered, or the rendezvous does not answer within `limit`.
pub async fn first_look(
    network: &dyn Network,
    endpoint: &Endpoint,
    own: &PeerId,
    limit: Duration,
) -> Vec<Record> {
    let to = Arc::clone(&endpoint.address);
    let request = Request::Discover { namespace: None };
    let exchange = network.request(to, None, request, limit).await;
    let Outcome::Answered(Answer::Ok(success)) = exchange.outcome else {
        return Vec::new();
    };
    let viewpoint = Viewpoint {
        own,
        seen: None,
        server: exchange.server.map(|server| server.ip()),
    };
    let records = success.peers.records.into_iter();
    records.map(|record| viewpoint.correct(record)).collect()
}

/// Where a live node answers under `name`, by the records of [`first_look`]; `None`: the name is free. `leftover` is
/// the identity's own last registration ([`LastRegistration::seen`](super::leftover::LastRegistration)), `own_port` where
/// this process listens.
pub async fn taken(
    network: &dyn Network,
    records: &[Record],
    name: &PeerId,
    own_port: u16,
    leftover: Option<SocketAddr>,
) -> Option<SocketAddr> {
    let viewpoint = Viewpoint {
        own: name,
        seen: None,
        server: None,
    };
    let rivals = viewpoint.rivals(records, leftover);
    first_taken(network, rivals, name, own_port).await
}

/// Dials all rivals at the same time.
pub(super) async fn first_taken(
    network: &dyn Network,
    mut rivals: Vec<SocketAddr>,
    own: &PeerId,
    own_port: u16,
) -> Option<SocketAddr> {
    rivals.truncate(RIVALS_MAX);
    let probes = rivals.iter().map(|at| network.probe(*at, own, own_port));
    let taken = join_all(probes).await;
    rivals
        .into_iter()
        .zip(taken)
        .find(|(_, taken)| *taken)
        .map(|(at, _)| at)
}

/// Where an embedded rendezvous at this port is.
pub(super) fn embedded(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// The endpoint of an embedded rendezvous.
pub(super) fn embedded_endpoint(port: u16, hosted: bool) -> Endpoint {
    Endpoint {
        address: embedded(port).to_string().into(),
        hosted,
        embedded: true,
    }
}

/// Asks a port of this machine for a rendezvous.
pub(super) async fn ask(network: &dyn Network, port: u16) -> Input {
    let address = embedded(port);
    let request = Request::Discover { namespace: None };
    let to = address.to_string().into();
    let exchange = network
        .request(to, Some(address), request, ASK_TIMEOUT)
        .await;
    Input::Asked {
        port,
        verdict: Verdict::from(&exchange.outcome),
    }
}

/// Runs the machine until a rendezvous is in use or no port is left.
async fn settle(
    hosting: &mut Hosting,
    established: &mut Established,
    network: &dyn Network,
    host: &dyn HostRendezvous,
) {
    let mut input = Input::Started;
    loop {
        let outputs = hosting.handle(clock::now(), input, fastrand::f64());
        input = Input::Tick;
        for output in outputs {
            match output {
                Output::Ask(port) => input = ask(network, port).await,
                Output::Bind(port) => input = bind(established, host, port).await,
                Output::Settled { port, hosted } => {
                    established.endpoint = Some(embedded_endpoint(port, hosted));
                    return;
                }
                Output::NoPort => return,
                Output::StopHosting(_) => {}
                Output::Foreign(port) => {
                    established
                        .events
                        .push(RendezvousEvent::ForeignProgram { port });
                }
                Output::Unusable { port, reason } => {
                    established
                        .events
                        .push(RendezvousEvent::UnusablePort { port, reason });
                }
            }
        }
        if input == Input::Tick {
            match hosting.next_wake() {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => return,
            }
        }
    }
}

async fn bind(established: &mut Established, host: &dyn HostRendezvous, port: u16) -> Input {
    let result = match host.bind(port).await {
        Ok(hosted) => {
            established.hosted.insert(port, hosted);
            Bound::Ok
        }
        Err(error) => Bound::from(&error),
    };
    Input::Bound { port, result }
}

#[cfg(test)]
#[path = "startup_tests.rs"]
mod tests;

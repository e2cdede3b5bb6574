//! The composition root: start order, doors by constructor, supervision, ordered shutdown. Everything the node is
//! made of is put together here; front ends get a [`NodeHandle`].

mod config;
mod descriptors;
mod filtering;
mod handle;
mod hosting;
mod monitoring;
mod running;
mod start;
mod startup;
mod summary;

use std::{net::SocketAddr, rc::Rc, sync::Arc};

use tokio::sync::mpsc;

pub use self::{
    config::{restart_policy, server_config},
    filtering::{FilterKeeper, KeepError},
    handle::{NodeError, NodeHandle, Texts},
    running::RunningNode,
    startup::StartError,
};
use self::{hosting::EmbeddedHost, startup::Prepared};
use crate::{
    actors::{
        rendezvous::network::{Network, TcpNetwork},
        supervisor::{Report, Reports},
    },
    metrics::Metrics,
    paths::Places,
    proto::restart::RestartPolicy,
    settings::Settings,
    wire::identity::PeerId,
};

/// A node that is about to start: everything is found and bound, no actor runs.
pub struct Node {
    settings: Settings,
    places: Places,
    joins: Vec<(String, u16)>,
    prepared: Prepared,
    network: Rc<dyn Network>,
    policy: RestartPolicy,
    metrics: Arc<Metrics>,
    reports: Reports,
    host: Rc<EmbeddedHost>,
    told: mpsc::UnboundedReceiver<Report>,
}

impl Node {
    /// Finds out who we are, binds, finds or hosts the rendezvous.
    pub async fn prepare(
        settings: Settings,
        places: Places,
        joins: Vec<(String, u16)>,
    ) -> Result<Self, StartError> {
        let metrics = Arc::new(Metrics::default());
        let policy = config::restart_policy(&settings.supervision);
        // Bounded by the supervision policy: few failures inside its window, then none.
        let (tell, told) = mpsc::unbounded_channel();
        let reports: Reports = Rc::new(move |report| drop(tell.send(report)));
        let network: Rc<dyn Network> = Rc::new(TcpNetwork);
        let host = Rc::new(EmbeddedHost {
            config: config::server_config(&settings.rendezvous_server),
            places: places.clone(),
            policy,
            reports: Rc::clone(&reports),
            metrics: Arc::clone(&metrics),
            panic: Arc::default(),
        });
        let has_joins = !joins.is_empty();
        let prepared = startup::prepare(
            &settings,
            &places,
            has_joins,
            network.as_ref(),
            host.as_ref(),
        )
        .await?;
        Ok(Self {
            settings,
            places,
            joins,
            prepared,
            network,
            policy,
            metrics,
            reports,
            host,
            told,
        })
    }

    /// Who we are.
    pub fn own(&self) -> &PeerId {
        &self.prepared.own
    }

    /// Where peers are accepted.
    pub fn listen(&self) -> Vec<SocketAddr> {
        let addresses = self.prepared.listeners.iter();
        addresses.filter_map(|it| it.local_addr().ok()).collect()
    }

    /// The rendezvous as the first line names it: `host:port`, and whether it is hosted here.
    pub fn rendezvous(&self) -> Option<(String, bool)> {
        let endpoint = self.prepared.established.endpoint.as_ref()?;
        Some((endpoint.address.to_string(), endpoint.hosted))
    }

    /// What the user should know of the start.
    pub fn notices(&self) -> Vec<String> {
        self.prepared.notices.clone()
    }

    /// Whether only this machine can reach us.
    pub fn is_private(&self) -> bool {
        let listen = self.listen();
        listen.iter().all(|address| address.ip().is_loopback())
    }

    /// Whether no other node can have this identity: nothing is locked where nothing can be written.
    pub fn is_locked(&self) -> bool {
        self.prepared.lock.is_some()
    }

    /// Where this node's files are.
    pub fn places(&self) -> &Places {
        &self.places
    }
}

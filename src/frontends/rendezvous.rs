//! `papo rendezvous`: a rendezvous server and no node.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    path::PathBuf,
    rc::Rc,
    sync::Arc,
};

use tokio::task::JoinHandle;

use super::{
    exit::{Exit, complain, say},
    signals::Signals,
};
use crate::{
    actors::{
        clock,
        supervisor::{Report, Reports},
    },
    logging::{self, LogSetup},
    metrics::Metrics,
    metrics_server::{Gauges, MetricsServer},
    node::{restart_policy, server_config},
    paths::Places,
    rendezvous_server::{self, RendezvousServer},
    settings::{Listen, Settings},
};

/// Serves until a signal ends it.
pub async fn run(settings: Settings, places: Places) -> Exit {
    let log = LogSetup {
        levels: settings.logging.level.clone(),
        stderr: true,
        files: settings
            .logging
            .file
            .iter()
            .map(|file| places.expand(file))
            .collect(),
        turns: settings.logging.turns(),
        warnings: None,
        told_otherwise: &[],
    };
    let _guard = match logging::start(log) {
        Ok((_, guard)) => guard,
        Err(error) => return complain(&error.to_string(), Exit::Failure),
    };
    logging::log_panics();
    let metrics = Arc::new(Metrics::default());
    match start(&settings, &places, &metrics) {
        Ok(server) => {
            let _watched = watch(&settings, &metrics);
            serve(server).await
        }
        Err(error) => {
            let hint = match error.kind() {
                io::ErrorKind::AddrInUse => " (is a server running already? choose another --port)",
                io::ErrorKind::PermissionDenied => " (ports below 1024 need rights)",
                _ => "",
            };
            let port = settings.rendezvous_server.port;
            complain(
                &format!("cannot listen on port {port}: {error}{hint}"),
                Exit::Failure,
            )
        }
    }
}

/// What tells how the server does; ends when it is dropped.
struct Watched {
    _endpoint: Option<MetricsServer>,
    summary: Option<JoinHandle<()>>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(summary) = &self.summary {
            summary.abort();
        }
    }
}

/// The endpoint for Prometheus and the summary line, as the settings say. The server goes on without them.
fn watch(settings: &Settings, metrics: &Arc<Metrics>) -> Watched {
    let policy = restart_policy(&settings.supervision);
    let endpoint = settings.metrics.listen.and_then(|address| {
        let none: Gauges = Rc::new(Vec::new);
        let server = MetricsServer::start(address, Arc::clone(metrics), none, policy, reports(metrics));
        let refused = |error: &io::Error| {
            tracing::warn!(%address, %error, "metrics cannot be served: choose another metrics.listen");
        };
        server.inspect_err(refused).ok()
    });
    let summary = settings.logging.summary_interval.map(|interval| {
        let metrics = Arc::clone(metrics);
        actix_rt::spawn(async move {
            loop {
                tokio::time::sleep(interval).await;
                summarize(&metrics);
            }
        })
    });
    Watched {
        _endpoint: endpoint,
        summary,
    }
}

fn summarize(metrics: &Metrics) {
    tracing::info!(
        connections = metrics.rendezvous_connections.get(),
        registrations = metrics.rendezvous_registrations.get(),
        discoveries = metrics.rendezvous_discoveries.get(),
        unregistrations = metrics.rendezvous_unregistrations.get(),
        refusals = metrics.rendezvous_refusals.get(),
        blocked = metrics.rendezvous_blocked.get(),
        busy = metrics.rendezvous_busy.get(),
        full = metrics.rendezvous_full.get(),
        timeouts = metrics.rendezvous_timeouts.get(),
        saves = metrics.rendezvous_saves.get(),
        save_failures = metrics.rendezvous_save_failures.get(),
        restarts = metrics.actor_restarts.get(),
        "Summary"
    );
}

fn start(
    settings: &Settings,
    places: &Places,
    metrics: &Arc<Metrics>,
) -> io::Result<RendezvousServer> {
    let mut config = server_config(&settings.rendezvous_server);
    let listeners = rendezvous_server::bind(&config)?;
    // With port 0 the system has chosen one: the records are of the server at that port.
    let bound = listeners.first().and_then(|it| it.local_addr().ok());
    let port = bound.map_or(config.port, |address| address.port());
    config.records_file = records_file(settings, places, port);
    let policy = restart_policy(&settings.supervision);
    RendezvousServer::start(
        &config,
        listeners,
        policy,
        reports(metrics),
        Arc::clone(metrics),
    )
}

fn records_file(settings: &Settings, places: &Places, port: u16) -> Option<PathBuf> {
    let address = match settings.rendezvous_server.listen {
        Listen::Address(ip) => ip.to_string(),
        Listen::Auto | Listen::All => "all".into(),
    };
    places.rendezvous_records(&address, port).ok()
}

fn reports(metrics: &Arc<Metrics>) -> Reports {
    let metrics = Arc::clone(metrics);
    Rc::new(move |report| log(report, &metrics))
}

fn log(report: Report, metrics: &Metrics) {
    match report {
        Report::Restarting { actor, exit, delay } => {
            metrics.actor_restarts.increment();
            metrics.restarts.failed(actor, clock::now(), delay);
            tracing::error!(actor, ?exit, ?delay, "An actor failed and is restarted");
        }
        Report::GaveUp { actor, exit } => {
            tracing::error!(actor, ?exit, "An actor failed too often and is given up");
        }
        Report::Poisoned { actor, message } => {
            metrics.messages_poisoned.increment();
            tracing::error!(
                actor,
                kind = message,
                "A message was dropped: its actor failed on it twice"
            );
        }
    }
}

async fn serve(mut server: RendezvousServer) -> Exit {
    let Ok(mut signals) = Signals::new() else {
        return complain("signals cannot be handled", Exit::Failure);
    };
    announce(server.local_addrs());
    let ended = tokio::select! {
        _ = signals.next() => None,
        exit = server.gave_up() => Some(exit),
    };
    tokio::select! {
        () = server.stop() => {}
        code = signals.next() => return Exit::Killed(code),
    }
    match ended {
        None => Exit::Done,
        Some(_) => complain(
            "the server failed too often; the log has the details",
            Exit::Failure,
        ),
    }
}

/// Says where it listens, and what the others type.
fn announce(addresses: &[SocketAddr]) {
    for address in addresses {
        let reachable = match address.ip().is_unspecified() {
            true => SocketAddr::new(own_ip(), address.port()),
            false => *address,
        };
        let lines = format!(
            "rendezvous listening on {address}\non the other machines:  papo --rendezvous {reachable}"
        );
        if let Err(error) = say(&lines) {
            tracing::debug!(%error, "Standard output is closed");
        }
    }
}

/// Our address on the way to the rest of the network; nothing is sent to find it.
fn own_ip() -> IpAddr {
    let routed = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        // An address of documentation (RFC 5737): connecting a datagram socket only chooses a route.
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    };
    routed().map_or(Ipv4Addr::LOCALHOST.into(), |address: SocketAddr| {
        address.ip()
    })
}

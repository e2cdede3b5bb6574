//! The first steps of a node, before any of its actors: who we are, where we listen, where the rendezvous is.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use thiserror::Error;
use tokio::net::TcpListener;

use crate::{
    actors::{
        rendezvous::{
            host::HostRendezvous,
            leftover::LastRegistration,
            network::Network,
            startup::{self, Established, Mode},
        },
        transport,
    },
    identity_lock::{IdentityLock, LockError},
    paths::Places,
    proto::hosting::EMBEDDED_PORTS_COUNT,
    settings::{EffectiveMode, Listen, Port, Settings},
    store::StoreError,
    wire::{
        encode,
        identity::{IdentityError, PeerId},
        rendezvous::Record,
    },
};

/// Why a node cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The name or the namespace cannot be used.
    #[error("{0}: choose another --name or --namespace")]
    Identity(#[from] IdentityError),
    /// HELLO would not fit into what some clients read.
    #[error(
        "the name and namespace are too long for the protocol's first line: choose shorter ones"
    )]
    HelloTooLong,
    /// The chosen identity runs on this machine.
    #[error("{} is already running here{}: choose another --name", peer, pid_words(*pid))]
    Running {
        /// Who.
        peer: PeerId,
        /// Its process.
        pid: Option<u32>,
    },
    /// Nearly a hundred nodes of this user run here.
    #[error("too many nodes of {0} run here: choose a --name")]
    TooMany(String),
    /// The port cannot be had.
    #[error("cannot listen on {address}: {source}{}", port_hint(source))]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The history on disk cannot be used; without it messages would be lost.
    #[error("{0}: {advice}", advice = .0.advice())]
    History(StoreError),
    /// No port from 4000 to 4999 is free.
    #[error("no port from 4000 to 4999 is free: choose one with --port, or 0 for any")]
    NoPort,
}

fn pid_words(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (pid {pid})"))
}

fn port_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => " (choose another --port, or 0 for any)",
        io::ErrorKind::PermissionDenied => {
            " (ports below 1024 need rights: choose a higher --port)"
        }
        _ => "",
    }
}

/// What the first steps came to.
pub struct Prepared {
    /// Who we are.
    pub own: PeerId,
    /// Held as long as the node runs; none where nothing can be written.
    pub lock: Option<IdentityLock>,
    /// Our folder, if it can be written.
    pub folder: Option<PathBuf>,
    /// Where peers are accepted.
    pub listeners: Vec<Arc<TcpListener>>,
    /// What was found of the rendezvous.
    pub established: Established,
    /// Whether nobody else has our name, so that this need not be asked again.
    pub name_checked: bool,
    /// What the user should know of all this.
    pub notices: Vec<String>,
}

/// The ports that are tried if none was chosen.
const PORTS: std::ops::RangeInclusive<u16> = 4000..=4999;

/// The most nodes of one default name.
const NUMBERED_MAX: u32 = 99;

/// Takes the first steps.
pub async fn prepare(
    settings: &Settings,
    places: &Places,
    joins: bool,
    network: &dyn Network,
    host: &dyn HostRendezvous,
) -> Result<Prepared, StartError> {
    let listeners = listen(settings, joins)?;
    let port = listeners.first().and_then(|it| it.local_addr().ok());
    let port = port.map_or(0, |address| address.port());
    // A chosen name is refused before anything is hosted in its name.
    let chosen = settings.node.name.clone();
    let mut claim = match &chosen {
        Some(name) => Some(claim(settings, places, name)?),
        None => None,
    };
    let established = startup::establish(&mode(settings), network, host).await;
    let mut notices = Vec::new();
    if claim.is_none() {
        let found = numbered(settings, places, &established, network, port).await?;
        notices.extend(found.1);
        claim = Some(found.0);
    }
    let Some((own, lock)) = claim else {
        return Err(StartError::TooMany(String::new()));
    };
    let folder = places
        .identity_dir(own.as_str())
        .ok()
        .filter(|_| lock.is_some());
    if lock.is_none() {
        notices.push(
            "nothing can be kept: the data folder cannot be written (--data-dir chooses another)"
                .into(),
        );
    }
    Ok(Prepared {
        own,
        lock,
        folder,
        listeners: listeners.into_iter().map(Arc::new).collect(),
        established,
        name_checked: chosen.is_none(),
        notices,
    })
}

/// Where the rendezvous is, by the settings.
pub fn mode(settings: &Settings) -> Mode {
    match settings.rendezvous_mode() {
        EffectiveMode::Off => Mode::Off,
        EffectiveMode::Remote => Mode::Remote {
            address: settings.rendezvous.address.to_string(),
        },
        EffectiveMode::Embedded => Mode::Embedded {
            // The built-in address is 127.0.0.1:8080; another port is for several networks on one machine.
            ports: embedded_ports(settings.rendezvous.address.port),
        },
    }
}

fn embedded_ports(first: u16) -> Vec<u16> {
    (0..EMBEDDED_PORTS_COUNT)
        .filter_map(|offset| first.checked_add(offset))
        .collect()
}

type Claim = (PeerId, Option<IdentityLock>);

fn claim(settings: &Settings, places: &Places, name: &str) -> Result<Claim, StartError> {
    let own = PeerId::own(name, &settings.node.namespace)?;
    let mut hello = Vec::new();
    encode::hello(&mut hello, "HELLO_OK", own.as_str());
    if hello.len() > encode::HELLO_BYTES_MAX {
        return Err(StartError::HelloTooLong);
    }
    let Ok(folder) = places.identity_dir(own.as_str()) else {
        return Ok((own, None));
    };
    match IdentityLock::take(&folder) {
        Ok(lock) => Ok((own, Some(lock))),
        Err(LockError::Held { pid }) => Err(StartError::Running { peer: own, pid }),
        Err(LockError::NotWritable { .. }) => Ok((own, None)),
    }
}

/// The login name, or the first of `root-2`, `root-3` … that nobody has, and what to say about it.
async fn numbered(
    settings: &Settings,
    places: &Places,
    established: &Established,
    network: &dyn Network,
    port: u16,
) -> Result<(Claim, Option<String>), StartError> {
    let login = crate::login::default_name();
    let mut records: Option<Vec<Record>> = None;
    let mut first = None;
    for number in 1..=NUMBERED_MAX {
        let name = match number {
            1 => login.clone(),
            number => format!("{login}-{number}"),
        };
        let (own, lock) = match claim(settings, places, &name) {
            Err(StartError::Running { peer, .. }) => {
                first.get_or_insert(peer);
                continue;
            }
            claim => claim?,
        };
        if let (Some(endpoint), None) = (&established.endpoint, &records) {
            let limit = settings.rendezvous.timeout;
            records = Some(startup::first_look(network, endpoint, &own, limit).await);
        }
        let folder = places.identity_dir(own.as_str()).ok();
        let leftover = folder.as_deref().and_then(LastRegistration::load);
        let leftover = leftover.and_then(|last| last.seen);
        let known = records.as_deref().unwrap_or_default();
        if startup::taken(network, known, &own, port, leftover)
            .await
            .is_some()
        {
            first.get_or_insert(own);
            continue;
        }
        let notice = first.map(|first| format!("{first} is already here: you are {own}"));
        return Ok(((own, lock), notice));
    }
    Err(StartError::TooMany(login))
}

/// Binds where the settings say; only on this machine if that is all it is for.
fn listen(settings: &Settings, joins: bool) -> Result<Vec<TcpListener>, StartError> {
    let embedded = settings.rendezvous_mode() == EffectiveMode::Embedded;
    let private = embedded && !joins && settings.node.public_port.is_none();
    let ips: Vec<IpAddr> = match settings.node.listen {
        Listen::Address(ip) => vec![ip],
        Listen::Auto if private => vec![Ipv4Addr::LOCALHOST.into()],
        // Dual stack; where there is no IPv6, IPv4 alone.
        Listen::Auto | Listen::All => {
            vec![Ipv6Addr::UNSPECIFIED.into(), Ipv4Addr::UNSPECIFIED.into()]
        }
    };
    let listener = match settings.node.port {
        Port::Exactly(port) => bind_one(&ips, port)?,
        Port::Any => bind_one(&ips, 0)?,
        Port::Auto => first_free(&ips)?,
    };
    Ok(vec![listener])
}

fn first_free(ips: &[IpAddr]) -> Result<TcpListener, StartError> {
    for port in PORTS {
        match bind_one(ips, port) {
            Err(StartError::Listen { source, .. }) if source.kind() == io::ErrorKind::AddrInUse => {
            }
            bound => return bound,
        }
    }
    Err(StartError::NoPort)
}

/// The first of these addresses that this machine has.
fn bind_one(ips: &[IpAddr], port: u16) -> Result<TcpListener, StartError> {
    let mut failed = None;
    for ip in ips {
        let address = SocketAddr::new(*ip, port);
        match transport::listen(address) {
            Ok(listener) => return Ok(listener),
            Err(source) if source.kind() == io::ErrorKind::AddrInUse => {
                return Err(StartError::Listen { address, source });
            }
            Err(source) => failed = Some(StartError::Listen { address, source }),
        }
    }
    Err(failed.unwrap_or(StartError::NoPort))
}

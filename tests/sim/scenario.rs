//! What a seed decides before anything happens: who takes part, how good the network is, what goes wrong how often.
//! The limits are the real ones of the built-in settings, now and then the narrowest that still let everybody in.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, LazyLock},
    time::Duration,
};

use fastrand::Rng;
use papo::{
    proto::{
        admission::AdmissionLimits,
        backoff::Backoff,
        keep_alive::KeepAliveLimits,
        outgoing::QueueLimits,
        peer_table::{RedialLimits, TableLimits},
        registration::{Config, Endpoint},
    },
    settings::{Connection, Settings},
    wire::{identity::PeerId, rendezvous::RECORDS_MAX},
};

use crate::plain::Habits;

/// Where the rendezvous is.
pub const RENDEZVOUS: &str = "10.9.9.9:8080";

static SETTINGS: LazyLock<Settings> = LazyLock::new(Settings::default);

/// The limits of every node.
#[derive(Debug, Clone)]
pub struct Limits {
    pub table: TableLimits,
    pub admission: AdmissionLimits,
    pub queue: QueueLimits,
    pub keep_alive: KeepAliveLimits,
    pub handshake_timeout: Duration,
    pub gap: Duration,
    pub seen_max: usize,
    pub seen_age: Duration,
    pub peer_wait: Duration,
    ttl: Duration,
    discovery: Duration,
    timeout: Duration,
}

/// Everything that is decided beforehand.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The machines, by name and address; plain clients have habits.
    pub machines: Vec<(PeerId, IpAddr, Option<Habits>)>,
    /// The limits of the nodes.
    pub limits: Limits,
    /// How long things go wrong.
    pub storm: Duration,
    /// The mean time between two damages, in milliseconds; 0: none.
    pub damage: u64,
    /// The mean time between two texts, in milliseconds.
    pub traffic: u64,
    /// Each way, in milliseconds.
    pub delay: (u64, u64),
    /// Bytes on their way in one direction of a connection.
    pub capacity: usize,
    /// Whether the links are watched for a while after all is well.
    pub watch: bool,
}

impl Scenario {
    /// What this seed decides.
    pub fn of(seed: u64) -> Self {
        // Not the stream of chance that the run itself draws from.
        let mut rng = Rng::with_seed(seed ^ 0x5ce4_a210);
        let machines = machines(&mut rng);
        let nodes = machines
            .iter()
            .filter(|(_, _, habits)| habits.is_none())
            .count();
        Self {
            limits: Limits::of(&mut rng, machines.len(), nodes),
            machines,
            storm: Duration::from_secs(rng.u64(10..=150)),
            damage: *pick(&mut rng, &[0, 30_000, 8_000, 2_000, 500]),
            traffic: *pick(&mut rng, &[200, 1_000, 4_000]),
            delay: *pick(&mut rng, &[(0, 1), (1, 20), (20, 200), (0, 900)]),
            capacity: *pick(&mut rng, &[48 * 1024, 256 * 1024]),
            watch: rng.u8(0..4) == 0,
        }
    }
}

fn machines(rng: &mut Rng) -> Vec<(PeerId, IpAddr, Option<Habits>)> {
    let nodes = rng.usize(2..=6);
    let plain = rng.usize(0..=3).min(rng.usize(0..=3));
    let behind_one_address = rng.u8(0..5) == 0;
    let mut machines = Vec::new();
    for index in 0..nodes + plain {
        let namespace = if rng.u8(0..3) == 0 { "Y" } else { "X" };
        let name = format!(
            "{}{index}@{namespace}",
            if index < nodes { "n" } else { "p" }
        );
        let last = if behind_one_address {
            1
        } else {
            u8::try_from(index).unwrap_or(0) + 1
        };
        let habits = (index >= nodes).then(|| Habits::of(rng));
        let name = PeerId::parse(&name).expect("a valid id");
        machines.push((name, IpAddr::from([10, 0, 0, last]), habits));
    }
    machines
}

impl Limits {
    fn of(rng: &mut Rng, machines: usize, nodes: usize) -> Self {
        let settings = &*SETTINGS;
        let mut limits = Self::built_in(&settings.connection);
        limits.ttl = Duration::from_secs(*pick(rng, &[60, 600, 7200]));
        if rng.u8(0..4) == 0 {
            // One place for everybody else, and links that come twice have to yield.
            limits.admission.inbound_max = machines - 1;
            limits.table.dials_max = 2;
            limits.queue.lines_max = 16;
            limits.table.outbound_max = nodes.max(machines) * 2;
        }
        limits
    }

    fn built_in(settings: &Connection) -> Self {
        let rendezvous = &SETTINGS.rendezvous;
        Self {
            table: TableLimits {
                redial: RedialLimits {
                    backoff: backoff(settings),
                    attempts_max: settings.max_reconnect_attempts,
                    stale_retry: settings.stale_retry,
                },
                dials_max: 16,
                outbound_max: settings.max_outbound,
                peers_max: RECORDS_MAX,
                forget_after: Duration::from_secs(600),
                alive_for: settings.ping_interval * 2,
            },
            admission: AdmissionLimits {
                inbound_max: settings.max_inbound,
                per_address_max: settings.max_inbound_per_address,
            },
            queue: QueueLimits {
                lines_max: settings.queue_lines,
                bytes_max: settings.queue_bytes,
                ack_timeout: settings.ack_timeout,
                resend: settings.resend,
                late_max: settings.dedup_ids,
                late_age: settings.dedup_age,
            },
            keep_alive: KeepAliveLimits {
                interval: settings.ping_interval,
                dead_after: settings.dead_after,
            },
            handshake_timeout: settings.handshake_timeout,
            gap: settings.legacy_gap,
            seen_max: settings.dedup_ids,
            seen_age: settings.dedup_age,
            peer_wait: SETTINGS.node.peer_wait,
            ttl: rendezvous.ttl,
            discovery: rendezvous.discovery_interval,
            timeout: rendezvous.timeout,
        }
    }

    /// The client of a node.
    pub fn registration(&self, own: PeerId, port: u16) -> Config {
        Config {
            own,
            port,
            ttl: self.ttl,
            discovery_interval: self.discovery,
            timeout: self.timeout,
            backoff: self.table.redial.backoff,
        }
    }

    /// Where the rendezvous is.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            address: Arc::from(RENDEZVOUS),
            hosted: false,
            embedded: false,
        }
    }
}

/// The rendezvous's address.
pub fn rendezvous_address() -> SocketAddr {
    RENDEZVOUS.parse().expect("a valid address")
}

fn backoff(settings: &Connection) -> Backoff {
    Backoff {
        base: settings.reconnect_backoff_base,
        factor: settings.reconnect_backoff_factor,
        cap: settings.reconnect_backoff_max,
    }
}

fn pick<'a, T>(rng: &mut Rng, choices: &'a [T]) -> &'a T {
    &choices[rng.usize(0..choices.len())]
}

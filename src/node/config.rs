//! The settings as the parts of the node want them.

use std::{path::PathBuf, time::Duration};

use crate::{
    actors::{disk::DiskLimits, kept::KeptLimits, link_out::OutLimits, links::LinkLimits},
    proto::{
        admission::AdmissionLimits,
        backoff::Backoff,
        keep_alive::KeepAliveLimits,
        outgoing::QueueLimits,
        peer_table::{RedialLimits, TableLimits},
        restart::RestartPolicy,
    },
    rendezvous_server::ServerConfig,
    settings::{self, Connection, History, Listen, RendezvousServer, Settings, Supervision},
    store::{Durability, StoreConfig},
    wire::{identity::PeerId, rendezvous::RECORDS_MAX},
};

/// Dials under way at one time (protocol text, section 4, *Dial*).
const DIALS_MAX: usize = 16;

/// A peer that left the answers is forgotten after this (same place).
const FORGET_AFTER: Duration = Duration::from_secs(600);

/// The limits of inbound and outbound links, as far as file descriptors go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// Links that peers open.
    pub inbound: usize,
    /// Links that we open.
    pub outbound: usize,
}

/// The supervision policy.
pub fn restart_policy(settings: &Supervision) -> RestartPolicy {
    RestartPolicy {
        backoff: Backoff {
            base: settings.backoff_base,
            factor: 2.0,
            cap: settings.backoff_cap,
        },
        stable_after: settings.stable_after,
        window: settings.window,
        // The setting names the failure at which the actor is given up.
        failures_max: usize::try_from(settings.failures.saturating_sub(1)).unwrap_or(usize::MAX),
    }
}

/// A rendezvous server as the settings have it; which file it keeps, and whether loopback is exempt, is up to whoever
/// starts it.
pub fn server_config(settings: &RendezvousServer) -> ServerConfig {
    ServerConfig {
        listen: match settings.listen {
            Listen::Address(ip) => vec![ip],
            Listen::Auto | Listen::All => Vec::new(),
        },
        port: settings.port,
        rate: settings.rate,
        window: settings.rate_window,
        idle: settings.idle,
        request_timeout: settings.request_timeout,
        max_connections: settings.max_connections,
        max_records: settings.max_records,
        records_file: None,
        exempt_loopback: false,
    }
}

/// The waits between redials, and between requests to a rendezvous that fails.
pub fn reconnect_backoff(settings: &Connection) -> Backoff {
    Backoff {
        base: settings.reconnect_backoff_base,
        factor: settings.reconnect_backoff_factor,
        cap: settings.reconnect_backoff_max,
    }
}

/// The bounds of the peer table.
pub fn table_limits(settings: &Connection, places: Places) -> TableLimits {
    TableLimits {
        redial: RedialLimits {
            backoff: reconnect_backoff(settings),
            attempts_max: settings.max_reconnect_attempts,
            stale_retry: settings.stale_retry,
        },
        dials_max: DIALS_MAX,
        outbound_max: places.outbound,
        peers_max: RECORDS_MAX,
        forget_after: FORGET_AFTER,
        alive_for: settings.ping_interval * 2,
    }
}

/// Who is let in.
pub fn admission_limits(settings: &Connection, places: Places) -> AdmissionLimits {
    AdmissionLimits {
        inbound_max: places.inbound,
        per_address_max: settings.max_inbound_per_address,
    }
}

/// The limits of one link.
pub fn link_limits(settings: &Connection) -> LinkLimits {
    LinkLimits {
        handshake_timeout: settings.handshake_timeout,
        out: OutLimits {
            gap: settings.legacy_gap,
            lines_max: settings.queue_lines,
            bytes_max: settings.queue_bytes,
        },
        rate: settings.rate.map(f64::from),
    }
}

/// When links are pinged and given up.
pub fn keep_alive_limits(settings: &Connection) -> KeepAliveLimits {
    KeepAliveLimits {
        interval: settings.ping_interval,
        dead_after: settings.dead_after,
    }
}

/// How the history is kept on disk.
pub fn store_config(settings: &Settings, folder: PathBuf, own: PeerId) -> StoreConfig {
    let history = &settings.history;
    StoreConfig {
        durability: match history.durability {
            settings::Durability::Full => Durability::Full,
            settings::Durability::Normal => Durability::Normal,
        },
        dedup_age: settings.connection.dedup_age,
        max_messages: u64::try_from(history.max_messages).unwrap_or(u64::MAX),
        max_bytes: u64::try_from(history.max_size).unwrap_or(u64::MAX),
        ..StoreConfig::new(folder, own)
    }
}

/// The limits of what waits on disk.
pub fn disk_limits(settings: &History) -> DiskLimits {
    DiskLimits {
        outbox_messages: settings.outbox_messages,
        outbox_age: settings.outbox_age,
    }
}

/// The limits of what outlives the router.
pub fn kept_limits(settings: &Connection) -> KeptLimits {
    KeptLimits {
        queue: QueueLimits {
            lines_max: settings.queue_lines,
            bytes_max: settings.queue_bytes,
            ack_timeout: settings.ack_timeout,
            resend: settings.resend,
            late_max: settings.dedup_ids,
            late_age: settings.dedup_age,
        },
        seen_max: settings.dedup_ids,
        seen_age: settings.dedup_age,
    }
}

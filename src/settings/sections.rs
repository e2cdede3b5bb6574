//! The sections and their keys: for each its name, its type, and the form its text must have.
//!
//! What a key means to a user is said in `settings/default.toml`; here is what the program gets.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::address::{Address, HostPort, Listen, ListenAddress, ListenPort, OwnSocket, Port};
use super::choice::{BELLS, Bell, Choice, MODES, ROTATIONS, RendezvousMode, Switch};
use super::duration::{Span, hours, millis, minutes, seconds};
use super::form::{Form, Maybe};
use super::key::Key;
use super::layer::Texts;
use super::number::{KIB, MIB, Number, Size};
use super::text::{LogLevels, OwnPart, PathText};
use crate::logging::{Levels, Rotation, Turns};

/// Declares a section: the struct, its rows in the table of keys, and how it is read and shown.
macro_rules! section {
    ($(#[$meta:meta])* $section:ident $literal:literal {
        $($(#[$field_meta:meta])* $field:ident: $type:ty = $form:expr;)*
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $section {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $section {
            /// The rows of this section in the table of keys.
            pub(super) const KEYS: &'static [Key] = &[
                $(Key { section: $literal, name: stringify!($field), form: &$form },)*
            ];

            /// Reads every key of the section from texts that were checked before.
            pub(super) fn read(texts: &Texts) -> Self {
                Self { $($field: texts.read($literal, stringify!($field), &$form),)* }
            }

            /// The values in the order of [`Self::KEYS`], as they may be written again.
            pub(super) fn shown(&self) -> Vec<Value> {
                vec![$($form.show(&self.$field),)*]
            }
        }
    };
}

impl Logging {
    /// When log files are put aside, and how many are kept.
    pub fn turns(&self) -> Turns {
        Turns {
            rotation: self.rotate,
            max_size: self.max_size.and_then(|size| u64::try_from(size).ok()),
            keep: self.keep,
        }
    }
}

/// Most links, lines or records a limit may be set to: beyond it memory and open files end first.
const LIMIT_MAX: usize = 1_000_000;

section! {
    /// This node: its identity, where it listens, where it keeps things.
    Node "node" {
        /// The name, if the user chose one; otherwise see [`crate::login`].
        name: Option<String> = Maybe { word: "", inner: OwnPart("name") };
        /// The namespace.
        namespace: String = OwnPart("namespace");
        /// Where peers are accepted.
        listen: Listen = ListenAddress;
        /// On which TCP port peers are accepted.
        port: Port = ListenPort;
        /// The TCP port to register, if it is not the one listened on.
        public_port: Option<u16> = Maybe { word: "auto", inner: Number { min: 1, max: u16::MAX } };
        /// The data folder as the user wrote it; [`crate::paths`] knows the default.
        data_dir: Option<PathBuf> = Maybe { word: "", inner: PathText };
        /// How long a piped message waits for its peer.
        peer_wait: Duration = Span { min: millis(0), max: minutes(10) };
        /// Where programs reach the node over TCP, if anywhere.
        control: Option<HostPort> = Maybe { word: "off", inner: Address };
    }
}

section! {
    /// How peers are found.
    Rendezvous "rendezvous" {
        /// As written; what it comes to says [`super::Settings::rendezvous_mode`].
        mode: RendezvousMode = Choice(MODES);
        /// The rendezvous server.
        address: HostPort = Address;
        /// Longest wait for one answer.
        timeout: Duration = Span { min: millis(100), max: minutes(1) };
        /// Lifetime asked for in REGISTER; the server takes whole seconds up to a day.
        ttl: Duration = Span { min: seconds(10), max: hours(24) };
        /// Interval between two DISCOVER.
        discovery_interval: Duration = Span { min: seconds(1), max: hours(1) };
    }
}

section! {
    /// Links to peers and their limits.
    Connection "connection" {
        /// Longest wait for HELLO or HELLO_OK.
        handshake_timeout: Duration = Span { min: millis(100), max: minutes(1) };
        /// Interval of PING; never above the 30 s that peers rely on (PyP2P protocol, "Emit").
        ping_interval: Duration = Span { min: millis(100), max: seconds(30) };
        /// Ping intervals of silence after which a link is dead; one would be shorter than a slow PONG.
        dead_after: u32 = Number { min: 2, max: 100 };
        /// Time without an ACK that is a warning.
        ack_timeout: Duration = Span { min: millis(100), max: minutes(10) };
        /// First pause before a redial.
        reconnect_backoff_base: Duration = Span { min: millis(10), max: hours(1) };
        /// Growth of the pause per failure.
        reconnect_backoff_factor: f64 = Number { min: 1.0, max: 10.0 };
        /// Longest pause before a redial.
        reconnect_backoff_max: Duration = Span { min: millis(10), max: hours(24) };
        /// Failed dials after which a peer is stale.
        max_reconnect_attempts: u32 = Number { min: 0, max: 1000 };
        /// Interval at which a stale peer is dialled.
        stale_retry: Duration = Span { min: seconds(1), max: hours(24) };
        /// Most accepted links.
        max_inbound: usize = Number { min: 1, max: LIMIT_MAX };
        /// Most accepted links per address; loopback is exempt.
        max_inbound_per_address: usize = Number { min: 1, max: LIMIT_MAX };
        /// Most dialled links.
        max_outbound: usize = Number { min: 1, max: LIMIT_MAX };
        /// Most lines queued per peer.
        queue_lines: usize = Number { min: 16, max: LIMIT_MAX };
        /// Most bytes queued per peer; two of the longest lines (32 KiB each) always fit.
        queue_bytes: usize = Size { min: 64 * KIB, max: 256 * MIB };
        /// Longest wait of a `/pub` for its slowest peer.
        pub_wait: Duration = Span { min: millis(0), max: minutes(1) };
        /// Lines a second per peer above which it is read more slowly.
        rate: Option<u32> = Maybe { word: "off", inner: Number { min: 1, max: 1_000_000 } };
        /// Most message ids remembered per peer.
        dedup_ids: usize = Number { min: 16, max: LIMIT_MAX };
        /// How long a message id is remembered.
        dedup_age: Duration = Span { min: seconds(1), max: hours(24) };
        /// Pause between two lines to a plain peer.
        legacy_gap: Duration = Span { min: millis(0), max: seconds(1) };
        /// Whether unacknowledged messages are sent again on the next link.
        resend: bool = Switch;
    }
}

section! {
    /// The rendezvous server, whether hosted by a node or by `papo rendezvous`.
    RendezvousServer "rendezvous_server" {
        /// Where requests are accepted.
        listen: Listen = ListenAddress;
        /// The TCP port of `papo rendezvous`; 0 is any free one.
        port: u16 = Number { min: 0, max: u16::MAX };
        /// Most connections per address and window.
        rate: u32 = Number { min: 1, max: 1_000_000 };
        /// The sliding window of `rate`.
        rate_window: Duration = Span { min: seconds(1), max: hours(1) };
        /// Longest silence within a request.
        idle: Duration = Span { min: millis(100), max: minutes(10) };
        /// Longest request in all.
        request_timeout: Duration = Span { min: millis(100), max: hours(1) };
        /// Most connections at a time.
        max_connections: usize = Number { min: 1, max: LIMIT_MAX };
        /// Most records kept.
        max_records: usize = Number { min: 1, max: LIMIT_MAX };
    }
}

section! {
    /// A node on a terminal.
    Prompt "prompt" {
        /// How the user is told of a text that is for them.
        bell: Bell = Choice(BELLS);
        /// Whether there is a row above the prompt.
        status: bool = Switch;
    }
}

section! {
    /// What is logged and where.
    Logging "logging" {
        /// Levels, changed at run time by `/log`.
        level: Levels = LogLevels;
        /// A file beside the usual place, as the user wrote it.
        file: Option<PathBuf> = Maybe { word: "", inner: PathText };
        /// When log files are put aside.
        rotate: Rotation = Choice(ROTATIONS);
        /// Bytes above which a log file is put aside, if there is such a limit.
        max_size: Option<usize> = Maybe { word: "0", inner: Size { min: 64 * KIB, max: 1024 * MIB } };
        /// Log files kept, the current one included.
        keep: usize = Number { min: 1, max: 1000 };
        /// Interval of the summary line, if there is one.
        summary_interval: Option<Duration> = Maybe { word: "off", inner: Span { min: seconds(1), max: hours(24) } };
    }
}

section! {
    /// The endpoint for Prometheus.
    Monitoring "metrics" {
        /// Where it listens, if it does; this machine only, unless an address is named.
        listen: Option<SocketAddr> = Maybe { word: "", inner: OwnSocket };
    }
}

section! {
    /// When crashed parts are started again, and when they are given up.
    Supervision "supervision" {
        /// First pause; doubled with every crash.
        backoff_base: Duration = Span { min: millis(10), max: minutes(1) };
        /// Longest pause.
        backoff_cap: Duration = Span { min: millis(10), max: hours(1) };
        /// The window in which crashes are counted.
        window: Duration = Span { min: seconds(1), max: hours(24) };
        /// Crashes within the window at which a part is given up.
        failures: u32 = Number { min: 1, max: 1000 };
        /// Uptime after which a crash counts as the first.
        stable_after: Duration = Span { min: millis(100), max: hours(24) };
    }
}

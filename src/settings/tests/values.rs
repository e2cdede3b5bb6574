//! Values: the built-in ones, what is text, bounds, contradictions, and all problems together.

use super::*;

#[test]
fn the_built_in_values_are_those_of_the_product() {
    let Settings {
        node,
        rendezvous,
        connection,
        rendezvous_server,
        logging,
        metrics,
        supervision,
        ..
    } = Settings::default();
    let seconds = Duration::from_secs;
    assert_eq!(
        (node.name, node.namespace.as_str(), node.listen, node.port),
        (None, "lobby", Listen::Auto, Port::Auto)
    );
    assert_eq!(
        (node.public_port, node.data_dir, node.peer_wait),
        (None, None, seconds(15))
    );
    assert_eq!(
        (rendezvous.mode, rendezvous.address.to_string().as_str()),
        (RendezvousMode::Auto, "127.0.0.1:8080")
    );
    assert_eq!(
        (
            rendezvous.timeout,
            rendezvous.ttl,
            rendezvous.discovery_interval
        ),
        (seconds(5), seconds(7200), seconds(60))
    );
    assert_eq!(
        (
            connection.handshake_timeout,
            connection.ping_interval,
            connection.dead_after
        ),
        (seconds(5), seconds(30), 3)
    );
    assert_eq!(
        (connection.ack_timeout, connection.stale_retry),
        (seconds(5), seconds(300))
    );
    assert_eq!(
        (
            connection.reconnect_backoff_base,
            connection.reconnect_backoff_max
        ),
        (seconds(1), seconds(60))
    );
    assert_eq!(
        (
            connection.reconnect_backoff_factor,
            connection.max_reconnect_attempts
        ),
        (2.0, 5)
    );
    assert_eq!(
        (
            connection.max_inbound,
            connection.max_inbound_per_address,
            connection.max_outbound
        ),
        (1024, 64, 256)
    );
    assert_eq!(
        (
            connection.queue_lines,
            connection.queue_bytes,
            connection.pub_wait
        ),
        (1024, 1 << 20, seconds(2))
    );
    assert_eq!(
        (connection.rate, connection.dedup_ids, connection.dedup_age),
        (None, 4096, seconds(600))
    );
    assert_eq!(
        (connection.legacy_gap, connection.resend),
        (Duration::from_millis(20), true)
    );
    assert_eq!(
        (rendezvous_server.listen, rendezvous_server.port),
        (Listen::Auto, 8080)
    );
    assert_eq!(
        (rendezvous_server.rate, rendezvous_server.rate_window),
        (50, seconds(60))
    );
    assert_eq!(
        (rendezvous_server.idle, rendezvous_server.request_timeout),
        (seconds(5), seconds(15))
    );
    assert_eq!(
        (
            rendezvous_server.max_connections,
            rendezvous_server.max_records
        ),
        (256, 10_000)
    );
    assert_eq!(
        (
            logging.level.to_string().as_str(),
            logging.file,
            logging.keep
        ),
        ("info", None, 7)
    );
    assert_eq!(logging.max_size, Some(10 << 20));
    assert_eq!(metrics.listen, None);
    assert_eq!(
        (logging.rotate, logging.summary_interval),
        (crate::logging::Rotation::Daily, Some(seconds(60)))
    );
    assert_eq!(
        (supervision.backoff_base, supervision.backoff_cap),
        (Duration::from_millis(500), seconds(30))
    );
    assert_eq!(
        (
            supervision.window,
            supervision.failures,
            supervision.stable_after
        ),
        (seconds(60), 5, seconds(30))
    );
}

#[test]
fn values_stay_text_until_their_key_reads_them() {
    for (text, name) in [
        ("007", "007"),
        ("7", "7"),
        ("true", "true"),
        ("1e3", "1e3"),
        ("off", "off"),
        ("1.50", "1.50"),
    ] {
        let loaded = environment(&[("PAPO_NODE__NAME", text)]).unwrap();
        assert_eq!(loaded.settings.node.name.as_deref(), Some(name));
    }
    for (user, name) in [
        ("node.name = 7", "7"),
        ("node.name = 1.50", "1.50"),
        ("node.name = true", "true"),
        ("node.name = 2026-11-20", "2026-11-20"),
        ("node.name = '007'", "007"),
    ] {
        let loaded = Layers {
            user,
            ..Layers::default()
        }
        .load()
        .unwrap();
        assert_eq!(loaded.settings.node.name.as_deref(), Some(name), "{user}");
    }
}

#[test]
fn all_problems_of_all_layers_are_told_at_once() {
    let layers = Layers {
        user: "[node]\nport = 70000\n[connection]\nping_intervall = 5",
        config: "[logging]\nlevel = 'loud'",
        environment: &[("PAPO_NODE__NAME", "a b"), ("PAPO_NODE__COLOUR", "red")],
        arguments: &[("rendezvous.address", "example.org"), ("node.port", "4000")],
    };
    let expected = "\
the settings have 6 problems:
  user.toml:4: connection.ping_intervall is not a setting; did you mean connection.ping_interval? ([connection] has \
handshake_timeout, ping_interval, dead_after, ack_timeout, reconnect_backoff_base, reconnect_backoff_factor, \
reconnect_backoff_max, max_reconnect_attempts, stale_retry, max_inbound, max_inbound_per_address, max_outbound, \
queue_lines, queue_bytes, pub_wait, rate, dedup_ids, dedup_age, legacy_gap, resend)
  user.toml:2: node.port = \"70000\" is not allowed: not a port; write auto, 0 for any free port, or a number from 1 to 65535
  config.toml:2: logging.level = \"loud\" is not allowed: \"loud\" is not a level; write off, error, warn, info, debug or trace, with exceptions as in info,peer=debug
  environment PAPO_NODE__NAME: node.name = \"a b\" is not allowed: a name may not hold ' ': no blanks, control \
characters, quotes or @; write empty, or 1 to 64 characters \
without blanks, control characters, @ or quotes, that do not begin with # & * or /
  environment PAPO_NODE__COLOUR: node.colour is not a setting; [node] has name, namespace, listen, port, public_port, \
data_dir, peer_wait, control
  option --option: rendezvous.address = \"example.org\" is not allowed: the port is missing, as in example.org:8080; \
write HOST:PORT, such as example.org:8080, 192.168.1.7:8080 or [::1]:8080";
    assert_eq!(layers.load().unwrap_err(), expected);
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    for (user, problem) in [
        (
            "connection.reconnect_backoff_base = '2min'",
            "connection.reconnect_backoff_max = \"1m\" (built-in) must not be less than \
             connection.reconnect_backoff_base = \"2m\" (user.toml:1)",
        ),
        (
            "connection.max_inbound = 10",
            "connection.max_inbound_per_address = 64 (built-in) must not be more than",
        ),
        (
            "rendezvous = { ttl = 20, timeout = 30 }",
            "rendezvous.timeout = \"30s\" (user.toml:1) must not be more than",
        ),
        (
            "rendezvous_server.idle = '1min'",
            "rendezvous_server.request_timeout = \"15s\" (built-in) must not be less",
        ),
        (
            "supervision.backoff_base = '1min'",
            "supervision.backoff_cap = \"30s\" (built-in) must not be less",
        ),
    ] {
        let error = problems_of(user);
        assert!(error.contains(problem), "{user}: {error}");
    }
}

#[test]
fn a_wrong_value_is_not_also_called_a_contradiction() {
    let error =
        problems_of("[connection]\nreconnect_backoff_base = '2min'\nreconnect_backoff_max = 'x'");
    assert!(
        error.contains("reconnect_backoff_max = \"x\"") && !error.contains("must not be less"),
        "{error}"
    );
}

#[test]
fn a_port_alone_serves_metrics_to_this_machine_only() {
    let listen = |value: &str| {
        let argument = Argument {
            key: "metrics.listen",
            value: value.to_owned(),
            option: "--option",
        };
        let sources = Sources {
            arguments: vec![argument],
            ..Sources::default()
        };
        let listen = Settings::load(sources).unwrap().settings.metrics.listen;
        listen.map(|address| address.to_string())
    };
    assert_eq!(listen("9469").as_deref(), Some("127.0.0.1:9469"));
    assert_eq!(listen("localhost:1").as_deref(), Some("127.0.0.1:1"));
    assert_eq!(listen("[::]:9469").as_deref(), Some("[::]:9469"));
    assert_eq!(listen(""), None);
}

#[test]
fn bounds_hold_for_every_kind_of_value() {
    for (key, good, bad) in [
        (
            "node.port",
            &["auto", "0", "65535"][..],
            &["65536", "-1", "http"][..],
        ),
        ("node.public_port", &["auto", "1", "65535"], &["0", "65536"]),
        ("node.peer_wait", &["0", "10min"], &["11min", "-1", "soon"]),
        (
            "node.control",
            &["off", "127.0.0.1:7000"],
            &["on", "7000", ":7000"],
        ),
        ("rendezvous.ttl", &["10", "24h"], &["9", "25h"]),
        (
            "rendezvous.mode",
            &["auto", "embedded", "remote", "off"],
            &["on", ""],
        ),
        ("connection.ping_interval", &["100ms", "30"], &["0", "31s"]),
        (
            "connection.handshake_timeout",
            &["100ms", "1min"],
            &["0", "61s"],
        ),
        ("connection.dead_after", &["2", "100"], &["1", "0", "2.5"]),
        (
            "connection.reconnect_backoff_factor",
            &["1", "1.5", "10"],
            &["0.5", "11", "nan"],
        ),
        (
            "connection.queue_bytes",
            &["64KiB", "65536", "256MiB"],
            &["65535", "257MiB", "0"],
        ),
        ("connection.rate", &["off", "1"], &["0", "-1"]),
        ("connection.legacy_gap", &["0", "1s"], &["2s"]),
        ("connection.resend", &["true", "off"], &["maybe", ""]),
        ("rendezvous_server.port", &["0", "8080"], &["auto", "65536"]),
        ("logging.keep", &["1", "1000"], &["0"]),
        (
            "logging.max_size",
            &["0", "64KiB", "10 MB", "1024MiB"],
            &["1", "63KiB", "1025MiB", "much"],
        ),
        ("logging.summary_interval", &["off", "1s"], &["0"]),
        ("logging.rotate", &["daily", "hourly", "never"], &["weekly"]),
        (
            "metrics.listen",
            &[
                "",
                "9469",
                "0",
                "localhost:9469",
                "0.0.0.0:9469",
                "[::1]:9469",
            ],
            &[
                "65536",
                "example.org:9469",
                "127.0.0.1",
                "::1",
                ":9469",
                "on",
            ],
        ),
        ("supervision.failures", &["1", "1000"], &["0"]),
    ] {
        let load = |text: &str| {
            let argument = Argument {
                key,
                value: text.to_owned(),
                option: "--option",
            };
            Settings::load(Sources {
                arguments: vec![argument],
                ..Sources::default()
            })
        };
        for text in good {
            assert!(
                load(text).is_ok(),
                "{key} = {text:?} was refused: {}",
                load(text).unwrap_err()
            );
        }
        for text in bad {
            assert!(load(text).is_err(), "{key} = {text:?} was allowed");
        }
    }
}

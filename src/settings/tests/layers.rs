//! Which layer wins, and what of the environment is a setting.

use super::*;

#[test]
fn a_later_layer_wins_and_its_place_is_known() {
    let mut layers = Layers::default();
    let name = |layers: &Layers| {
        let settings = layers.load().unwrap().settings;
        let origin = settings.origin("node.namespace").to_string();
        let origin = origin.rsplit('/').next().unwrap().to_owned();
        let is_chosen = settings.is_chosen("node.namespace");
        (settings.node.namespace, origin, is_chosen)
    };
    assert_eq!(
        name(&layers),
        ("lobby".to_owned(), "built-in".to_owned(), false)
    );
    layers.user = "[node]\n\nnamespace = 'user'";
    assert_eq!(
        name(&layers),
        ("user".to_owned(), "user.toml:3".to_owned(), true)
    );
    layers.config = "node.namespace = 'config'";
    assert_eq!(
        name(&layers),
        ("config".to_owned(), "config.toml:1".to_owned(), true)
    );
    layers.environment = &[("PAPO_NODE__NAMESPACE", "environment")];
    assert_eq!(
        name(&layers),
        (
            "environment".to_owned(),
            "environment PAPO_NODE__NAMESPACE".to_owned(),
            true
        )
    );
    layers.arguments = &[("node.namespace", "arguments")];
    assert_eq!(
        name(&layers),
        ("arguments".to_owned(), "option --option".to_owned(), true)
    );
}

#[test]
fn a_layer_changes_only_the_keys_it_names() {
    let layers = Layers {
        user: "[connection]\nping_interval = 20\nack_timeout = '3s'",
        environment: &[("PAPO_CONNECTION__PING_INTERVAL", "10")],
        ..Layers::default()
    };
    let settings = layers.load().unwrap().settings;
    assert_eq!(settings.connection.ping_interval, Duration::from_secs(10));
    assert_eq!(settings.connection.ack_timeout, Duration::from_secs(3));
    assert_eq!(
        settings.connection.handshake_timeout,
        Duration::from_secs(5)
    );
}

#[test]
fn the_same_layer_may_take_back_what_an_earlier_one_chose() {
    let layers = Layers {
        user: "[node]\nname = 'alice'\nport = 4000\n[connection]\nrate = 100",
        arguments: &[
            ("node.name", ""),
            ("node.port", "auto"),
            ("connection.rate", "off"),
        ],
        ..Layers::default()
    };
    let settings = layers.load().unwrap().settings;
    assert_eq!(
        (
            settings.node.name,
            settings.node.port,
            settings.connection.rate
        ),
        (None, Port::Auto, None)
    );
}

#[test]
fn only_variables_of_the_right_form_are_settings() {
    let ignored = [
        ("PAPO_", "x"),
        ("PAPO_NAME", "x"),
        ("PAPO_NODE_NAME", "x"),
        ("papo_node__name", "x"),
        ("XPAPO_NODE__NAME", "x"),
        ("HOME", "x"),
        ("PAPO_NODE__PORT", ""),
        ("PAPO_NO__SUCH", ""),
    ];
    assert_eq!(environment(&ignored).unwrap().settings, Settings::default());
    for (variable, hint) in [
        ("PAPO_NODE__NMAE", "did you mean PAPO_NODE__NAME?"),
        ("PAPO_node__name", "did you mean PAPO_NODE__NAME?"),
        (
            "PAPO_NODE__RENDEZVOUS__ADDRESS",
            "[node] has name, namespace",
        ),
        (
            "PAPO_WORLD__DOMINATION",
            "the sections are node, rendezvous",
        ),
    ] {
        let error = environment(&[(variable, "x")]).unwrap_err();
        assert!(
            error.contains(variable) && error.contains(hint),
            "{variable}: {error}"
        );
    }
}

#[test]
fn a_variable_that_is_not_utf8_is_refused_if_it_is_a_setting() {
    let bad = || OsString::from_vec(vec![b'a', 0xff]);
    let load = |name: OsString, value| {
        Settings::load(Sources {
            environment: vec![(name, value)],
            ..Sources::default()
        })
    };
    assert!(load("OTHER".into(), bad()).is_ok());
    assert!(load(bad(), "x".into()).is_ok());
    let error = load("PAPO_NODE__NAME".into(), bad())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("environment PAPO_NODE__NAME: node.name")
            && error.contains("not valid UTF-8"),
        "{error}"
    );
}

#[test]
fn an_address_anybody_chose_means_remote() {
    use EffectiveMode::{Embedded, Off, Remote};
    let address = ("PAPO_RENDEZVOUS__ADDRESS", "127.0.0.1:8080");
    for (variables, mode) in [
        (&[][..], Embedded),
        (&[address], Remote),
        (&[("PAPO_RENDEZVOUS__MODE", "auto")], Embedded),
        (&[("PAPO_RENDEZVOUS__MODE", "auto"), address], Remote),
        (&[("PAPO_RENDEZVOUS__MODE", "embedded"), address], Embedded),
        (&[("PAPO_RENDEZVOUS__MODE", "remote")], Remote),
        (&[("PAPO_RENDEZVOUS__MODE", "off"), address], Off),
    ] {
        assert_eq!(
            environment(variables).unwrap().settings.rendezvous_mode(),
            mode,
            "{variables:?}"
        );
    }
}

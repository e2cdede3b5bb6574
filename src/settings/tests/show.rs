//! What `papo config` shows.

use super::*;

#[test]
fn what_is_shown_is_a_settings_file_that_says_the_same() {
    let layers = Layers {
        user: "[node]\nname = 'jo\u{e3}o'\ndata_dir = \"a \\\"b\\\"\\\\ \\u007f # c\"\n[connection]\nrate = 5\nresend = 'off'",
        environment: &[
            ("PAPO_RENDEZVOUS__ADDRESS", "[::1]:9000"),
            ("PAPO_LOGGING__LEVEL", "warn,peer=debug"),
        ],
        arguments: &[
            ("node.port", "0"),
            ("connection.queue_bytes", "70000"),
            ("connection.ack_timeout", "1.5"),
        ],
        ..Layers::default()
    };
    let loaded = layers.load().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shown.toml");
    fs::write(&path, loaded.to_toml()).unwrap();
    let mut again = Settings::load(Sources {
        config_file: Some(path),
        ..Sources::default()
    })
    .unwrap()
    .settings;
    assert_eq!(again.rendezvous_mode(), loaded.settings.rendezvous_mode());
    again.origins = loaded.settings.origins.clone();
    assert_eq!(again, loaded.settings, "{}", loaded.to_toml());
}

#[test]
fn a_shown_address_nobody_chose_does_not_choose_it() {
    let text = Layers::default().load().unwrap().to_toml();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shown.toml");
    fs::write(&path, text).unwrap();
    let sources = Sources {
        user_file: Some(path),
        ..Sources::default()
    };
    let again = Settings::load(sources).unwrap().settings;
    assert_eq!(again.rendezvous_mode(), EffectiveMode::Embedded);
}

#[test]
fn what_is_shown_names_layers_and_origins() {
    let sources = Sources {
        user_file: Some("/nowhere/settings.toml".into()),
        arguments: vec![Argument {
            key: "node.name",
            value: "bob".to_owned(),
            option: "--name",
        }],
        ..Sources::default()
    };
    let loaded = Settings::load(sources).unwrap();
    let text = loaded.to_toml();
    for line in [
        "# layers, the later wins: built-in; /nowhere/settings.toml (not there); environment PAPO_<SECTION>__<KEY>; command line",
        "node.name = \"bob\"                          # option --name",
        "node.port = \"auto\"                         # built-in",
        "rendezvous.mode = \"auto\"                   # built-in; in effect: embedded",
        "# rendezvous.address = \"127.0.0.1:8080\"    # built-in",
        "connection.reconnect_backoff_factor = 2.0  # built-in",
    ] {
        assert!(
            text.lines().any(|shown| shown == line),
            "{line:?} is not in\n{text}"
        );
    }
    let json: serde_json::Value = serde_json::from_str(&loaded.to_json()).unwrap();
    assert_eq!(
        json["node"]["name"],
        serde_json::json!({ "value": "bob", "origin": "option --name" })
    );
    assert_eq!(json["connection"]["resend"]["value"], true);
    assert!(!loaded.to_json().contains('\n'));
}

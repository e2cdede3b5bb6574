//! What is read from files, and what is refused with its place.

use super::*;

#[test]
fn what_is_no_setting_is_refused_with_its_line() {
    for (user, part) in [
        (
            "name = 'bob'",
            "user.toml:1: name is not a setting; did you mean node.name?",
        ),
        (
            "\n[nodes]\nname = 'bob'",
            "user.toml:3: nodes.name is not a setting; did you mean node.name?",
        ),
        (
            "\n[zzz]",
            "user.toml:2: zzz is not a setting; the sections are node, rendezvous",
        ),
        (
            "'node.name' = 'bob'",
            "user.toml:1: node.name is not a setting",
        ),
        (
            "[[node]]\nname = 'bob'",
            "node is not a setting; [node] has name",
        ),
        (
            "[node]\nname = ['bob']",
            "user.toml:2: node.name is a list; write one text",
        ),
        ("[node.name]\nfirst = 'bob'", "node.name is a table"),
        (
            "node.port = 0x1000",
            "user.toml:1: node.port is not a decimal number",
        ),
        ("[rooms]\nmode = 'off'", "rooms.mode is not a setting"),
        (
            "[node]\n\"a\\nb\" = 1",
            "user.toml:2: node.a\\nb is not a setting",
        ),
    ] {
        let error = problems_of(user);
        assert!(error.contains(part), "{user:?}: {error}");
    }
}

#[test]
fn an_empty_section_that_exists_is_no_problem() {
    assert!(
        Layers {
            user: "[node]\n[connection]\n",
            ..Layers::default()
        }
        .load()
        .is_ok()
    );
}

#[test]
fn broken_toml_is_told_with_line_and_column() {
    let error = problems_of("[node]\nname = bob smith\n");
    assert!(
        error.contains("user.toml:2: not valid TOML (column 8): "),
        "{error}"
    );
    let error = problems_of("[node]\nname = 'a'\nname = 'b'\n");
    assert!(
        error.contains("user.toml:3: not valid TOML (column 1): duplicate key"),
        "{error}"
    );
    let error = problems_of("[node\nname = 'a'\nport = 99999999\n");
    assert!(
        error.contains("user.toml:1: not valid TOML (column 6): unclosed table"),
        "{error}"
    );
    assert!(!error.contains("user.toml:3"), "{error}");
}

#[test]
fn the_user_file_may_be_missing_but_not_the_one_that_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.toml");
    let below_a_file = folder.path().join("file/settings.toml");
    fs::write(folder.path().join("file"), "").unwrap();
    for path in [&missing, &below_a_file] {
        let load = |sources| Settings::load(sources).map(|loaded| loaded.settings);
        let user = load(Sources {
            user_file: Some(path.clone()),
            ..Sources::default()
        });
        assert_eq!(user.unwrap(), Settings::default());
        let config = load(Sources {
            config_file: Some(path.clone()),
            ..Sources::default()
        });
        let error = config.unwrap_err().to_string();
        assert!(
            error.contains(&format!("{}: cannot be read: ", path.display())),
            "{error}"
        );
    }
}

#[test]
fn what_cannot_be_settings_is_refused_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.toml");
    let error_of = |path: &Path| {
        let sources = Sources {
            user_file: Some(path.to_owned()),
            ..Sources::default()
        };
        Settings::load(sources).unwrap_err().to_string()
    };
    assert!(error_of(folder.path()).contains("cannot be read"));
    fs::write(&path, "#".repeat((1 << 20) + 1)).unwrap();
    assert!(error_of(&path).contains("larger than 1048576 bytes"));
    fs::write(&path, b"# one\n# two\nnode.name = '\xff'").unwrap();
    assert!(error_of(&path).contains("settings.toml:3: not valid UTF-8"));
}

//! What a program says at its start: usage, settings, where it keeps things, where it listens.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::support::{Home, Ports, node, papo};

#[test]
fn a_usage_error_ends_with_two_and_says_what_to_type() {
    for arguments in [
        ["--nonsense", "x"],
        ["rendezvous", "--frobnicate"],
        ["--join", "nowhere"],
    ] {
        let program = papo(arguments).start();
        assert_eq!(program.exit_code(), 2, "{arguments:?}");
        program.log("error: ");
        assert!(program.printed().is_empty());
    }
    let program = papo(["rendezvous", "--listen", "127.0.0.1"])
        .with(["--name", "x"])
        .start();
    assert_eq!(program.exit_code(), 2);
}

#[test]
fn bad_settings_end_with_two_and_all_problems_are_named() {
    let home = Home::new();
    let file = home.path().join("bad.toml");
    fs::write(
        &file,
        "[node]\nport = 70000\nnmae = \"x\"\n[unknown]\nkey = 1\n",
    )
    .unwrap();
    let program = papo(["--config", file.to_str().unwrap(), "--log", "loud"])
        .env("PAPO_CONNECTION__PING_INTERVAL", "soon")
        .env("PAPO_NODE__COLOUR", "red")
        .env("PAPO_SOMETHING", "that is no setting")
        .start();
    assert_eq!(program.exit_code(), 2);
    let told = program.logged().join("\n");
    for words in [
        "bad.toml",
        "70000",
        "nmae",
        "unknown",
        "loud",
        "--log",
        "PAPO_CONNECTION__PING_INTERVAL",
        "soon",
        "PAPO_NODE__COLOUR",
    ] {
        assert!(told.contains(words), "{words} is not named in\n{told}");
    }
    assert!(!told.contains("PAPO_SOMETHING"), "{told}");
    assert!(program.printed().is_empty());
    let missing = papo(["--config", "/nowhere/at/all.toml"]).start();
    assert_eq!(missing.exit_code(), 2);
    missing.log("/nowhere/at/all.toml");
}

#[test]
fn a_name_that_cannot_be_one_ends_with_two() {
    let long = "x".repeat(65);
    for name in ["a b", "a@b", "#a", "", &long] {
        let program = papo(["--name", name, "--no-rendezvous", "--port", "0"]).start();
        if name.is_empty() {
            // Nothing chosen: the login name.
            program.line("listening on");
            continue;
        }
        assert_eq!(program.exit_code(), 2, "{name:?}");
    }
}

#[test]
fn config_shows_the_settings_and_where_each_came_from() {
    let home = Home::new();
    let folder = home.path().join(".config/papo");
    fs::create_dir_all(&folder).unwrap();
    fs::write(
        folder.join("settings.toml"),
        "[node]\nnamespace = \"CIC\"\n",
    )
    .unwrap();
    let start = || {
        papo(["config", "--name", "alice"])
            .home(&home)
            .env("PAPO_NODE__PORT", "4321")
    };
    let text = start().start();
    assert_eq!(text.exit_code(), 0);
    let origin = |key: &str| {
        text.printed()
            .into_iter()
            .find(|line| line.starts_with(&format!("node.{key} =")))
            .unwrap()
    };
    assert!(origin("name").contains("alice") && origin("name").contains("--name"));
    assert!(origin("namespace").contains("CIC") && origin("namespace").contains("settings.toml"));
    assert!(origin("port").contains("4321") && origin("port").contains("PAPO_NODE__PORT"));
    assert!(origin("peer_wait").contains("15s"));
    // What it prints is a settings file.
    let file = home.path().join("copy.toml");
    fs::write(&file, text.printed().join("\n")).unwrap();
    let copy = papo(["config", "--json", "--config", file.to_str().unwrap()]).start();
    assert_eq!(copy.exit_code(), 0);
    let copy: Value = serde_json::from_str(&copy.printed().join("\n")).unwrap();
    assert!(copy.to_string().contains("CIC") && copy.to_string().contains("copy.toml"));
}

#[test]
fn a_home_that_cannot_be_written_is_told_once_and_the_node_runs() {
    let mut alice = node("alice").alone().start();
    let home = Home::new();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    // No folder can be made below a file, whoever asks.
    let bob = papo([
        "--name",
        "bob",
        "--port",
        "0",
        "--join",
        &alice.address(),
        "--no-rendezvous",
    ]);
    let mut bob = bob.home_at(&file).start();
    alice.meets("bob@lobby");
    bob.send("/msg alice@lobby it works");
    alice.message("it works");
    bob.leave();
    let told = |line: &&String| line.contains("nothing can be kept");
    assert_eq!(bob.printed().iter().filter(told).count(), 1);
    alice.leave();
}

#[test]
fn a_program_that_speaks_json_hears_that_nothing_can_be_kept() {
    let home = Home::new();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    let mut bob = node("bob").alone().home_at(&file).start();
    let told = bob.ready()["notices"][0].as_str().unwrap().to_owned();
    assert!(told.contains("nothing can be kept"), "{told}");
    bob.leave();
}

#[test]
fn a_port_that_is_taken_is_refused_and_zero_is_any() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let start =
        |port: &str| papo(["--no-rendezvous", "--listen", "127.0.0.1", "--port", port]).start();
    let refused = start(&port.to_string());
    assert_eq!(refused.exit_code(), 1);
    refused.log(&format!("cannot listen on 127.0.0.1:{port}"));
    refused.log("choose another --port, or 0 for any");
    start("0").line("listening on 127.0.0.1:");
}

#[test]
fn a_node_on_ipv6_loopback_is_joined_and_talked_to() {
    // Where there is no IPv6 the same must hold for IPv4: the test is never empty.
    let has_ipv6 = TcpListener::bind("[::1]:0").is_ok();
    let host = if has_ipv6 { "::1" } else { "127.0.0.1" };
    let start = |name: &str| {
        papo(["--json", "--no-rendezvous", "--port", "0"])
            .with(["--listen", host, "--name", name])
            .called(name)
    };
    let mut alice = start("alice").start();
    let address = alice.address();
    assert_eq!(address.starts_with("[::1]:"), has_ipv6, "{address}");
    let mut bob = start("bob").with(["--join", &address]).start();
    bob.meets("alice@lobby");
    bob.send("/msg alice@lobby over six");
    assert_eq!(
        alice.message("over six")["address"]
            .as_str()
            .unwrap()
            .starts_with("[::1]:"),
        has_ipv6
    );
    alice.send("/msg bob@lobby and back");
    bob.message("and back");
    bob.event("delivered", |_| true);
    alice.event("delivered", |_| true);
}

#[test]
fn serve_without_json_prints_its_first_line_and_what_it_receives() {
    let service = papo([
        "serve",
        "--name",
        "service",
        "--no-rendezvous",
        "--port",
        "0",
        "--listen",
        "127.0.0.1",
    ]);
    let service = service.without_input().start();
    let first = service.line("service@lobby  listening on ");
    let address = first
        .split("listening on ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    let mut alice = node("alice").alone().with(["--join", address]).start();
    alice.meets("service@lobby");
    alice.send("/msg service hello");
    alice.event("delivered", |_| true);
    service.line(" -> [alice@lobby] hello");
    assert!(!service.printed().iter().any(|line| line.contains("/help")));
}

#[test]
fn what_a_node_keeps_is_for_its_user_alone() {
    let (home, ports) = (Home::new(), Ports::free());
    let log = home.path().join("papo.log");
    let mut alice = node("alice")
        .home(&home)
        .embedded(&ports)
        .with(["--log-file", log.to_str().unwrap()])
        .start();
    alice.event("rendezvous", |event| event["state"] == "registered");
    alice.ask("/status");
    let mut kept = Vec::new();
    collect(home.path(), &mut kept);
    let names: Vec<_> = kept
        .iter()
        .map(|(path, _)| path.file_name().unwrap().to_str().unwrap())
        .collect();
    for name in [
        "alice%40lobby",
        "lock",
        "registration.json",
        "rendezvous",
        "papo.log",
    ] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    // What others may not enter, they cannot read.
    let open = kept.iter().filter(|(_, mode)| mode & 0o077 != 0);
    let below = |path: &Path| {
        path.strip_prefix(home.path())
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    };
    let open: Vec<_> = open.map(|(path, _)| below(path)).collect();
    assert!(
        open.iter()
            .all(|path| [".local", ".local/share"].contains(&path.as_str())),
        "{open:?}"
    );
    alice.leave();
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, u32)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap();
        found.push((path.clone(), kind.permissions().mode()));
        if kind.is_dir() {
            collect(&path, found);
        }
    }
}

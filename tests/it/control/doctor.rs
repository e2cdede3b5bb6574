//! `papo doctor`: what it finds, what it advises, its exit codes.

use std::{fs, net::TcpListener};

use serde_json::Value;

use crate::support::{Home, Ports, Server, Start, node, papo};

fn doctor(home: &Home) -> Start {
    papo(["doctor", "--json"])
        .home(home)
        .called("papo doctor")
        .without_input()
}

/// Its checks, and its exit code.
fn found(start: Start) -> (Value, i32) {
    let program = start.start();
    let code = program.exit_code();
    let told: Value = serde_json::from_str(&program.printed()[0]).unwrap();
    assert_eq!(told["exit"], code);
    (told["checks"].clone(), code)
}

fn check<'a>(checks: &'a Value, name: &str) -> &'a Value {
    let mut checks = checks.as_array().unwrap().iter();
    checks.find(|it| it["check"] == name).unwrap()
}

#[test]
fn where_all_is_well_it_is_0() {
    let server = Server::start();
    let (checks, code) = found(doctor(&Home::new()).at(&server.address));
    assert_eq!(code, 0, "{checks}");
    for name in [
        "settings",
        "data folder",
        "rendezvous",
        "port",
        "node",
        "name",
    ] {
        assert_eq!(check(&checks, name)["state"], "ok", "{checks}");
    }
    let program = papo(["doctor"]).at(&server.address).without_input().start();
    assert_eq!(program.exit_code(), 0);
    program.line("tells no time");
}

#[test]
fn a_rendezvous_that_is_not_there_is_3_with_advice() {
    let ports = Ports::free();
    let (checks, code) = found(doctor(&Home::new()).at(&ports.address()));
    assert_eq!(code, 3, "{checks}");
    let rendezvous = check(&checks, "rendezvous");
    assert!(
        rendezvous["words"]
            .as_str()
            .unwrap()
            .contains("nobody listens there")
    );
    assert!(rendezvous["advice"].is_string());
}

#[test]
fn without_a_hosted_rendezvous_the_next_node_hosts_it() {
    let ports = Ports::free();
    let (checks, code) = found(doctor(&Home::new()).embedded(&ports));
    assert_eq!(code, 0, "{checks}");
    let words = check(&checks, "rendezvous")["words"].as_str().unwrap();
    assert!(words.contains("the next node hosts it"), "{words}");
}

#[test]
fn a_port_in_use_is_1_and_its_program_is_named() {
    let held = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = held.local_addr().unwrap().port().to_string();
    let (checks, code) = found(doctor(&Home::new()).alone().with(["--port", &port]));
    assert_eq!(code, 1, "{checks}");
    let port = check(&checks, "port");
    let words = port["words"].as_str().unwrap();
    assert!(
        words.contains(&format!("(pid {})", std::process::id())),
        "{words}"
    );
    assert_eq!(port["advice"], "choose another --port, or 0 for any");
}

#[test]
fn a_data_folder_that_cannot_be_written_is_1() {
    let home = Home::new();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    let folder = file.join("papo");
    let (checks, code) = found(
        doctor(&home)
            .alone()
            .with(["--data-dir", folder.to_str().unwrap()]),
    );
    assert_eq!(code, 1, "{checks}");
    assert_eq!(check(&checks, "data folder")["state"], "WRONG");
}

#[test]
fn a_name_that_answers_elsewhere_is_1_and_a_node_of_ones_own_is_asked_how_it_is() {
    let server = Server::start();
    let alice = node("alice").at(&server.address).start();
    alice.event("rendezvous", |event| event["state"] == "registered");
    let (checks, code) = found(
        doctor(alice.home())
            .at(&server.address)
            .with(["--name", "alice"]),
    );
    assert_eq!(code, 0, "{checks}");
    let words = check(&checks, "node")["words"].as_str().unwrap();
    assert!(words.starts_with("alice@lobby runs here, up "), "{words}");
    // Seen from another home it is a stranger. DISCOVER answers whoever shares a registered address.
    let (checks, code) = found(
        doctor(&Home::new())
            .at(&server.address)
            .with(["--name", "alice"]),
    );
    assert_eq!(code, 1, "{checks}");
    let words = check(&checks, "name")["words"].as_str().unwrap();
    assert!(words.contains("answers at 127.0.0.1:"), "{words}");
}

//! The control port: the token first, and nothing without it.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
};

use serde_json::json;

use crate::support::{Control, Home, LIMIT, Node, Ports, node};

fn with_port(home: &Home, ports: &Ports) -> Node {
    let start = node("alice").alone().home(home);
    start.env("PAPO_NODE__CONTROL", &ports.address()).start()
}

fn token_file(home: &Home) -> PathBuf {
    home.path().join(".local/share/papo/control-token")
}

#[test]
fn who_knows_the_token_controls_the_node_over_tcp() {
    let (home, ports) = (Home::new(), Ports::free());
    let alice = with_port(&home, &ports);
    assert_eq!(alice.ready()["control_tcp"], ports.address());
    let token = fs::read_to_string(token_file(&home)).unwrap();
    assert_eq!(
        fs::metadata(token_file(&home))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    let mut client = Control::over_tcp(&ports.address(), token.trim());
    client.event("ready", |event| event["peer_id"] == "alice@lobby");
    assert_eq!(client.ask(json!({"command": "status"}), "1")["ok"], true);
}

#[test]
fn without_the_token_not_a_word_is_said_and_soon_nobody_listens() {
    let (home, ports) = (Home::new(), Ports::free());
    let alice = with_port(&home, &ports);
    alice.ready();
    let token = fs::read_to_string(token_file(&home)).unwrap();
    let half = &token[..32];
    for first in [
        "",
        half,
        "GET / HTTP/1.1",
        "{\"command\":\"quit\"}",
        "\u{1b}[2J",
    ] {
        let client = Control::over_tcp(&ports.address(), first);
        client.hears_the_end();
        assert_eq!(client.all().len(), 0, "{first:?}");
    }
    // By now also the token does not help from this address.
    let client = Control::over_tcp(&ports.address(), token.trim());
    client.hears_the_end();
    assert_eq!(client.all().len(), 0);
    alice.log("did not know the token");
    let logged = alice.logged().join("\n");
    assert!(
        !logged.contains(token.trim()) && !logged.contains(half),
        "{logged}"
    );
}

#[test]
fn an_endless_first_line_is_not_read_to_its_end() {
    let (home, ports) = (Home::new(), Ports::free());
    let alice = with_port(&home, &ports);
    alice.ready();
    let mut stream = TcpStream::connect(ports.address()).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    drop(stream.write_all(&[b'x'; 4096]));
    let mut rest = Vec::new();
    // The end comes as an end or as a reset, for not all was read.
    drop(stream.read_to_end(&mut rest));
    assert_eq!(rest, b"");
}

#[test]
fn a_token_that_others_can_read_is_not_used() {
    let (home, ports) = (Home::new(), Ports::free());
    let file = token_file(&home);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "a".repeat(64)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let mut alice = with_port(&home, &ports);
    let ready = alice.ready();
    assert_eq!(ready["control_tcp"], serde_json::Value::Null);
    let notices = ready["notices"].to_string();
    assert!(
        notices.contains("others can read or change it"),
        "{notices}"
    );
    assert!(TcpStream::connect(ports.address()).is_err());
    alice.leave();
}

#[test]
fn by_default_there_is_no_control_port() {
    let mut alice = node("alice").alone().start();
    assert_eq!(alice.ready()["control_tcp"], serde_json::Value::Null);
    alice.leave();
}

//! The endpoint for Prometheus, and the summary of a rendezvous server.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

use serde_json::Value;

use crate::support::{Node, ask, node, papo, text_node};

fn scrape(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    answer
}

/// The value of a series; 0 if there is none.
fn value(scrape: &str, series: &str) -> f64 {
    let value = |line: &str| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok();
    scrape.lines().find_map(value).unwrap_or_default()
}

fn endpoint(node: &mut Node) -> String {
    let status = node.ask(r#"{"command":"status"}"#);
    status["data"]["metrics"].as_str().unwrap().to_owned()
}

#[test]
fn what_two_nodes_say_is_served_to_prometheus() {
    let mut alice = node("alice")
        .alone()
        .env("PAPO_METRICS__LISTEN", "0")
        .debug()
        .start();
    let address = endpoint(&mut alice);
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let mut bob = node("bob")
        .alone()
        .with(["--join", &alice.address()])
        .start();
    alice.meets("bob@lobby");
    bob.send("/msg alice@lobby hello");
    alice.message("hello");
    bob.event("delivered", |_| true);
    alice.send("/pub * to all");
    bob.message("to all");
    alice.send("/debug panic ping");
    alice.event("actor_restarting", |_| true);
    let text = scrape(&address);
    for (series, expected) in [
        (r#"papo_messages_total{type="HELLO",direction="in"}"#, 1.0),
        (
            r#"papo_messages_total{type="HELLO_OK",direction="out"}"#,
            1.0,
        ),
        (r#"papo_messages_total{type="SEND",direction="in"}"#, 1.0),
        (r#"papo_messages_total{type="ACK",direction="out"}"#, 1.0),
        (r#"papo_messages_total{type="PUB",direction="out"}"#, 1.0),
        (r#"papo_links{direction="in"}"#, 1.0),
        (r#"papo_actor_restarts_total{actor="ping"}"#, 1.0),
        (r#"papo_actor_restarts_total{actor="router"}"#, 0.0),
        ("papo_texts_received_total", 1.0),
    ] {
        assert_eq!(value(&text, series), expected, "{series} in\n{text}");
    }
    // The publication may still be on its way out.
    assert!(value(&text, "papo_unsettled_messages") <= 1.0, "{text}");
    assert!(!text.contains("bob"), "{text}");
    alice.leave();
    assert!(
        TcpStream::connect(&address).is_err(),
        "the endpoint outlives its node"
    );
}

#[test]
fn an_endpoint_that_cannot_be_had_is_told_and_the_node_goes_on() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut alice = node("alice")
        .alone()
        .env("PAPO_METRICS__LISTEN", &address)
        .start();
    let error = alice.event("error", |event| event["code"] == "no_metrics");
    assert!(
        error["message"].as_str().unwrap().contains(&address),
        "{error}"
    );
    let status = alice.ask(r#"{"command":"status"}"#);
    assert_eq!(status["data"]["metrics"], Value::Null);
}

#[test]
fn a_rendezvous_server_serves_its_metrics_and_logs_a_summary() {
    let server = papo(["rendezvous", "--listen", "127.0.0.1", "--port", "0"])
        .env("PAPO_METRICS__LISTEN", "0")
        .env("PAPO_LOGGING__SUMMARY_INTERVAL", "1s")
        .start();
    let address_in = |line: &str| line.rsplit(['=', ' ']).next().unwrap().to_owned();
    let metrics = address_in(&server.log("metrics are served"));
    let requests = address_in(&server.line("rendezvous listening on"));
    ask(
        &requests,
        r#"{"type":"REGISTER","namespace":"n","name":"a","port":1}"#,
    );
    let text = scrape(&metrics);
    assert_eq!(
        value(&text, "papo_rendezvous_registrations_total"),
        1.0,
        "{text}"
    );
    let restarts = r#"papo_actor_restarts_total{actor="rendezvous server"} 0"#;
    assert!(text.contains(restarts), "{text}");
    server.log("Summary connections=1 registrations=1");
}

#[test]
fn top_answers_once_in_a_pipe() {
    let mut alice = node("alice").alone().start();
    let mut bob = node("bob")
        .alone()
        .with(["--join", &alice.address()])
        .start();
    alice.meets("bob@lobby");
    bob.send("/msg alice@lobby hello");
    alice.message("hello");
    let top = alice.ask(r#"{"command":"top"}"#)["data"].take();
    assert_eq!(top["peer_id"], "alice@lobby");
    assert_eq!(
        (&top["inbound"], &top["totals"]["received"]),
        (&1.into(), &1.into())
    );
    let peer = &top["peers"][0];
    assert_eq!(
        (&peer["peer"], &peer["status"]),
        (&"bob@lobby".into(), &"connected".into())
    );
    let actors: Vec<&str> = top["actors"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["actor"].as_str())
        .collect();
    assert_eq!(actors, ["cli", "history", "listener", "ping", "router"]);
    let mut carol = text_node("carol").alone().start();
    carol.send("/top");
    carol.line("  peers     0 of 0 connected; links 0 in, 0 out");
    carol.line("  router    0         -");
}

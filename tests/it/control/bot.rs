//! `papo bot`: its traffic, its report, its exit codes.

use std::{io::Write, net::TcpStream};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::{Home, Ports, RawPeer, Start, node, papo};

fn bot<const N: usize>(home: &Home, arguments: [&str; N]) -> Start {
    papo(["bot"]).with(arguments).home(home).called("papo bot")
}

fn report(start: Start, code: i32) -> Value {
    let program = start.with(["--json"]).without_input().start();
    assert_eq!(program.exit_code(), code);
    serde_json::from_str(program.printed().last().unwrap()).unwrap()
}

#[test]
fn traffic_between_two_nodes_is_counted_and_measured() {
    let ports = Ports::free();
    let mut bob = node("bob").embedded(&ports).start();
    bob.event("rendezvous", |event| event["state"] == "registered");
    let alice = node("alice").embedded(&ports).start();
    alice.meets("bob@lobby");
    let arguments = [
        "--to", "bob", "--count", "200", "--rate", "5000/s", "--size", "64",
    ];
    let told = report(bot(alice.home(), arguments), 0);
    let counts = ["sent", "acknowledged", "lost", "refused"].map(|name| told[name].as_u64());
    assert_eq!(counts, [Some(200), Some(200), Some(0), Some(0)], "{told}");
    assert_eq!(told["to"], "bob@lobby");
    let [half, most, max] = ["p50_ms", "p99_ms", "max_ms"].map(|name| told[name].as_f64().unwrap());
    assert!(0.0 < half && half <= most && most <= max, "{told}");
    bob.message(&format!("{:x<64}", "bot 200 "));
    assert_eq!(bob.texts().len(), 200);
    bob.leave();
}

#[test]
fn a_bot_of_its_own_finds_its_peer_and_publications_are_done_when_sent() {
    let ports = Ports::free();
    let mut bob = node("bob").embedded(&ports).start();
    bob.event("rendezvous", |event| event["state"] == "registered");
    let home = Home::new();
    let start = bot(
        &home,
        [
            "--to", "*", "--count", "5", "--rate", "1000", "--name", "noise",
        ],
    );
    let program = start.embedded(&ports).without_input().start();
    assert_eq!(program.exit_code(), 0);
    program.line("to *: 5 sent, 0 acknowledged, 0 lost in ");
    bob.message(&format!("{:x<32}", "bot 5 "));
    assert_eq!(bob.events("message")[0]["from"], "noise@lobby");
    bob.leave();
}

#[test]
fn a_signal_ends_the_traffic_with_a_report_and_what_is_not_acknowledged_is_lost() {
    let start = node("alice").alone();
    let alice = start.env("PAPO_CONNECTION__ACK_TIMEOUT", "200ms").start();
    let mut bob = RawPeer::dial(&alice.address(), "bob@lobby");
    alice.meets("bob@lobby");
    let program = bot(alice.home(), ["--to", "bob", "--rate", "100"])
        .without_input()
        .start();
    let first = bob.hears("SEND");
    bob.acknowledge(&first);
    bob.hears_one("SEND", |line| line["msg_id"] != first["msg_id"]);
    program.signal(Signal::SIGINT);
    assert_eq!(program.exit_code(), 5);
    let line = program.line("to bob@lobby: ");
    assert!(line.contains(" 1 acknowledged, "), "{line}");
    program.line("latency: p50 ");
}

#[test]
fn a_duration_ends_the_traffic() {
    let alice = node("alice").alone().start();
    let _bob = RawPeer::dial(&alice.address(), "bob@lobby");
    alice.meets("bob@lobby");
    let arguments = ["--to", "#lobby", "--duration", "200ms", "--rate", "50"];
    let told = report(bot(alice.home(), arguments), 0);
    let sent = told["sent"].as_u64().unwrap();
    // Without an end it would send until the test gives up.
    assert!((1..=1000).contains(&sent), "{told}");
}

#[test]
fn it_pauses_while_its_target_does_not_read() {
    let start = node("alice")
        .alone()
        .env("PAPO_CONNECTION__QUEUE_LINES", "64");
    let alice = start.env("PAPO_CONNECTION__ACK_TIMEOUT", "500ms").start();
    // It says HELLO and reads nothing more.
    let mut bob = TcpStream::connect(alice.address()).unwrap();
    let hello = json!({"type": "HELLO", "peer_id": "bob@lobby", "version": "1.0",
        "features": ["ack", "stream"], "ttl": 1});
    writeln!(bob, "{hello}").unwrap();
    alice.meets("bob@lobby");
    let arguments = [
        "--to",
        "bob",
        "--rate",
        "100000",
        "--size",
        "16000",
        "--duration",
        "1s",
    ];
    let told = report(bot(alice.home(), arguments), 5);
    // The sockets take some megabytes, the queue half of its lines; without a pause it would be far above.
    assert!(told["sent"].as_u64().unwrap() < 2000, "{told}");
    assert_eq!(told["refused"], 0, "it waits instead of being refused");
}

#[test]
fn nobody_there_is_4_no_rendezvous_3_and_a_bad_target_2() {
    let home = Home::new();
    let wait = ("PAPO_NODE__PEER_WAIT", "300ms");
    let bot_to = |to: &str| bot(&home, ["--to", to, "--count", "3"]).env(wait.0, wait.1);
    assert_eq!(report(bot_to("bob").alone(), 4)["sent"], 0);
    assert_eq!(report(bot_to("*").alone(), 4)["sent"], 0);
    let ports = Ports::free();
    assert_eq!(report(bot_to("bob").at(&ports.address()), 3)["exit"], 3);
    assert_eq!(report(bot_to("#a b").alone(), 2)["refused"], 1);
    let without_target = papo(["bot", "--count", "1"]).start();
    assert_eq!(without_target.exit_code(), 2);
    let no_rate = papo(["bot", "--to", "bob", "--rate", "0"]).start();
    assert_eq!(no_rate.exit_code(), 2);
}

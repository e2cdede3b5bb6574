//! `papo` without options, several times by one user: every one has its name, and keeps it.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::support::{Home, Node, Ports, Start, node, papo};

/// What a user waits at most until a peer that came back can be talked to.
const SOON: Duration = Duration::from_secs(5);

/// A start of the user ana, with nothing chosen but what keeps this test apart from others.
fn plain(home: &Home, ports: &Ports) -> Start {
    papo(["--json"])
        .env("LOGNAME", "ana")
        .home(home)
        .embedded(ports)
}

fn name(node: &Node) -> String {
    node.ready()["peer_id"].as_str().unwrap().to_owned()
}

/// Both have heard what the other said, and only once.
fn they_talk(one: &mut Node, other: &mut Node, text: &str) {
    for (from, to) in [(0, 1), (1, 0)] {
        let both = [&mut *one, &mut *other];
        let (sender, receiver) = (name(both[from]), name(both[to]));
        let text = format!("{text} from {sender}");
        let mark = both[from].mark();
        both[from].send(&format!("/msg {receiver} {text}"));
        both[to].message(&text);
        both[from].event_after(mark, "delivered", |event| event["to"] == receiver);
    }
}

#[test]
fn two_plain_starts_of_one_user_are_told_their_names_and_chat() {
    let (home, ports) = (Home::new(), Ports::free());
    let start = || {
        papo([])
            .env("LOGNAME", "ana")
            .home(&home)
            .embedded(&ports)
            .start()
    };
    let mut first = start();
    let line = first.line("listening on");
    let begin = "ana@lobby  listening on 127.0.0.1:4";
    let end = format!(
        " (this machine only)  rendezvous {} (hosted here)",
        ports.address()
    );
    assert!(line.starts_with(begin) && line.ends_with(&end), "{line}");
    let mut second = start();
    let line = second.line("listening on");
    assert!(
        line.starts_with("ana-2@lobby  listening on 127.0.0.1:4"),
        "{line}"
    );
    assert!(
        line.ends_with(&format!("rendezvous {}", ports.address())),
        "{line}"
    );
    second.line("ana@lobby is already here: you are ana-2@lobby");
    second.line("/help lists the commands");
    second.send("good morning");
    first.line(" * [ana-2@lobby] good morning");
    first.send("/msg ana-2 hello");
    second.line(" -> [ana@lobby] hello");
    first.line("delivered to ana-2@lobby in ");
    second.leave();
    first.line("- ana-2@lobby is gone: it left");
    first.leave();
}

#[test]
fn three_plain_starts_have_three_names_and_one_that_was_killed_gets_its_own_back() {
    let (home, ports) = (Home::new(), Ports::free());
    let mut nodes: Vec<Node> = Vec::new();
    for expected in ["ana@lobby", "ana-2@lobby", "ana-3@lobby"] {
        let node = plain(&home, &ports).start();
        assert_eq!(name(&node), expected);
        nodes.push(node);
    }
    let (mut three, mut two, mut one) = (nodes.remove(2), nodes.remove(1), nodes.remove(0));
    they_talk(&mut one, &mut two, "first");
    they_talk(&mut two, &mut three, "second");
    they_talk(&mut one, &mut three, "third");
    two.kill();
    let mut two = plain(&home, &ports).start();
    assert_eq!(name(&two), "ana-2@lobby");
    they_talk(&mut one, &mut two, "fourth");
    they_talk(&mut two, &mut three, "fifth");
    // The first of them hosts the rendezvous.
    one.kill();
    let mut one = plain(&home, &ports).start();
    assert_eq!(name(&one), "ana@lobby");
    they_talk(&mut one, &mut two, "sixth");
    they_talk(&mut one, &mut three, "seventh");
}

#[test]
fn a_peer_that_was_killed_and_started_again_is_talked_to_within_five_seconds() {
    comes_back("bob", "alice");
}

#[test]
fn a_host_of_the_rendezvous_that_was_killed_and_started_again_is_talked_to_within_five_seconds() {
    comes_back("alice", "bob");
}

/// Alice hosts the rendezvous; `who` is killed, and `other` is there all the time.
fn comes_back(who: &str, other: &str) {
    let ports = Ports::free();
    let start = |name: &str| node(name).embedded(&ports);
    let mut nodes = ["alice", "bob"].map(|name| {
        let node = start(name).start();
        node.ready();
        node
    });
    let [one, two] = &mut nodes;
    they_talk(one, two, "before");
    let [alice, bob] = nodes;
    let (killed, mut left) = if who == "alice" {
        (alice, bob)
    } else {
        (bob, alice)
    };
    killed.kill();
    let mut back = start(who).home(killed.home()).start();
    back.ready();
    let mark = left.mark();
    back.send(&format!("/msg {other}@lobby after from {who}"));
    left.send(&format!("/msg {who}@lobby after from {other}"));
    back.event_within(SOON, 0, "delivered", |_| true);
    left.event_within(SOON, mark, "delivered", |_| true);
    for node in [&mut back, &mut left] {
        node.leave();
    }
    let after = format!("after from {who}");
    assert_eq!(
        left.texts().iter().filter(|text| **text == after).count(),
        1
    );
    assert_eq!(back.texts(), [format!("after from {other}")]);
}

#[test]
fn a_chosen_name_that_runs_here_is_refused_with_its_pid() {
    let (home, ports) = (Home::new(), Ports::free());
    let first = node("ana").home(&home).embedded(&ports).start();
    first.ready();
    let second = node("ana").home(&home).embedded(&ports).start();
    assert_eq!(second.exit_code(), 7);
    let pid = first.pid();
    second.log(&format!(
        "ana@lobby is already running here (pid {pid}): choose another --name"
    ));
    assert!(second.printed().is_empty());
}

#[test]
fn a_chosen_name_that_answers_at_the_rendezvous_is_refused() {
    let ports = Ports::free();
    let mut first = node("ana").embedded(&ports).start();
    first.event("rendezvous", |event| event["state"] == "registered");
    let second = node("ana").embedded(&ports).start();
    second.event("rendezvous", |event| event["state"] == "name_taken");
    assert_eq!(second.exit_code(), 7);
    second.log("another node has this name: choose another --name");
    first.event("error", |event| event["code"] == "name_in_use");
    assert_eq!(first.ask("/status")["data"]["registered"], true);
    first.signal(Signal::SIGTERM);
    assert_eq!(first.exit_code(), 0);
}

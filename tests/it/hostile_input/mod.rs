//! Hostile input: each costs its sender an ignored line or a closed link, and nobody else anything.

mod before_hello;
mod crowds;
mod floods;
mod json;
mod printing;
mod rendezvous;
mod slow;

use crate::{
    interop::client::{Client, send},
    support::Node,
};

/// An honest peer still gets through: its message is shown, acknowledged, and answered.
pub fn is_well(node: &mut Node, name: &str) {
    let id = format!("{name}@lobby");
    let honest = Client::dial(&node.address(), &id);
    let text = format!("{name} is heard");
    honest.say(&send("m-1", &text));
    node.message(&text);
    honest.hears("ACK");
    node.send(&format!("/msg {id} and you are answered"));
    honest.acknowledge(&honest.hears("SEND"));
    node.event("delivered", |event| event["to"] == id.as_str());
}

/// The memory that a node holds, in MiB; nothing where the system does not tell.
pub fn memory(node: &Node) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", node.pid()));
    let status = status.unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.map_or(0, |kib| kib.parse::<usize>().unwrap() / 1024)
}

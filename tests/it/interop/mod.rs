//! What existing clients do, over real sockets: each tolerance and each rule of writing (protocol text, sections 2
//! and 4) with a scripted client that can be any of them, as dialler and as acceptor.

mod acks;
mod alive;
mod checklist;
pub mod client;
mod dialling;
mod duplicates;
mod emitted;
mod endings;
mod framing;
mod handshake;
mod identity;
mod pacing;
mod registering;
pub mod scripted_rendezvous;
mod session;
mod texts;

use client::{Client, Listening, hello};

use crate::support::{Node, Start, node};

/// The node under test, without a rendezvous.
pub fn alice() -> Start {
    node("alice").alone()
}

/// Which side dials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The client does.
    Dialler,
    /// The node does.
    Acceptor,
}

/// Both.
pub const ROLES: [Role; 2] = [Role::Dialler, Role::Acceptor];

/// A node and a plain client `bob@lobby`, linked.
pub fn linked(role: Role, start: Start) -> (Node, Client) {
    linked_with(role, start, |kind| hello(kind, "bob@lobby"))
}

/// The same, with another HELLO or HELLO_OK.
pub fn linked_with(
    role: Role,
    start: Start,
    greeting: impl Fn(&str) -> serde_json::Value,
) -> (Node, Client) {
    let (node, client) = match role {
        Role::Dialler => {
            let node = start.start();
            let client = Client::connect(&node.address());
            client.say(&greeting("HELLO"));
            client.hears("HELLO_OK");
            (node, client)
        }
        Role::Acceptor => {
            let bob = Listening::start();
            let node = start.with(["--join", &bob.address]).start();
            let client = bob.accept();
            client.hears("HELLO");
            client.say(&greeting("HELLO_OK"));
            (node, client)
        }
    };
    node.meets("bob@lobby");
    (node, client)
}

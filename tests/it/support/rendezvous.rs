//! A rendezvous server of its own, and a client that says what the test wants.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};

use super::{
    LIMIT,
    node::Node,
    start::{Home, papo},
};

/// `papo rendezvous` on loopback.
pub struct Server {
    /// The program.
    pub program: Node,
    /// Where it listens.
    pub address: String,
}

impl Server {
    /// On any free port.
    pub fn start() -> Self {
        Self::start_at("0", &Home::new())
    }

    /// On this port, with the records of this home.
    pub fn start_at(port: &str, home: &Home) -> Self {
        let start = papo(["rendezvous", "--listen", "127.0.0.1", "--port", port]);
        let program = start.home(home).called("the rendezvous server").start();
        let first = program.line("rendezvous listening on ");
        let address = first.rsplit(' ').next().unwrap().to_owned();
        Self { program, address }
    }

    /// Its port.
    pub fn port(&self) -> &str {
        self.address.rsplit(':').next().unwrap()
    }
}

/// One request over a connection of its own; everything that is answered.
pub fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    // A server that turns us away may have closed already; what it said counts.
    drop(stream.write_all(format!("{request}\n").as_bytes()));
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut chunk) {
        answer.extend_from_slice(&chunk[..read]);
    }
    String::from_utf8(answer).unwrap()
}

/// The names that are registered; none also if nobody of this machine is.
pub fn names_at(address: &str) -> Vec<String> {
    let answer = ask(address, &json!({"type": "DISCOVER"}).to_string());
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let peers = answer["peers"].as_array().cloned().unwrap_or_default();
    let mut names: Vec<_> = peers
        .iter()
        .map(|peer| peer["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

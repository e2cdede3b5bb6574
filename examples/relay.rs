//! A network that can be broken: passes every byte between two places. `examples/demo.sh` kills it to cut a link, and
//! stops it (SIGSTOP) to freeze one.
//!
//!     relay LISTEN TARGET        relay 127.0.0.1:0 127.0.0.1:4000
//!
//! It needs nothing but the standard library, so that `rustc --edition 2024 examples/relay.rs` builds it, too.
#![expect(clippy::print_stdout, reason = "it tells where it listens")]

use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    thread,
};

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(listen), Some(target)) = (arguments.next(), arguments.next()) else {
        return Err(io::Error::other("usage: relay LISTEN TARGET"));
    };
    let listener = TcpListener::bind(listen)?;
    println!("relay {} to {target}", listener.local_addr()?);
    for client in listener.incoming() {
        let client = client?;
        // If the target is not there, the client's connection is closed, as a far end would do it.
        if let Ok(server) = TcpStream::connect(&target) {
            client.set_nodelay(true)?;
            server.set_nodelay(true)?;
            pass(client.try_clone()?, server.try_clone()?);
            pass(server, client);
        }
    }
    Ok(())
}

/// Passes one direction on until it ends, and its end, too.
fn pass(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        // However it broke, the other end learns it by the same end of stream.
        drop(io::copy(&mut from, &mut to));
        drop(to.shutdown(Shutdown::Write));
    });
}

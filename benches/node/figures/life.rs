//! Links that come and go, and the start of the server.

use std::io;

use super::Values;
use crate::{
    lines,
    link::Link,
    process::{self, Input, Server, Subject},
};

/// Links of one round.
const CYCLES: usize = 5_000;

/// Processor time of one link from connect over HELLO to BYE, in microseconds.
pub fn cycles(subject: Subject) -> io::Result<Values> {
    let server = Server::start(subject, Input::None)?;
    come_and_go(&server, CYCLES / 5)?;
    let cpu = server.cpu();
    come_and_go(&server, CYCLES)?;
    let cpu = server.cpu() - cpu;
    Ok(vec![cpu.as_secs_f64() * 1e6 / CYCLES as f64])
}

fn come_and_go(server: &Server, count: usize) -> io::Result<()> {
    for number in 0..count {
        let name = format!("guest-{}@bench", number % 100);
        let mut link = Link::open(server.port, &name)?;
        link.write(lines::bye(&name).as_bytes())?;
        // Until BYE_OK and the end of the stream.
        while link.read(0).is_ok() {}
    }
    Ok(())
}

/// From the start of the process to its first line in milliseconds, and its memory then in MiB.
pub fn start(subject: Subject) -> io::Result<Values> {
    let (took, memory) = process::start_to_first_line(subject)?;
    Ok(vec![took.as_secs_f64() * 1e3, memory / 1024.0])
}

//! SEND and its ACK over one link: how many a second, how long one takes, and at a given rate.

use std::{
    io::{self, Read, Write},
    time::{Duration, Instant},
};

use super::{Values, percentile};
use crate::{
    cores::{self, Core},
    lines::{self, Count, Sends},
    link::{Link, READ_BYTES},
    nats,
    process::{Input, Server, Subject},
};

/// Messages on their way at one time.
const WINDOW: usize = 512;

/// How long one round lasts.
const ROUND: Duration = Duration::from_secs(2);

/// Messages before the measurement begins.
const WARM_UP: usize = 20_000;

/// The open loop's rate, in messages a second.
const RATE: f64 = 50_000.0;

/// The rate at which a history on disk is measured.
const STORE_RATE: f64 = 1000.0;

const NAME: &str = "load@bench";

/// Messages of 64 bytes a second, and the server's processor time for each in microseconds.
pub fn small(subject: Subject) -> io::Result<Values> {
    closed_loop(subject, 64)
}

/// The same with texts of 1 KiB.
pub fn large(subject: Subject) -> io::Result<Values> {
    closed_loop(subject, 1024)
}

fn closed_loop(subject: Subject, payload: usize) -> io::Result<Values> {
    let server = Server::start(subject, Input::None)?;
    let mut link = Link::open(server.port, NAME)?;
    let mut sends = Sends::new(NAME, payload);
    exchange(&mut link, &mut sends, |acked| acked < WARM_UP)?;
    let (begun, cpu) = (Instant::now(), server.cpu());
    let acked = exchange(&mut link, &mut sends, |_| begun.elapsed() < ROUND)?;
    let (took, cpu) = (begun.elapsed(), server.cpu() - cpu);
    let acked = acked as f64;
    Ok(vec![
        acked / took.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / acked,
    ])
}

/// Keeps the window full while `more`, then waits for the rest; how many were acknowledged.
fn exchange(link: &mut Link, sends: &mut Sends, more: impl Fn(usize) -> bool) -> io::Result<usize> {
    let mut out = Vec::new();
    let (mut sent, mut acked) = (0, 0);
    loop {
        if more(acked) {
            let room = WINDOW - (sent - acked);
            out.clear();
            sends.append(&mut out, room);
            link.write(&out)?;
            sent += room;
        } else if sent == acked {
            return Ok(acked);
        }
        acked += link.read(lines::ACK)?;
    }
}

/// One message at a time: the median and the 99th percentile of its round trip in microseconds. Both processes are on
/// one core, so that no wake-up of another is measured.
pub fn one_in_flight(subject: Subject) -> io::Result<Values> {
    let server = Server::start(subject, Input::None)?;
    let cpu = server.cpu();
    cores::pin_self(Core::Server);
    let times = match subject {
        Subject::Nats => requests(&server),
        _ => round_trips(&server),
    };
    cores::pin_self(Core::Load);
    let mut times = times?;
    let cpu = (server.cpu() - cpu).as_secs_f64() * 1e6 / times.len() as f64;
    Ok(vec![
        percentile(&mut times, 0.5),
        percentile(&mut times, 0.99),
        cpu,
    ])
}

fn round_trips(server: &Server) -> io::Result<Vec<f64>> {
    let mut link = Link::open(server.port, NAME)?;
    let mut sends = Sends::new(NAME, 64);
    let begun = Instant::now();
    let mut times = Vec::new();
    let mut line = Vec::new();
    while begun.elapsed() < ROUND {
        line.clear();
        sends.append(&mut line, 1);
        let sent = Instant::now();
        link.write(&line)?;
        while link.read(lines::ACK)? == 0 {}
        times.push(sent.elapsed().as_secs_f64() * 1e6);
    }
    Ok(times)
}

/// The same where the server only passes on: a request to another link, and its reply.
fn requests(server: &Server) -> io::Result<Vec<f64>> {
    let mut pair = nats::Pair::open(server.port)?;
    let begun = Instant::now();
    let mut times = Vec::new();
    while begun.elapsed() < ROUND {
        let sent = Instant::now();
        pair.round_trip(times.len())?;
        times.push(sent.elapsed().as_secs_f64() * 1e6);
    }
    Ok(times)
}

/// Messages at a fixed rate, whether they are acknowledged or not: percentiles of the time from when each was due to
/// its ACK, in microseconds.
pub fn open_loop(subject: Subject) -> io::Result<Values> {
    let server = Server::start(subject, Input::None)?;
    let mut link = Link::open(server.port, NAME)?;
    let mut sends = Sends::new(NAME, 64);
    exchange(&mut link, &mut sends, |acked| acked < WARM_UP)?;
    let cpu = server.cpu();
    let mut times = at_a_rate(&mut link, &mut sends, RATE)?;
    let cpu = (server.cpu() - cpu).as_secs_f64() * 1e6 / times.len() as f64;
    Ok(vec![
        percentile(&mut times, 0.5),
        percentile(&mut times, 0.99),
        cpu,
    ])
}

/// What a history on disk costs: percentiles at 1,000 messages a second in milliseconds, and messages a second with the
/// window full. The column of the node is that without a history.
pub fn store(subject: Subject) -> io::Result<Values> {
    let server = Server::start(subject, Input::None)?;
    let mut link = Link::open(server.port, NAME)?;
    let mut sends = Sends::new(NAME, 64);
    exchange(&mut link, &mut sends, |acked| acked < WINDOW)?;
    let mut times = at_a_rate(&mut link, &mut sends, STORE_RATE)?;
    link.stream.set_nonblocking(false)?;
    let begun = Instant::now();
    let acked = exchange(&mut link, &mut sends, |_| begun.elapsed() < ROUND)?;
    Ok(vec![
        percentile(&mut times, 0.5) / 1e3,
        percentile(&mut times, 0.99) / 1e3,
        acked as f64 / begun.elapsed().as_secs_f64(),
    ])
}

fn at_a_rate(link: &mut Link, sends: &mut Sends, rate: f64) -> io::Result<Vec<f64>> {
    let stream = &mut link.stream;
    stream.set_nonblocking(true)?;
    let total = (rate * ROUND.as_secs_f64()) as usize;
    let due = |number: usize| Duration::from_secs_f64(number as f64 / rate);
    let (mut times, mut count) = (Vec::with_capacity(total), Count::default());
    let (mut out, mut sent, mut scratch) = (Vec::new(), 0, vec![0; READ_BYTES]);
    let begun = Instant::now();
    while times.len() < total {
        let now = begun.elapsed();
        while sent < total && due(sent) <= now {
            sends.append(&mut out, 1);
            sent += 1;
        }
        write_some(stream, &mut out)?;
        let acked = match stream.read(&mut scratch) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            read => count.feed(&scratch[..read?], lines::ACK),
        };
        let now = begun.elapsed();
        for _ in 0..acked {
            // ACKs come in the order of the messages.
            let late = now.saturating_sub(due(times.len()));
            times.push(late.as_secs_f64() * 1e6);
        }
        if now > ROUND * 10 {
            return Err(io::Error::other("the server does not keep up"));
        }
    }
    Ok(times)
}

fn write_some(stream: &mut impl Write, out: &mut Vec<u8>) -> io::Result<()> {
    if out.is_empty() {
        return Ok(());
    }
    match stream.write(out) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        written => drop(out.drain(..written?)),
    }
    Ok(())
}

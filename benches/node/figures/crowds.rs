//! Many links at once: publications to all of them, what an idle one costs, and how fast they come.

use std::{
    io,
    net::Ipv4Addr,
    process::ChildStdin,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    net::{TcpStream, unix::pipe},
};

use super::Values;
use crate::{
    crowd::{self, Crowd, Wire},
    nats,
    process::{Input, Server, Subject},
};

/// Deliveries of one round, over all links.
const DELIVERIES: usize = 3_000_000;

/// Links of the figures about many.
const MANY: usize = 10_000;

/// The first PING comes half a second after a link opened, the next 30 s later: rounds lie between the two.
const FIRST_PINGS: Duration = Duration::from_millis(1200);

/// How long an idle node is watched: a third of its PINGs fall into it.
const IDLE: Duration = Duration::from_secs(10);

/// `/pub *` typed into standard input, to 100 links: deliveries a second, and processor time for each in microseconds.
pub fn fan_out_100(subject: Subject) -> io::Result<Values> {
    fan_out(subject, 100)
}

/// The same to 1,000 links.
pub fn fan_out_1000(subject: Subject) -> io::Result<Values> {
    fan_out(subject, 1000)
}

fn fan_out(subject: Subject, links: usize) -> io::Result<Values> {
    let mut server = Server::start(subject, Input::Pipe)?;
    let stdin = server.stdin.take();
    let stdin = stdin.ok_or(io::ErrorKind::BrokenPipe)?;
    crowd::runtime()?.block_on(async {
        if subject == Subject::Nats {
            let (crowd, _) = Crowd::open(server.port, links, Wire::Nats).await?;
            let publisher = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port)).await?;
            let line = |number| nats::publish("fan", number);
            return deliver(&server, &crowd, publisher, links, line).await;
        }
        let (crowd, _) = Crowd::open(server.port, links, Wire::Papo).await?;
        crowd.during(tokio::time::sleep(FIRST_PINGS)).await;
        let typed = pipe::Sender::from_owned_fd(stdin_fd(stdin))?;
        deliver(&server, &crowd, typed, links, typed_line).await
    })
}

fn stdin_fd(stdin: ChildStdin) -> std::os::fd::OwnedFd {
    stdin.into()
}

/// A publication of 64 bytes, as it is typed.
fn typed_line(number: usize) -> String {
    let text = "to all of them, from one, ".repeat(3);
    format!("/pub * {number:08x} {}\n", &text[..55])
}

/// Publishes to all links: deliveries a second, and processor time for each in microseconds.
async fn deliver(
    server: &Server,
    crowd: &Crowd,
    mut to: impl AsyncWrite + Unpin,
    links: usize,
    line: impl Fn(usize) -> String,
) -> io::Result<Values> {
    let lines = |count| (0..count).map(&line).collect::<String>();
    let (some, many) = (DELIVERIES / links / 10, DELIVERIES / links);
    publish(crowd, &mut to, &lines(some), links * some).await?;
    let text = lines(many);
    let (begun, cpu) = (Instant::now(), server.cpu());
    publish(crowd, &mut to, &text, links * many).await?;
    let (took, cpu) = (begun.elapsed(), server.cpu() - cpu);
    let delivered = (links * many) as f64;
    Ok(vec![
        delivered / took.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / delivered,
    ])
}

/// Writes publications and waits until the links have so many more.
async fn publish(
    crowd: &Crowd,
    to: &mut (impl AsyncWrite + Unpin),
    lines: &str,
    count: usize,
) -> io::Result<()> {
    let expected = crowd.publications() + count;
    let all = async {
        to.write_all(lines.as_bytes()).await?;
        let mut seen = crowd.publications();
        let mut at = Instant::now();
        while crowd.publications() < expected {
            tokio::time::sleep(Duration::from_millis(1)).await;
            if crowd.publications() != seen {
                (seen, at) = (crowd.publications(), Instant::now());
            } else if at.elapsed() > Duration::from_secs(5) {
                let missing = expected - seen;
                return Err(io::Error::other(format!(
                    "{missing} deliveries are missing"
                )));
            }
        }
        Ok(())
    };
    crowd.during(all).await
}

/// 10,000 links at once: how many a second, the server's memory per link in KiB and in all in MiB, its processor time
/// while they are idle in percent, how many were lost.
pub fn many(subject: Subject) -> io::Result<Values> {
    let server = Server::start(subject, Input::None)?;
    let alone = server.memory_kib();
    crowd::runtime()?.block_on(async {
        let (crowd, took) = Crowd::open(server.port, MANY, Wire::Papo).await?;
        crowd.during(tokio::time::sleep(FIRST_PINGS)).await;
        let cpu = server.cpu();
        crowd.during(tokio::time::sleep(IDLE)).await;
        let cpu = (server.cpu() - cpu).as_secs_f64() / IDLE.as_secs_f64();
        let memory = server.memory_kib();
        let links = MANY as f64;
        Ok(vec![
            links / took.as_secs_f64(),
            (memory - alone) / links,
            memory / 1024.0,
            cpu * 100.0,
            crowd.lost() as f64,
        ])
    })
}

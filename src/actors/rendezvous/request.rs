//! One request to a rendezvous: resolve, connect, write the line, read the answer, all within one time limit.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::lookup_host,
    time::timeout,
};

use crate::{
    actors::transport::{self, Stream},
    proto::registration::{Exchange, Outcome},
    wire::rendezvous::{ANSWER_BYTES_MAX, Answer},
};

/// The most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// Sends `line` to `to` (`host:port`), or to its known address `server`, and brings back the answer or what happened
/// instead, after `limit` at the latest.
pub async fn exchange(
    to: &str,
    server: Option<SocketAddr>,
    line: &[u8],
    limit: Duration,
) -> Exchange {
    let mut reached = server;
    let outcome = match timeout(limit, attempt(to, &mut reached, line)).await {
        Ok(Ok(outcome) | Err(outcome)) => outcome,
        Err(_) => Outcome::TimedOut,
    };
    Exchange {
        server: reached,
        outcome,
    }
}

async fn attempt(
    to: &str,
    server: &mut Option<SocketAddr>,
    line: &[u8],
) -> Result<Outcome, Outcome> {
    let addresses = match *server {
        Some(address) => vec![address],
        None => resolve(to).await?,
    };
    let (stream, address) = connect(&addresses).await?;
    *server = Some(address);
    Ok(converse(stream, line).await)
}

async fn resolve(to: &str) -> Result<Vec<SocketAddr>, Outcome> {
    let unreachable = |error: io::Error| Outcome::Unreachable(transport::io_words(&error));
    Ok(usable(
        lookup_host(to).await.map_err(unreachable)?.collect(),
    ))
}

/// By IPv4 if the rendezvous has such an address, and then always: records are kept by the address the server sees.
fn usable(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let has_ipv4 = found.iter().any(SocketAddr::is_ipv4);
    let fits = |address: &SocketAddr| address.is_ipv4() || !has_ipv4;
    found.into_iter().filter(fits).take(ADDRESSES_MAX).collect()
}

async fn connect(addresses: &[SocketAddr]) -> Result<(Stream, SocketAddr), Outcome> {
    let mut failure = Outcome::Unreachable("the name has no address".to_owned());
    for address in addresses {
        match transport::connect(*address).await {
            Ok(stream) => return Ok((stream, *address)),
            Err(error) => failure = not_connected(&error),
        }
    }
    Err(failure)
}

fn not_connected(error: &io::Error) -> Outcome {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Outcome::Refused,
        io::ErrorKind::ConnectionReset => Outcome::ClosedSilently,
        _ => Outcome::Unreachable(transport::io_words(error)),
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, line: &[u8]) -> Outcome {
    // A server that blocks us answers without reading and closes: what it wrote is there although our write failed.
    if let Err(error) = stream.write_all(line).await {
        tracing::debug!(%error, "the rendezvous does not read");
    }
    let mut answer = Vec::new();
    let mut reader = BufReader::new(stream).take(ANSWER_BYTES_MAX as u64);
    if let Err(error) = reader.read_until(b'\n', &mut answer).await {
        tracing::debug!(%error, "the rendezvous ended the connection");
    }
    understand(&answer)
}

/// End of file ends an answer as well as a newline does, unless it cut an object short.
fn understand(line: &[u8]) -> Outcome {
    if line.is_empty() {
        return Outcome::ClosedSilently;
    }
    let is_short = line.len() < ANSWER_BYTES_MAX && !line.ends_with(b"\n");
    match Answer::parse(line) {
        Answer::NotARendezvous if is_short && line.starts_with(b"{") => Outcome::ClosedSilently,
        answer => Outcome::Answered(answer),
    }
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;

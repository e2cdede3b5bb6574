//! The only file of the actors that names the TCP stream: how connections are dialled.

use std::{io, net::SocketAddr};

use tokio::net::TcpStream;

/// A connection. Everything above asks only for `AsyncRead + AsyncWrite`.
pub type Stream = TcpStream;

/// Dials, without a time limit of its own. Lines leave as they are written (`TCP_NODELAY`).
pub async fn connect(address: SocketAddr) -> io::Result<Stream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Whether both ends of a connection are on this machine.
pub fn is_local(stream: &Stream) -> bool {
    match (stream.local_addr(), stream.peer_addr()) {
        (Ok(local), Ok(peer)) => local.ip().to_canonical() == peer.ip().to_canonical(),
        _ => false,
    }
}

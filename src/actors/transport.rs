//! TCP: the only file of the actors that names its streams. Everything above sees a [`Wire`].

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
};

/// The two halves of one connection, of whatever make: a socket, or a test's in-memory pipe.
pub struct Wire {
    /// Where bytes come from.
    pub reader: Box<dyn AsyncRead + Send + Unpin>,
    /// Where bytes go; dropping it ends the stream.
    pub writer: Box<dyn AsyncWrite + Send + Unpin>,
}

impl Wire {
    /// The halves of anything that reads and writes.
    pub fn new<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(stream: S) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            reader: Box::new(reader),
            writer: Box::new(writer),
        }
    }

    /// The halves of a TCP connection; lines leave at once (TCP_NODELAY).
    pub fn of_tcp(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        Ok(Self {
            reader: Box::new(reader),
            writer: Box::new(writer),
        })
    }
}

/// A TCP connection; most code asks only for `AsyncRead + AsyncWrite`.
pub type Stream = TcpStream;

/// Dials; the caller bounds the time. Lines leave as they are written (TCP_NODELAY).
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

/// Connections that wait to be accepted; the default of 128 loses bursts.
const BACKLOG: u32 = 4096;

/// Binds one listening address so that a restart within a minute succeeds.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => {
            let socket = TcpSocket::new_v6()?;
            if address.ip().is_unspecified() {
                socket2::SockRef::from(&socket).set_only_v6(false)?;
            }
            socket
        }
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The words of an I/O error, without the operating system's number.
pub fn io_words(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

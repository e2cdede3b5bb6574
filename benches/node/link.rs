//! One blocking link of the load generator.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use crate::lines::{self, Count};

/// The most bytes that are read at once.
pub const READ_BYTES: usize = 64 * 1024;

/// A link whose handshake is done.
pub struct Link {
    /// The socket.
    pub stream: TcpStream,
    scratch: Vec<u8>,
    count: Count,
}

impl Link {
    /// Connects to a server on this machine and shakes hands as `name`.
    pub fn open(port: u16, name: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut link = Self {
            stream,
            scratch: vec![0; READ_BYTES],
            count: Count::default(),
        };
        link.write(lines::hello(name).as_bytes())?;
        while link.read(lines::HELLO_OK)? == 0 {}
        Ok(link)
    }

    /// Writes it all.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Reads what is there, waiting for it; how many lines of this type ended in it.
    pub fn read(&mut self, kind: u8) -> io::Result<usize> {
        match self.stream.read(&mut self.scratch)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(self.count.feed(&self.scratch[..read], kind)),
        }
    }
}

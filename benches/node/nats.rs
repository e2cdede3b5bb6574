//! The wire of the NATS server, as far as the figures need it: subscribing, publishing, one request and its reply.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

use crate::lines::Count;

/// By this letter a message to one of our subjects of three letters with 64 bytes is counted: `MSG fan 1 64`.
pub const MESSAGE: u8 = b'6';

/// The first lines of a link that subscribes to `subject`; their end is known by a PONG.
pub fn subscribe(subject: &str) -> String {
    format!("CONNECT {{\"verbose\":false,\"pedantic\":false}}\r\nSUB {subject} 1\r\nPING\r\n")
}

/// Whether the PONG is in it.
pub fn is_pong(chunk: &[u8]) -> bool {
    memchr::memmem::find(chunk, b"PONG\r\n").is_some()
}

/// Publishes a text of 64 bytes.
pub fn publish(subject: &str, number: usize) -> String {
    let text = "to all of them, from one, ".repeat(3);
    format!("PUB {subject} 64\r\n{number:08x} {}\r\n", &text[..55])
}

/// Two links, of which one asks what the other answers.
pub struct Pair {
    asks: TcpStream,
    answers: TcpStream,
}

impl Pair {
    /// Connects and subscribes both.
    pub fn open(port: u16) -> io::Result<Self> {
        Ok(Self {
            asks: link(port, "ans")?,
            answers: link(port, "ask")?,
        })
    }

    /// A request of 64 bytes goes to the other link, and its reply of 64 bytes comes back.
    pub fn round_trip(&mut self, number: usize) -> io::Result<()> {
        self.asks.write_all(publish("ask", number).as_bytes())?;
        wait(&mut self.answers)?;
        self.answers.write_all(publish("ans", number).as_bytes())?;
        wait(&mut self.asks)
    }
}

fn link(port: u16, subject: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(subscribe(subject).as_bytes())?;
    let mut chunk = [0; 4096];
    loop {
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if is_pong(&chunk[..read]) {
            return Ok(stream);
        }
    }
}

fn wait(stream: &mut TcpStream) -> io::Result<()> {
    let (mut count, mut chunk) = (Count::default(), [0; 4096]);
    loop {
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // The message is there as a whole: it is small.
        if count.feed(&chunk[..read], MESSAGE) > 0 {
            return Ok(());
        }
    }
}

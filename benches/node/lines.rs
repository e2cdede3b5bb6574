//! The lines the load generator writes and counts.

use std::sync::atomic::{AtomicU32, Ordering};

/// The first lines of a link; `name` is the generator's peer id.
pub fn hello(name: &str) -> String {
    format!(
        "{{\"type\":\"HELLO\",\"peer_id\":\"{name}\",\"version\":\"1.0\",\
         \"features\":[\"ack\",\"metrics\",\"stream\"],\"ttl\":1}}\n"
    )
}

/// The last line of a link.
pub fn bye(name: &str) -> String {
    format!(
        "{{\"type\":\"BYE\",\"msg_id\":\"0\",\"src\":\"{name}\",\"dst\":\"{SERVER}\",\
         \"reason\":\"quit\",\"ttl\":1}}\n"
    )
}

/// The answer to a PING with this id.
pub fn pong(msg_id: &str) -> String {
    format!(
        "{{\"type\":\"PONG\",\"msg_id\":\"{msg_id}\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"ttl\":1}}\n"
    )
}

/// Who the servers are.
pub const SERVER: &str = "node@bench";

/// Makes SENDs that differ in nothing but their id, each of which is used once: the duplicate filter has work.
pub struct Sends {
    template: Vec<u8>,
    id_at: usize,
    next: u64,
}

impl Sends {
    /// SENDs of `name` with so many bytes of text.
    pub fn new(name: &str, payload: usize) -> Self {
        static GENERATORS: AtomicU32 = AtomicU32::new(0);
        let generator = GENERATORS.fetch_add(1, Ordering::Relaxed);
        let text = "papo ".repeat(payload / 5 + 1);
        let line = format!(
            "{{\"type\":\"SEND\",\"msg_id\":\"{generator:08x}-0000-4000-8000-000000000000\",\
             \"src\":\"{name}\",\"dst\":\"{SERVER}\",\"payload\":\"{}\",\"require_ack\":true,\"ttl\":1}}\n",
            &text[..payload]
        );
        let id_at = line.find("-8000-").unwrap_or_default() + 6;
        Self {
            template: line.into_bytes(),
            id_at,
            next: 0,
        }
    }

    /// Appends `count` lines.
    pub fn append(&mut self, out: &mut Vec<u8>, count: usize) {
        for _ in 0..count {
            self.next += 1;
            let mut number = self.next;
            for digit in self.template[self.id_at..self.id_at + 12].iter_mut().rev() {
                *digit = b"0123456789abcdef"[(number & 15) as usize];
                number >>= 4;
            }
            out.extend_from_slice(&self.template);
        }
    }
}

/// Counts the lines of one type in a stream, however it is split.
#[derive(Default)]
pub struct Count {
    /// Bytes of the line that has begun.
    begun: usize,
    matches: bool,
}

/// Where the second letter of the type stands, which tells the types apart: `{"type":"AC`.
const KIND_AT: usize = 10;

/// Of ACK.
pub const ACK: u8 = b'C';

/// Of HELLO_OK.
pub const HELLO_OK: u8 = b'E';

/// Of PUB.
pub const PUB: u8 = b'U';

impl Count {
    /// How many lines of this type end in `chunk`.
    pub fn feed(&mut self, chunk: &[u8], kind: u8) -> usize {
        let mut count = 0;
        let mut rest = chunk;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            self.look(&rest[..end], kind);
            count += usize::from(self.matches);
            *self = Self::default();
            rest = &rest[end + 1..];
        }
        self.look(rest, kind);
        count
    }

    fn look(&mut self, part: &[u8], kind: u8) {
        if let Some(at) = KIND_AT.checked_sub(self.begun) {
            self.matches |= part.get(at) == Some(&kind);
        }
        self.begun += part.len();
    }
}

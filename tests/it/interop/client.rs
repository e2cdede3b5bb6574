//! A scripted client of this protocol: every byte it says is the test's, and what it hears is kept with the time and
//! the segment it came in. As dialler and as acceptor.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, mpsc},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use socket2::{Domain, SockRef, Socket, Type};

use crate::support::{LIMIT, ask};

/// One connection of a scripted client.
pub struct Client {
    stream: TcpStream,
    heard: Arc<Heard>,
}

/// What one `recv` brought.
#[derive(Debug, Clone)]
pub struct Segment {
    /// When.
    pub at: Instant,
    /// What.
    pub text: String,
}

#[derive(Default)]
struct Heard {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    segments: Vec<Segment>,
    lines: Vec<String>,
    values: Vec<Value>,
    partial: Vec<u8>,
    end: Option<ErrorKind>,
}

impl Client {
    /// Connects, and says nothing yet.
    pub fn connect(address: &str) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// Connects from an address of this machine.
    pub fn connect_from(own: &str, address: &str) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let own: SocketAddr = format!("{own}:0").parse().unwrap();
        socket.bind(&own.into()).unwrap();
        let address: SocketAddr = address.parse().unwrap();
        socket.connect(&address.into()).unwrap();
        Self::over(socket.into())
    }

    /// Dials a node as a plain client; back after HELLO_OK.
    pub fn dial(address: &str, id: &str) -> Self {
        let client = Self::connect(address);
        client.say(&hello("HELLO", id));
        client.hears("HELLO_OK");
        client
    }

    /// Over this connection.
    pub fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        let heard = Arc::<Heard>::default();
        let (mut reading, hearing) = (stream.try_clone().unwrap(), Arc::clone(&heard));
        thread::spawn(move || {
            let mut chunk = vec![0; 64 * 1024];
            loop {
                match reading.read(&mut chunk) {
                    Ok(0) => return hearing.ended(ErrorKind::UnexpectedEof),
                    Ok(read) => hearing.add(&chunk[..read]),
                    Err(error) => return hearing.ended(error.kind()),
                }
            }
        });
        Self { stream, heard }
    }

    /// Writes these bytes at once. What a node that has closed does not take is no failure here.
    pub fn write(&self, bytes: &[u8]) {
        drop(self.try_write(bytes));
    }

    /// Writes these bytes; an error once the node has closed.
    pub fn try_write(&self, bytes: &[u8]) -> std::io::Result<()> {
        (&self.stream).write_all(bytes)
    }

    /// Writes these lines in one segment.
    pub fn say_together(&self, lines: &[Value]) {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.write(text.as_bytes());
    }

    /// Says a line.
    pub fn say(&self, line: &Value) {
        self.say_together(std::slice::from_ref(line));
    }

    /// Acknowledges a SEND with as little as there can be.
    pub fn acknowledge(&self, send: &Value) {
        self.say(&json!({"type": "ACK", "msg_id": send["msg_id"]}));
    }

    /// Asks for a PONG and waits for it: what was said before has been read, and what was due before has been heard.
    pub fn ping(&self, msg_id: &str) {
        self.say(&json!({"type": "PING", "msg_id": msg_id, "timestamp": "2026-01-01T00:00:00Z", "ttl": 1}));
        self.hears_one("PONG", |line| line["msg_id"] == msg_id);
    }

    /// Waits for a line of this type.
    pub fn hears(&self, kind: &str) -> Value {
        self.hears_one(kind, |_| true)
    }

    /// Waits for a line of this type with something in it.
    pub fn hears_one(&self, kind: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.heard.wait(kind, |state| {
            let mut lines = state.values.iter();
            lines
                .find(|line| line["type"] == kind && is_it(line))
                .cloned()
        })
    }

    /// Waits for so many lines of this type and gives them.
    pub fn hears_many(&self, kind: &str, count: usize) -> Vec<Value> {
        self.heard.wait(&format!("{count} {kind}"), |state| {
            let all = state.values.iter().filter(|line| line["type"] == kind);
            (all.clone().count() >= count).then(|| all.cloned().collect())
        })
    }

    /// The types of all lines so far.
    pub fn heard(&self) -> Vec<String> {
        let state = self.heard.state();
        let kind = |line: &Value| line["type"].as_str().unwrap_or_default().to_owned();
        state.values.iter().map(kind).collect()
    }

    /// How many lines of this type came so far.
    pub fn count(&self, kind: &str) -> usize {
        self.heard().iter().filter(|heard| *heard == kind).count()
    }

    /// Whether the node has ended its writing or the connection.
    pub fn has_ended(&self) -> bool {
        self.heard.state().end.is_some()
    }

    /// All lines so far, to the letter.
    pub fn lines(&self) -> Vec<String> {
        self.heard.state().lines.clone()
    }

    /// All that came so far, as it came.
    pub fn segments(&self) -> Vec<Segment> {
        self.heard.state().segments.clone()
    }

    /// Waits until the node has ended its writing or the connection.
    pub fn hears_the_end(&self) {
        self.heard.wait("the end", |state| state.end);
    }

    /// Ends its own writing; it still reads.
    pub fn end_writing(&self) {
        drop(self.stream.shutdown(Shutdown::Write));
    }

    /// Closes the connection without a word.
    pub fn close(&self) {
        drop(self.stream.shutdown(Shutdown::Both));
    }

    /// Breaks the connection: the node gets a RST.
    pub fn reset(self) {
        SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        // The reader holds the socket, too: it lets go when its half is ended, and the last one sends the RST.
        drop(self.stream.shutdown(Shutdown::Read));
        self.heard.wait("its own end", |state| state.end);
    }
}

impl Drop for Client {
    #[expect(
        clippy::print_stderr,
        reason = "a failed test shows what its clients heard"
    )]
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("---- a client heard ----\n{}", self.lines().join("\n"));
        }
        if SockRef::from(&self.stream)
            .linger()
            .is_ok_and(|it| it.is_none())
        {
            self.close();
        }
    }
}

impl Heard {
    fn add(&self, bytes: &[u8]) {
        let (at, text) = (Instant::now(), String::from_utf8_lossy(bytes).into());
        let mut state = self.state();
        state.segments.push(Segment { at, text });
        for byte in bytes {
            match byte {
                b'\n' => {
                    let line = std::mem::take(&mut state.partial);
                    let line = String::from_utf8_lossy(&line);
                    state.values.push(value(&line));
                    state.lines.push(line.into());
                }
                other => state.partial.push(*other),
            }
        }
        self.changed.notify_all();
    }

    fn ended(&self, how: ErrorKind) {
        self.state().end = Some(how);
        self.changed.notify_all();
    }

    fn wait<T>(&self, what: &str, mut find: impl FnMut(&State) -> Option<T>) -> T {
        let mut found = None;
        let (state, _) = self
            .changed
            .wait_timeout_while(self.state(), LIMIT, |state| {
                found = find(state);
                found.is_none() && state.end.is_none()
            })
            .unwrap();
        let (lines, end) = (state.lines.join("\n"), state.end);
        drop(state);
        found.unwrap_or_else(|| panic!("a client waits for {what} (end: {end:?}):\n{lines}"))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

/// A client that listens.
pub struct Listening {
    /// Where.
    pub address: String,
    incoming: mpsc::Receiver<TcpStream>,
}

impl Listening {
    /// On any port of loopback.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (accepted, incoming) = mpsc::channel();
        thread::spawn(move || {
            let mut streams = listener.incoming().map_while(Result::ok);
            while streams.next().is_some_and(|it| accepted.send(it).is_ok()) {}
        });
        Self { address, incoming }
    }

    /// Waits until it is dialled.
    pub fn accept(&self) -> Client {
        let stream = self.incoming.recv_timeout(LIMIT);
        Client::over(stream.unwrap_or_else(|_| panic!("nobody dials {}", self.address)))
    }

    /// Waits until it is dialled, and answers HELLO as a plain client of this id.
    pub fn answer(&self, id: &str) -> Client {
        let client = self.accept();
        client.hears("HELLO");
        client.say(&hello("HELLO_OK", id));
        client
    }

    /// How many dials wait to be accepted by now.
    pub fn dials(&self) -> usize {
        self.incoming.try_iter().count()
    }

    /// Registers under this id.
    pub fn register(&self, server: &str, id: &str) {
        let (name, namespace) = id.split_once('@').unwrap();
        let port: u16 = self.address.rsplit(':').next().unwrap().parse().unwrap();
        let request = json!({"type": "REGISTER", "namespace": namespace, "name": name, "port": port, "ttl": 3600});
        let answer = ask(server, &request.to_string());
        assert!(answer.contains("OK"), "{answer}");
    }
}

/// HELLO or HELLO_OK of a plain client.
pub fn hello(kind: &str, id: &str) -> Value {
    json!({"type": kind, "peer_id": id, "version": "1.0", "features": ["ack", "metrics"], "ttl": 1})
}

/// A SEND of a plain client.
pub fn send(msg_id: &str, text: &str) -> Value {
    json!({"type": "SEND", "msg_id": msg_id, "src": "bob@lobby", "dst": "alice@lobby", "payload": text, "require_ack": true, "ttl": 1})
}

/// A PUB of a plain client.
pub fn publication(msg_id: &str, dst: &str, text: &str) -> Value {
    json!({"type": "PUB", "msg_id": msg_id, "src": "bob@lobby", "dst": dst, "payload": text, "require_ack": false, "ttl": 1})
}

/// A line as JSON; null if it is none.
pub fn value(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_default()
}

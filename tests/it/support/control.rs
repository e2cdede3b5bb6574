//! A client of a node's control socket.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};

use super::{
    LIMIT, Node,
    lines::{Line, Lines, Source},
};

/// Where the control socket of this node is.
pub fn control_path(node: &Node) -> PathBuf {
    PathBuf::from(node.ready()["control"].as_str().unwrap())
}

/// A client over any stream.
pub struct Control {
    writer: Box<dyn Write>,
    close: Box<dyn Fn(Shutdown)>,
    lines: Arc<Lines>,
}

impl Control {
    /// At the socket of this node; back after its first line.
    pub fn of(node: &Node) -> Self {
        let client = Self::at(&control_path(node));
        client.event("ready", |_| true);
        client
    }

    /// At this path.
    pub fn at(path: &Path) -> Self {
        Self::over_stream(UnixStream::connect(path).unwrap())
    }

    /// Over a connection on which the test has spoken already.
    pub fn over_stream(stream: UnixStream) -> Self {
        let (reader, closed) = (stream.try_clone().unwrap(), stream.try_clone().unwrap());
        Self::over(reader, stream, move |how| drop(closed.shutdown(how)))
    }

    /// At a control port, with this first line.
    pub fn over_tcp(address: &str, token: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        let (reader, closed) = (stream.try_clone().unwrap(), stream.try_clone().unwrap());
        let mut client = Self::over(reader, stream, move |how| drop(closed.shutdown(how)));
        client.say(token);
        client
    }

    fn over(
        reader: impl Read + Send + 'static,
        writer: impl Write + 'static,
        close: impl Fn(Shutdown) + 'static,
    ) -> Self {
        let lines = Lines::new("a control client");
        lines.follow(Source::Out, reader, || ());
        Self {
            writer: Box::new(writer),
            close: Box::new(close),
            lines,
        }
    }

    /// Says a line; a node that does not read it any more is no failure here.
    pub fn say(&mut self, line: &str) {
        drop(self.writer.write_all(format!("{line}\n").as_bytes()));
    }

    /// Says a command with a `ref`, and waits for its answer: a reply or an error.
    pub fn ask(&mut self, mut command: Value, reference: &str) -> Value {
        command["ref"] = reference.into();
        self.say(&command.to_string());
        self.answer(reference)
    }

    /// Waits for the answer with this `ref`.
    pub fn answer(&self, reference: &str) -> Value {
        let is_it = |line: &Line| {
            let is_answer = line.json["event"] == "reply" || line.json["event"] == "error";
            is_answer && line.json["ref"] == reference
        };
        self.lines.wait("an answer", LIMIT, 0, is_it).json
    }

    /// Sends a message to a peer.
    pub fn send(&mut self, to: &str, text: &str, reference: &str) -> Value {
        self.ask(json!({"command": "msg", "to": to, "text": text}), reference)
    }

    /// Waits for an event.
    pub fn event(&self, kind: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let is_event = |line: &Line| line.json["event"] == kind && is_it(&line.json);
        self.lines.wait(kind, LIMIT, 0, is_event).json
    }

    /// All events of a kind so far.
    pub fn events(&self, kind: &str) -> Vec<Value> {
        let events = self.lines.all().into_iter().map(|line| line.json);
        events.filter(|event| event["event"] == kind).collect()
    }

    /// Everything so far.
    pub fn all(&self) -> Vec<Value> {
        self.lines.all().into_iter().map(|line| line.json).collect()
    }

    /// Says that no more commands come.
    pub fn end_input(&self) {
        (self.close)(Shutdown::Write);
    }

    /// Waits until the node has closed its end.
    pub fn hears_the_end(&self) {
        self.lines.wait_for_end(LIMIT);
    }
}

impl Drop for Control {
    #[expect(
        clippy::print_stderr,
        reason = "a failed test shows what its clients got"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.lines.transcript());
        }
        (self.close)(Shutdown::Both);
    }
}

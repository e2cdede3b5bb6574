//! A running program: what it printed, what it is told, how it ends. It is killed when the test is over.

use std::{
    io::Write,
    process::{Child, ChildStdin, ChildStdout, ExitStatus},
    sync::{Arc, Mutex},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use super::{
    LIMIT,
    lines::{Line, Lines, Source},
    start::Home,
};

/// A running program.
pub struct Node {
    child: Arc<Mutex<Child>>,
    input: Option<ChildStdin>,
    output: Option<ChildStdout>,
    lines: Arc<Lines>,
    home: Home,
}

impl Node {
    pub(super) fn new(name: &str, mut child: Child, read_output: bool, home: Home) -> Self {
        let lines = Lines::new(name);
        let input = child.stdin.take();
        let mut output = child.stdout.take();
        let errors = child.stderr.take().unwrap();
        let child = Arc::new(Mutex::new(child));
        if read_output {
            lines.follow(Source::Out, output.take().unwrap(), || ());
        }
        let ending = Arc::clone(&child);
        // It closes standard error only by ending.
        lines.follow(Source::Err, errors, move || {
            drop(ending.lock().unwrap().wait())
        });
        Self {
            child,
            input,
            output,
            lines,
            home,
        }
    }

    /// Its home.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.lock().unwrap().id()
    }

    /// Its standard output, if the test reads it.
    pub fn output(&mut self) -> ChildStdout {
        self.output.take().unwrap()
    }

    /// Its standard input, for a test that writes it elsewhere.
    pub fn input(&mut self) -> ChildStdin {
        self.input.take().unwrap()
    }

    /// Writes a line to its standard input.
    pub fn send(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        // What a program that is ending does not read is no failure here.
        drop(writeln!(input, "{line}"));
    }

    /// Ends its standard input.
    pub fn end_input(&mut self) {
        drop(self.input.take());
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let mut child = self.child.lock().unwrap();
        if child.try_wait().unwrap().is_none() {
            kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
        }
    }

    /// Ends it as kill -9 does.
    pub fn kill(&self) {
        self.signal(Signal::SIGKILL);
        self.lines.wait_for_end(LIMIT);
    }

    /// Waits for its end.
    pub fn exit_code(&self) -> i32 {
        self.exit_status().code().unwrap()
    }

    fn exit_status(&self) -> ExitStatus {
        self.lines.wait_for_end(LIMIT);
        self.child.lock().unwrap().wait().unwrap()
    }

    /// Ends it orderly, by the end of its input.
    pub fn leave(&mut self) {
        self.end_input();
        assert_eq!(self.exit_code(), 0);
    }

    /// How many lines there are by now: events before them can be left out.
    pub fn mark(&self) -> usize {
        self.lines.all().len()
    }

    /// Everything it printed so far, without what it logged.
    pub fn printed(&self) -> Vec<String> {
        self.of(Source::Out)
    }

    /// Everything it said on standard error so far.
    pub fn logged(&self) -> Vec<String> {
        self.of(Source::Err)
    }

    fn of(&self, source: Source) -> Vec<String> {
        let lines = self.lines.all().into_iter();
        lines
            .filter(|line| line.source == source)
            .map(|line| line.text)
            .collect()
    }

    /// Waits for a printed line that holds these words.
    pub fn line(&self, words: &str) -> String {
        self.line_after(0, words)
    }

    /// The same, for the lines after a mark.
    pub fn line_after(&self, mark: usize, words: &str) -> String {
        self.wait(mark, Source::Out, words)
    }

    /// Waits until what it said on standard error holds these words.
    pub fn log(&self, words: &str) -> String {
        self.wait(0, Source::Err, words)
    }

    fn wait(&self, mark: usize, source: Source, words: &str) -> String {
        let is_it = |line: &Line| line.source == source && line.text.contains(words);
        self.lines.wait(words, LIMIT, mark, is_it).text
    }

    /// Waits for its first event.
    pub fn ready(&self) -> Value {
        self.event("ready", |_| true)
    }

    /// Where it accepts peers, of a node that speaks JSON.
    pub fn address(&self) -> String {
        self.ready()["listen"][0].as_str().unwrap().to_owned()
    }

    /// Waits for an event.
    pub fn event(&self, kind: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.event_after(0, kind, is_it)
    }

    /// Waits for an event after a mark.
    pub fn event_after(&self, mark: usize, kind: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.event_within(LIMIT, mark, kind, is_it)
    }

    /// Waits for an event after a mark, for no longer than `limit`.
    pub fn event_within(
        &self,
        limit: Duration,
        mark: usize,
        kind: &str,
        is_it: impl Fn(&Value) -> bool,
    ) -> Value {
        let is_event = |line: &Line| line.json["event"] == kind && is_it(&line.json);
        let what = format!("the event {kind}");
        self.lines.wait(&what, limit, mark, is_event).json
    }

    /// All events of a kind so far.
    pub fn events(&self, kind: &str) -> Vec<Value> {
        let events = self.lines.all().into_iter().map(|line| line.json);
        events.filter(|event| event["event"] == kind).collect()
    }

    /// Waits for a message with this text, and gives its event.
    pub fn message(&self, text: &str) -> Value {
        self.event("message", |event| event["text"] == text)
    }

    /// Waits until a peer is connected.
    pub fn meets(&self, peer: &str) {
        self.event("peer_connected", |event| event["peer"] == peer);
    }

    /// The texts of all messages so far, in their order.
    pub fn texts(&self) -> Vec<String> {
        let text = |event: &Value| event["text"].as_str().unwrap().to_owned();
        self.events("message").iter().map(text).collect()
    }

    /// Asks something and waits for the answer: a reply or an error.
    pub fn ask(&mut self, line: &str) -> Value {
        let mark = self.mark();
        self.send(line);
        let is_answer =
            |line: &Line| line.json["event"] == "reply" || line.json["event"] == "error";
        let what = format!("the answer to {line}");
        self.lines.wait(&what, LIMIT, mark, is_answer).json
    }
}

impl Drop for Node {
    #[expect(
        clippy::print_stderr,
        reason = "a failed test shows what its programs printed"
    )]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.lines.transcript());
        }
        // It has ended already, or it ends now.
        drop(self.child.lock().unwrap().kill());
    }
}

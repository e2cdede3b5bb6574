//! Lines that come from a stream, kept in order; waiting for one of them, with a limit.

use std::{
    fmt::Write,
    io::{BufRead, BufReader, Read},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
    time::Duration,
};

use serde_json::Value;

/// Where a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Standard output, or a socket.
    Out,
    /// Standard error.
    Err,
}

/// One line.
#[derive(Debug, Clone)]
pub struct Line {
    /// Where it came from.
    pub source: Source,
    /// Without its newline.
    pub text: String,
}

impl Line {
    /// The line as JSON; null if it is none, or comes from standard error.
    pub fn json(&self) -> Value {
        match self.source {
            Source::Out => serde_json::from_str(&self.text).unwrap_or_default(),
            Source::Err => Value::Null,
        }
    }
}

/// All lines of one process or connection so far.
#[derive(Default)]
pub struct Lines {
    name: String,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<Line>,
    open: usize,
}

impl Lines {
    /// No line yet; `name` is for the words of failures.
    pub fn new(name: &str) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            ..Self::default()
        })
    }

    /// Reads a stream to its end in a thread of its own, then calls `ended`.
    pub fn follow(
        self: &Arc<Self>,
        source: Source,
        stream: impl Read + Send + 'static,
        ended: impl FnOnce() + Send + 'static,
    ) {
        self.state().open += 1;
        let lines = Arc::clone(self);
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                let text = String::from_utf8_lossy(&line);
                lines.add(source, text.trim_end_matches('\n').into());
                line.clear();
            }
            ended();
            lines.state().open -= 1;
            lines.changed.notify_all();
        });
    }

    /// Waits until `find` finds what it looks for in all lines so far; fails with all of them when the limit is over,
    /// or when no more can come.
    pub fn wait<T>(
        &self,
        what: &str,
        limit: Duration,
        mut find: impl FnMut(&[Line]) -> Option<T>,
    ) -> T {
        let mut found = None;
        let (state, waited) = self
            .changed
            .wait_timeout_while(self.state(), limit, |state| {
                found = find(&state.lines);
                found.is_none() && state.open > 0
            })
            .unwrap();
        let ended = state.open == 0;
        drop(state);
        let why = match (waited.timed_out(), ended) {
            (true, _) => format!("not within {limit:?}"),
            _ => "and no more can come".into(),
        };
        found.unwrap_or_else(|| panic!("{} waits for {what}: {why}", self.name))
    }

    /// Waits until the streams have ended.
    pub fn wait_for_end(&self, limit: Duration) {
        let (_state, waited) = self
            .changed
            .wait_timeout_while(self.state(), limit, |state| state.open > 0)
            .unwrap();
        assert!(
            !waited.timed_out(),
            "{} does not end within {limit:?}",
            self.name
        );
    }

    /// All lines so far.
    pub fn all(&self) -> Vec<Line> {
        self.state().lines.clone()
    }

    /// All lines so far, as a failure shows them.
    pub fn transcript(&self) -> String {
        let mut text = format!("---- {} ----\n", self.name);
        for Line { source, text: line } in self.all() {
            let mark = if source == Source::Err { "2>" } else { " >" };
            writeln!(text, "{mark} {line}").unwrap();
        }
        text
    }

    fn add(&self, source: Source, text: String) {
        self.state().lines.push(Line { source, text });
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

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
    /// The line as JSON; null if it is none, or comes from standard error.
    pub json: Value,
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

    /// Waits for the first line behind the `mark` that is as expected; fails when the limit is over, or when no more
    /// can come.
    pub fn wait(
        &self,
        what: &str,
        limit: Duration,
        mark: usize,
        is_it: impl Fn(&Line) -> bool,
    ) -> Line {
        let (mut seen, mut found) = (mark, None);
        let (state, waited) = self
            .changed
            .wait_timeout_while(self.state(), limit, |state| {
                let new = state.lines.get(seen..).unwrap_or_default();
                found = new.iter().find(|line| is_it(line)).cloned();
                seen = seen.max(state.lines.len());
                found.is_none() && state.open > 0
            })
            .unwrap();
        drop(state);
        let why = match waited.timed_out() {
            true => format!("not within {limit:?}"),
            false => "and no more can come".into(),
        };
        found.unwrap_or_else(|| panic!("{} waits for {what}: {why}", self.name))
    }

    /// Waits until the streams have ended.
    pub fn wait_for_end(&self, limit: Duration) {
        let (state, waited) = self
            .changed
            .wait_timeout_while(self.state(), limit, |state| state.open > 0)
            .unwrap();
        drop(state);
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
        for Line {
            source, text: line, ..
        } in self.all()
        {
            let mark = if source == Source::Err { "2>" } else { " >" };
            writeln!(text, "{mark} {line}").unwrap();
        }
        text
    }

    fn add(&self, source: Source, text: String) {
        let json = match source {
            Source::Out => serde_json::from_str(&text).unwrap_or_default(),
            Source::Err => Value::Null,
        };
        self.state().lines.push(Line { source, text, json });
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

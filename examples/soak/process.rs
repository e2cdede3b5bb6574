//! One process of the program: started in a home of all, told and asked, killed.

use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use crate::{
    board::Board,
    health::{self, Health},
    ledger::Life,
};

/// The standard input of a process; its load and those who ask it share it.
pub type Input = Arc<Mutex<ChildStdin>>;

/// A running program.
pub struct Process {
    child: Child,
    input: Input,
}

/// What all processes have in common.
pub struct Place<'a> {
    /// The program.
    pub program: &'a Path,
    /// The home of all, which has their logs, too.
    pub home: &'a Path,
}

impl Process {
    /// Starts a node; what it prints goes on the board under this life.
    pub fn node(
        place: &Place,
        arguments: &[&str],
        board: Arc<Board>,
        life: Life,
    ) -> Result<Self, String> {
        let (process, mut output) = Self::start(place, arguments)?;
        thread::spawn(move || {
            let mut line = Vec::new();
            while output
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                // The last line of a killed process may be half a line.
                if let Ok(event) = serde_json::from_slice(&line) {
                    board.event(life, event);
                }
                line.clear();
            }
        });
        Ok(process)
    }

    /// Starts a program; gives its output, too.
    pub fn start(
        place: &Place,
        arguments: &[&str],
    ) -> Result<(Self, impl BufRead + Send + use<>), String> {
        let log = place.home.join(format!("{}.log", arguments[1]));
        let log = OpenOptions::new().create(true).append(true).open(log);
        let mut child = Command::new(place.program)
            .args(arguments)
            .env_clear()
            .env("HOME", place.home)
            // All nodes are behind one address, and come back again and again.
            .env("PAPO_RENDEZVOUS_SERVER__RATE", "1000000")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.map_err(|error| error.to_string())?)
            .spawn()
            .map_err(|error| format!("{}: {error}", place.program.display()))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (Some(input), Some(output)) = (input, output) else {
            return Err("a process without pipes".into());
        };
        let input = Arc::new(Mutex::new(input));
        Ok((Self { child, input }, BufReader::new(output)))
    }

    /// Its input.
    pub fn input(&self) -> Input {
        Arc::clone(&self.input)
    }

    /// Tells it a line. A process that is gone is noticed by its silence.
    pub fn tell(&self, line: &str) {
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        drop(writeln!(input, "{line}"));
    }

    /// What it holds now.
    pub fn health(&self) -> Option<Health> {
        health::of(self.child.id())
    }

    /// Its exit code, once it has ended; negative after a signal.
    pub fn exit_code(&mut self) -> Option<i32> {
        let status = self.child.try_wait().ok()??;
        Some(status.code().unwrap_or(-1))
    }

    /// Ends it as kill -9 does.
    pub fn kill(&mut self) {
        // It has ended already, or it ends now.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

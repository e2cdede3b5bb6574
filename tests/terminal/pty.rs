//! A program in a pseudo-terminal and what its terminal shows. Waits are waits for an expected
//! screen, with a limit that only a failure reaches.

use std::{
    io::{Read, Write},
    num::NonZeroU16,
    os::fd::{AsFd, OwnedFd},
    process::{Child, ExitStatus},
    sync::{Arc, Condvar, Mutex, mpsc},
    thread,
    time::Duration,
};

use nix::{
    sys::{
        signal::{Signal, kill},
        termios::{Termios, tcgetattr},
    },
    unistd::Pid,
};
use pty_process::{
    Size,
    blocking::{Command, Pty, open},
};

/// When an expected screen has not come by then, it does not come.
const LIMIT: Duration = Duration::from_secs(30);

/// A program that runs in a pseudo-terminal.
pub struct Program {
    pty: Arc<Pty>,
    /// The program's end, kept open so that its modes can still be asked for afterwards.
    slave: OwnedFd,
    before: Termios,
    shown: Arc<Shown>,
    pid: Pid,
    exited: mpsc::Receiver<ExitStatus>,
}

/// What the terminal was given, and the news that there is more.
struct Shown {
    terminal: Mutex<Terminal>,
    changed: Condvar,
}

/// The emulated terminal and all that was ever written to it.
struct Terminal {
    emulator: vt100::Parser,
    written: String,
}

impl Program {
    /// Starts a command in a terminal of that size.
    pub fn start(command: Command, columns: u16, rows: u16) -> Self {
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(rows, columns)).unwrap();
        let slave = pts.as_fd().try_clone_to_owned().unwrap();
        let before = tcgetattr(&slave).unwrap();
        let child = command.spawn(pts).unwrap();
        let pid = Pid::from_raw(child.id().try_into().unwrap());
        let pty = Arc::new(pty);
        let shown = Arc::new(Shown {
            terminal: Mutex::new(Terminal {
                emulator: vt100::Parser::new(size(rows), size(columns), 0),
                written: String::new(),
            }),
            changed: Condvar::new(),
        });
        let (source, sink) = (Arc::clone(&pty), Arc::clone(&shown));
        thread::spawn(move || show(&source, &sink));
        Self {
            pty,
            slave,
            before,
            shown,
            pid,
            exited: exit_of(child),
        }
    }

    /// Types.
    pub fn write(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    /// Asks the program to end.
    pub fn terminate(&self) {
        kill(self.pid, Signal::SIGTERM).unwrap();
    }

    /// Gives the terminal another size; the program is told by the system.
    pub fn resize(&self, columns: u16, rows: u16) {
        let mut terminal = self.shown.terminal.lock().unwrap();
        terminal.emulator.set_size(size(rows), size(columns));
        drop(terminal);
        self.pty.resize(Size::new(rows, columns)).unwrap();
    }

    /// Waits until the last rows that are not empty are these, and the cursor is there: in the
    /// column `column` of the last of them.
    pub fn wait_for_end(&self, rows: &[&str], column: u16) {
        self.wait(&format!("{rows:?}, cursor in column {column}"), |screen| {
            let shown = rows_of(screen);
            let last = u16::try_from(shown.len()).unwrap().saturating_sub(1);
            shown.ends_with(&rows.iter().map(|row| (*row).to_owned()).collect::<Vec<_>>())
                && screen.cursor_position() == (last, column)
        });
    }

    /// Waits until a row with that text is shown.
    pub fn wait_for(&self, text: &str) {
        self.wait(text, |screen| {
            rows_of(screen).iter().any(|row| row.contains(text))
        });
    }

    /// Waits until that text was written, wherever it may be now.
    pub fn wait_for_written(&self, text: &str) {
        self.wait_terminal(text, |terminal| terminal.written.contains(text));
    }

    /// Waits until the screen is as expected.
    pub fn wait(&self, what: &str, expected: impl Fn(&vt100::Screen) -> bool) {
        self.wait_terminal(what, |terminal| expected(terminal.emulator.screen()));
    }

    fn wait_terminal(&self, what: &str, expected: impl Fn(&Terminal) -> bool) {
        let terminal = self.shown.terminal.lock().unwrap();
        let (terminal, waited) = self
            .shown
            .changed
            .wait_timeout_while(terminal, LIMIT, |terminal| !expected(terminal))
            .unwrap();
        let screen = terminal.emulator.screen().clone();
        drop(terminal);
        let (rows, cursor) = (rows_of(&screen), screen.cursor_position());
        assert!(
            !waited.timed_out(),
            "expected {what}\nshown {rows:#?}\ncursor {cursor:?}"
        );
    }

    /// Waits for the good end of the program and asserts that its terminal is as it was.
    pub fn wait_for_exit(self) {
        self.wait_for_exit_code(0);
    }

    /// Waits for an end of the program and asserts that its terminal is as it was.
    pub fn wait_for_exit_code(self, code: i32) {
        let status = self.exited.recv_timeout(LIMIT).expect("the program ends");
        assert_eq!(status.code(), Some(code), "{status}");
        assert!(
            tcgetattr(&self.slave).unwrap() == self.before,
            "the terminal's modes are others"
        );
        self.wait("no brackets around pastes and a cursor", |screen| {
            !screen.bracketed_paste() && !screen.hide_cursor() && !screen.alternate_screen()
        });
    }

    /// All that was ever written to the terminal.
    pub fn written(&self) -> String {
        self.shown.terminal.lock().unwrap().written.clone()
    }

    /// Whether the terminal's modes are those from before.
    pub fn is_restored(&self) -> bool {
        tcgetattr(&self.slave).unwrap() == self.before
    }
}

/// A program whose terminal is read only when it is asked for.
pub struct Unwatched {
    pty: Pty,
    child: Child,
}

impl Unwatched {
    /// Starts a command.
    pub fn start(command: Command) -> Self {
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(24, 80)).unwrap();
        Self {
            pty,
            child: command.spawn(pts).unwrap(),
        }
    }

    /// Types.
    pub fn write(&mut self, keys: &str) {
        self.pty.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads until the program has written `text`.
    pub fn read_until(self, text: &'static str) -> Self {
        let Self { mut pty, child } = self;
        let (done, is_done) = mpsc::channel();
        thread::spawn(move || {
            let mut written = Vec::new();
            let mut buffer = [0; 4096];
            while !String::from_utf8_lossy(&written).contains(text) {
                let count = pty.read(&mut buffer).unwrap();
                written.extend_from_slice(&buffer[..count]);
            }
            done.send(pty).unwrap();
        });
        let pty = is_done
            .recv_timeout(LIMIT)
            .expect("the program writes what is expected");
        Self { pty, child }
    }

    /// Takes the terminal away and waits for the end.
    pub fn hang_up(self) -> ExitStatus {
        drop(self.pty);
        exit_of(self.child)
            .recv_timeout(LIMIT)
            .expect("the program ends")
    }

    /// Asks the program to end, reads nothing more, and waits for the end.
    pub fn terminate(self) -> ExitStatus {
        let process = Pid::from_raw(self.child.id().try_into().unwrap());
        kill(process, Signal::SIGTERM).unwrap();
        exit_of(self.child)
            .recv_timeout(LIMIT)
            .expect("the program ends")
    }
}

fn show(mut pty: &Pty, shown: &Shown) {
    let mut buffer = [0; 4096];
    while let Ok(count) = pty.read(&mut buffer) {
        let mut terminal = shown.terminal.lock().unwrap();
        terminal.emulator.process(&buffer[..count]);
        terminal
            .written
            .push_str(&String::from_utf8_lossy(&buffer[..count]));
        drop(terminal);
        shown.changed.notify_all();
    }
}

fn exit_of(mut child: Child) -> mpsc::Receiver<ExitStatus> {
    let (sender, exited) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait().unwrap()));
    exited
}

fn rows_of(screen: &vt100::Screen) -> Vec<String> {
    let (_, columns) = screen.size();
    let mut rows: Vec<String> = screen.rows(0, columns.get()).collect();
    while rows.last().is_some_and(String::is_empty) {
        rows.pop();
    }
    rows
}

fn size(size: u16) -> NonZeroU16 {
    NonZeroU16::new(size).unwrap()
}

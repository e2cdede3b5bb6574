//! How a program is started: its own home, no other environment, its own ports.

use std::{
    ffi::OsStr,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};

use tempfile::TempDir;

use super::node::Node;

/// A home folder of its own, removed with its last user.
#[derive(Clone)]
pub struct Home(Arc<TempDir>);

impl Home {
    /// An empty one.
    pub fn new() -> Self {
        Self(Arc::new(TempDir::new().unwrap()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Five ports for an embedded rendezvous of this test alone. They lie below those the system gives to connections, and
/// the sixth is held so that no other test, of this process or another, takes the same.
pub struct Ports {
    base: u16,
    _held: TcpListener,
}

impl Ports {
    /// A free block.
    pub fn free() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let begin = u16::try_from(std::process::id() % 1500).unwrap();
        loop {
            let at = NEXT.fetch_add(1, Ordering::Relaxed) + begin;
            let base = 10_000 + 6 * (at % 3000);
            let bound = |port| TcpListener::bind(("127.0.0.1", port));
            if let Ok(held) = bound(base + 5)
                && (base..base + 5).all(|port| bound(port).is_ok())
            {
                return Self { base, _held: held };
            }
        }
    }

    /// The first of them.
    pub fn first(&self) -> u16 {
        self.base
    }

    /// Where the rendezvous is, unless another program has the first port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.base)
    }
}

/// A program that is about to be started.
#[derive(Clone)]
pub struct Start {
    name: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    home: Home,
    home_path: Option<PathBuf>,
    has_input: bool,
    has_output: bool,
    limits: Vec<String>,
}

/// `papo` with these arguments and nothing else.
pub fn papo<const N: usize>(arguments: [&str; N]) -> Start {
    Start {
        name: format!("papo {}", arguments.join(" ")),
        arguments: arguments.map(str::to_owned).into(),
        environment: vec![("TZ".into(), "UTC".into())],
        home: Home::new(),
        home_path: None,
        has_input: true,
        has_output: true,
        limits: Vec::new(),
    }
}

/// A node with this name that speaks JSON, on any port of loopback.
pub fn node(name: &str) -> Start {
    papo([
        "--json",
        "--name",
        name,
        "--port",
        "0",
        "--listen",
        "127.0.0.1",
    ])
    .called(name)
}

/// A node with this name that speaks text.
pub fn text_node(name: &str) -> Start {
    papo(["--name", name, "--port", "0", "--listen", "127.0.0.1"]).called(name)
}

impl Start {
    /// Another name for the words of failures.
    pub fn called(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// More arguments.
    pub fn with<const N: usize>(mut self, arguments: [&str; N]) -> Self {
        self.arguments.extend(arguments.map(str::to_owned));
        self
    }

    /// One more environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// A home that others use too.
    pub fn home(mut self, home: &Home) -> Self {
        self.home = home.clone();
        self
    }

    /// A `HOME` that is no folder.
    pub fn home_at(mut self, path: impl AsRef<Path>) -> Self {
        self.home_path = Some(path.as_ref().into());
        self
    }

    /// At this rendezvous server.
    pub fn at(self, server: &str) -> Self {
        self.with(["--rendezvous", server])
    }

    /// With the embedded rendezvous on these ports.
    pub fn embedded(self, ports: &Ports) -> Self {
        self.env("PAPO_RENDEZVOUS__MODE", "embedded")
            .env("PAPO_RENDEZVOUS__ADDRESS", &ports.address())
    }

    /// Without a rendezvous.
    pub fn alone(self) -> Self {
        self.with(["--no-rendezvous"])
    }

    /// With `/debug`.
    pub fn debug(self) -> Self {
        self.env("PAPO_DEBUG", "1")
    }

    /// Without standard input.
    pub fn without_input(mut self) -> Self {
        self.has_input = false;
        self
    }

    /// Its standard output is left to the test.
    pub fn unread(mut self) -> Self {
        self.has_output = false;
        self
    }

    /// It may open no more than so many file descriptors.
    pub fn descriptors(mut self, count: u32) -> Self {
        self.limits.push(format!("ulimit -n {count}"));
        self
    }

    /// It may write files of so many KiB until the limit is lifted; what goes beyond is an error.
    pub fn file_size(mut self, kib: u32) -> Self {
        // The shell counts in blocks of 512 bytes; without the trap the signal would end the program.
        self.limits
            .push(format!("trap '' XFSZ && ulimit -S -f {}", 2 * kib));
        self
    }

    fn command(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_papo");
        if self.limits.is_empty() {
            return Command::new(program);
        }
        let mut shell = Command::new("/bin/sh");
        let script = format!("{} && exec \"$0\" \"$@\"", self.limits.join(" && "));
        shell.args(["-c", &script, program]);
        shell
    }

    /// Starts it.
    pub fn start(self) -> Node {
        let mut command = self.command();
        let home = self.home_path.as_deref().unwrap_or(self.home.path());
        command
            .args(&self.arguments)
            .env_clear()
            .env("HOME", home)
            .envs(
                self.environment
                    .iter()
                    .map(|(name, value)| (OsStr::new(name), OsStr::new(value))),
            )
            .stdin(if self.has_input {
                Stdio::piped()
            } else {
                Stdio::null()
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        Node::new(&self.name, child, self.has_output, self.home)
    }
}

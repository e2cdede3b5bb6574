//! The servers under test as child processes, and what the system says of them.

use std::{
    fs,
    io::{self, BufRead, BufReader},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use crate::cores::{self, Core};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The bare twin.
    Bare,
    /// The node; its standard output goes to /dev/null.
    Node,
    /// The node; its standard output is read by another process.
    NodeRead,
    /// The node with a history on disk that survives the loss of power; its standard output goes to /dev/null.
    KeptFull,
    /// The node with a history on disk that survives kill -9.
    KeptNormal,
    /// The NATS server, as something well known to compare with; it does other work.
    Nats,
}

impl Subject {
    /// Whether it is here to be measured.
    pub fn is_here(self) -> bool {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let has = |folder: PathBuf| folder.join(NATS).is_file();
        self != Self::Nats || std::env::split_paths(&paths).any(has)
    }
}

const NATS: &str = "nats-server";

/// How a server is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// `papo serve`.
    None,
    /// Commands on standard input.
    Pipe,
}

/// A running server; it is killed when dropped.
pub struct Server {
    child: Child,
    reader: Option<Child>,
    /// Where it listens on 127.0.0.1.
    pub port: u16,
    /// Its standard input, if it takes commands.
    pub stdin: Option<ChildStdin>,
    home: PathBuf,
}

impl Server {
    /// Starts a server on the server's core and waits until it accepts connections.
    pub fn start(subject: Subject, input: Input) -> io::Result<Self> {
        let home = new_home()?;
        let port = free_port()?;
        // Of NATS all threads do the work, so all are kept on the server's core.
        cores::pin_self(match subject {
            Subject::Nats => Core::Server,
            _ => Core::Any,
        });
        let server = Self::spawn(subject, input, port, home);
        cores::pin_self(Core::Load);
        let server = server?;
        server.wait_until_it_listens()?;
        cores::pin(server.child.id(), Core::Server);
        Ok(server)
    }

    fn spawn(subject: Subject, input: Input, port: u16, home: PathBuf) -> io::Result<Self> {
        let mut command = command(subject, input, port, &home)?;
        command.stderr(Stdio::inherit()).stdout(match subject {
            Subject::NodeRead => Stdio::piped(),
            _ => Stdio::null(),
        });
        command.stdin(match input {
            Input::Pipe => Stdio::piped(),
            Input::None => Stdio::null(),
        });
        let mut child = command.spawn()?;
        let reader = child.stdout.take().map(read_away).transpose()?;
        let stdin = child.stdin.take();
        Ok(Self {
            child,
            reader,
            port,
            stdin,
            home,
        })
    }

    fn wait_until_it_listens(&self) -> io::Result<()> {
        let limit = Instant::now() + Duration::from_secs(5);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if Instant::now() > limit {
                return Err(io::Error::other("the server does not listen"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }

    /// The processor time it has used, to a hundredth of a second; nothing where there is no /proc.
    pub fn cpu(&self) -> Duration {
        cpu_of(self.child.id()).unwrap_or_default()
    }

    /// Its memory that is resident, in KiB; 0 where there is no /proc.
    pub fn memory_kib(&self) -> f64 {
        memory_of(self.child.id()).unwrap_or(0.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for child in [Some(&mut self.child), self.reader.as_mut()]
            .into_iter()
            .flatten()
        {
            // It may have ended by itself; nothing is measured any more.
            drop(child.kill());
            drop(child.wait());
        }
        drop(fs::remove_dir_all(&self.home));
    }
}

/// Starts the server and waits for its first line; how long that took, and its memory then in KiB.
pub fn start_to_first_line(subject: Subject) -> io::Result<(Duration, f64)> {
    let home = new_home()?;
    let mut command = command(subject, Input::None, 0, &home)?;
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    cores::pin_self(Core::Any);
    let begun = Instant::now();
    let mut child = command.spawn()?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    let took = begun.elapsed();
    cores::pin_self(Core::Load);
    let memory = memory_of(child.id());
    child.kill()?;
    child.wait()?;
    fs::remove_dir_all(&home)?;
    match line.contains("listening on ") {
        true => Ok((took, memory.unwrap_or(0.0))),
        false => Err(io::Error::other("the first line says nothing of listening")),
    }
}

fn command(subject: Subject, input: Input, port: u16, home: &PathBuf) -> io::Result<Command> {
    let mut command = match subject {
        Subject::Bare => {
            let mut bare = Command::new(std::env::current_exe()?);
            bare.args(["bare", &port.to_string()]);
            if input == Input::Pipe {
                bare.arg("publish");
            }
            bare
        }
        Subject::Nats => {
            let mut nats = Command::new(NATS);
            nats.args(["--addr", "127.0.0.1", "--port", &port.to_string()]);
            nats.args(["--log", "/dev/null"]);
            nats
        }
        _ => node(input, port),
    };
    command.env_clear().env("HOME", home);
    for (name, value) in history(subject) {
        command.env(name, value);
    }
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("PAPO_CONNECTION__MAX_INBOUND", "12000");
    Ok(command)
}

/// Nothing is kept on disk, except where that is what is measured.
fn history(subject: Subject) -> [(&'static str, &'static str); 2] {
    let (mode, durability) = match subject {
        Subject::Bare | Subject::Node | Subject::NodeRead | Subject::Nats => ("off", "full"),
        Subject::KeptFull => ("on", "full"),
        Subject::KeptNormal => ("on", "normal"),
    };
    [
        ("PAPO_HISTORY__MODE", mode),
        ("PAPO_HISTORY__DURABILITY", durability),
    ]
}

fn node(input: Input, port: u16) -> Command {
    let mut node = Command::new(env!("CARGO_BIN_EXE_papo"));
    if input == Input::None {
        node.arg("serve");
    }
    node.args(["--name", "node", "--namespace", "bench", "--no-rendezvous"]);
    node.args(["--listen", "127.0.0.1", "--port", &port.to_string()]);
    // Links that come and go are lines of the log at its usual level.
    node.args(["--log", "warn"]);
    node
}

/// `cat` reads what the node shows.
fn read_away(output: std::process::ChildStdout) -> io::Result<Child> {
    Command::new("cat")
        .stdin(output)
        .stdout(Stdio::null())
        .spawn()
}

fn new_home() -> io::Result<PathBuf> {
    static HOMES: AtomicU32 = AtomicU32::new(0);
    let number = HOMES.fetch_add(1, Ordering::Relaxed);
    let name = format!("papo-bench-{}-{number}", std::process::id());
    let home = std::env::temp_dir().join(name);
    fs::create_dir_all(&home)?;
    Ok(home)
}

/// With standard output in /dev/null nobody can read which port a server took: it is chosen here.
fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// User and system time: the 14th and 15th field of `stat`, in hundredths of a second.
fn cpu_of(pid: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut times = behind_name.split_whitespace().skip(11);
    let user: u64 = times.next()?.parse().ok()?;
    let system: u64 = times.next()?.parse().ok()?;
    Some(Duration::from_millis(10 * (user + system)))
}

fn memory_of(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

//! A node on a terminal: what arrives stands above the line being typed, and the terminal is given back.

#[expect(dead_code, reason = "the tests of the terminal itself use more of it")]
#[path = "../terminal/pty.rs"]
mod pty;

mod editing;
mod endings;
mod shown;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use pty_process::blocking::Command;

use self::pty::Program;
use crate::support::{Home, Node, Ports, node};

/// Alice on a terminal, and how others reach her.
struct Alice {
    terminal: Program,
    address: String,
    home: Home,
    /// Nobody else gets her port.
    _ports: Ports,
}

/// What a test may change before she starts.
struct Setting {
    home: Home,
    environment: Vec<(&'static str, &'static str)>,
    arguments: Vec<&'static str>,
    size: (u16, u16),
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            home: Home::new(),
            environment: vec![("TERM", "xterm-256color")],
            arguments: Vec::new(),
            size: (100, 30),
        }
    }
}

impl Setting {
    fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value));
        self
    }

    fn command(&self, ports: &Ports) -> Command {
        Command::new(env!("CARGO_BIN_EXE_papo"))
            .args(arguments(ports.first()))
            .args(&self.arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("PAPO_DEBUG", "1")
            .envs(self.environment.iter().copied())
    }

    fn start(self) -> Alice {
        let ports = Ports::free();
        let (columns, rows) = self.size;
        let terminal = Program::start(self.command(&ports), columns, rows);
        terminal.wait_for(&format!("alice@lobby  listening on {}", ports.address()));
        Alice {
            terminal,
            address: ports.address(),
            home: self.home,
            _ports: ports,
        }
    }
}

fn arguments(port: u16) -> Vec<String> {
    let port = port.to_string();
    let arguments = [
        "--name",
        "alice",
        "--no-rendezvous",
        "--listen",
        "127.0.0.1",
        "--port",
        &port,
    ];
    arguments.map(str::to_owned).into()
}

fn alice() -> Alice {
    let alice = Setting::default().start();
    alice.terminal.wait_for_end(&["alice> "], 7);
    alice
}

impl Alice {
    fn quit(self) {
        self.terminal.write("\x05\x15/quit\r");
        self.terminal.wait_for_exit();
    }
}

/// Sends a signal to the alice of this home.
fn signal_alice(home: &Home, signal: Signal) {
    let lock = home.path().join(".local/share/papo/alice%40lobby/lock");
    let pid = std::fs::read_to_string(lock).unwrap();
    kill(Pid::from_raw(pid.trim().parse().unwrap()), signal).unwrap();
}

fn bob(alice: &Alice) -> Node {
    let bob = node("bob").alone().with(["--join", &alice.address]).start();
    bob.meets("alice@lobby");
    alice.terminal.wait_for("+ bob@lobby is connected");
    bob
}

#[test]
fn what_arrives_stands_above_the_line_and_ctrl_c_clears_it_before_it_leaves() {
    let alice = alice();
    let mut bob = bob(&alice);
    alice.terminal.write("half a thou");
    alice.terminal.wait_for_end(&["alice> half a thou"], 18);
    bob.send("/msg alice hello there");
    alice.terminal.wait_for("-> [bob@lobby] hello there");
    alice.terminal.wait_for_end(&["alice> half a thou"], 18);
    alice.terminal.write("ght\r");
    bob.message("half a thought");
    alice.terminal.wait_for("-> * #1 half a thought  (1 peer)");
    alice.terminal.write("no");
    alice.terminal.wait_for_end(&["alice> no"], 9);
    alice.terminal.write("\x03");
    alice.terminal.wait_for_end(&["alice> "], 7);
    alice.terminal.write("\x03");
    alice.terminal.wait_for_exit();
    bob.event("peer_disconnected", |event| {
        event["reason"] == "it left (quit)"
    });
    assert_eq!(bob.texts(), ["half a thought"]);
}

#[test]
fn a_message_to_who_is_not_there_fails_at_once_and_says_what_to_do() {
    let alice = alice();
    alice.terminal.write("/msg nobody hello\r");
    alice
        .terminal
        .wait_for("! no peer nobody is known: /peers shows who is known");
    alice.terminal.write("hello\r");
    alice
        .terminal
        .wait_for("! nobody is connected: /peers shows who is known");
    let mut bob = bob(&alice);
    alice.terminal.write("/msg bob hello\r");
    alice.terminal.wait_for("delivered to bob@lobby in ");
    bob.message("hello");
    bob.leave();
    alice
        .terminal
        .wait_for("- bob@lobby is gone: it left (quit)");
    alice.terminal.write("/msg bob still there?\r");
    alice.terminal.wait_for("! bob@lobby is not connected");
    alice.terminal.write("/quit\r");
    alice.terminal.wait_for_exit();
}

#[test]
fn a_panic_leaves_the_screen_and_the_line_whole_and_is_in_the_log() {
    let alice = alice();
    let mut bob = bob(&alice);
    for actor in ["router", "cli", "peer", "listener", "ping"] {
        alice.terminal.write(&format!("/debug panic {actor}\r"));
        alice.terminal.wait_for(&format!("  {actor} panics"));
    }
    for actor in ["router", "cli", "listener", "ping"] {
        alice.terminal.wait_for(&format!(
            "! internal error in {actor} (asked to panic); it is restarted in "
        ));
    }
    bob.event("peer_connected", |event| {
        event["direction"] == "outbound" && event["first"] == true
    });
    bob.send("/msg alice@lobby all is well");
    alice.terminal.wait_for("-> [bob@lobby] all is well");
    alice.terminal.write("draft");
    alice.terminal.wait_for_end(&["alice> draft"], 12);
    alice.terminal.write("\x15\x04");
    alice.terminal.wait_for_exit();
    let log = alice
        .home
        .path()
        .join(".local/state/papo/alice%40lobby/papo.log");
    let log = std::fs::read_to_string(log).unwrap();
    assert!(
        log.contains("asked to panic") && !log.contains('\u{1b}'),
        "{log}"
    );
}

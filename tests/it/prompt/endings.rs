//! The terminal is given back however the real program ends or stops.

use nix::sys::signal::Signal;
use pty_process::blocking::Command;

use super::{Program, Setting, alice, arguments, bob, signal_alice};
use crate::support::{Home, Ports};

#[test]
fn a_panic_of_the_program_gives_the_terminal_back_and_says_why() {
    let alice = alice();
    alice.terminal.write("/debug panic program\r");
    alice
        .terminal
        .wait_for_written("papo: internal error: panic at src/");
    alice.terminal.wait_for_exit_code(1);
}

#[test]
fn an_actor_that_fails_too_often_ends_the_program_and_gives_the_terminal_back() {
    let once = Setting::default().env("PAPO_SUPERVISION__FAILURES", "1");
    let alice = once.start();
    alice.terminal.write("/debug panic ping\r");
    alice
        .terminal
        .wait_for_written("papo: ping failed too often: the node ended");
    alice.terminal.wait_for_exit_code(1);
}

#[test]
fn sigterm_gives_the_terminal_back_and_says_bye() {
    let alice = alice();
    let bob = bob(&alice);
    alice.terminal.write("half a thought");
    alice.terminal.wait_for_end(&["alice> half a thought"], 21);
    signal_alice(&alice.home, Signal::SIGTERM);
    alice.terminal.wait_for_exit();
    bob.event("peer_disconnected", |event| {
        event["reason"] == "it left (quit)"
    });
}

/// In a shell with job control, as at home.
#[test]
fn stopped_from_the_keyboard_or_from_outside_it_comes_back_with_fg() {
    let (home, ports) = (Home::new(), Ports::free());
    let shell = Command::new("/bin/sh")
        .arg("-i")
        .env_clear()
        .env("HOME", home.path())
        .env("TERM", "xterm-256color")
        .env("PS1", "shell$ ");
    let terminal = Program::start(shell, 100, 30);
    terminal.wait_for_end(&["shell$ "], 7);
    let program = env!("CARGO_BIN_EXE_papo");
    let arguments = arguments(ports.first()).join(" ");
    terminal.write(&format!("{program} {arguments}\r"));
    terminal.wait_for("[alice@lobby  0/0 peers");
    terminal.write("draft");
    terminal.wait_for_end(&["alice> draft"], 12);
    for round in 0..2 {
        match round {
            0 => terminal.write("\x1a"),
            _ => signal_alice(&home, Signal::SIGTSTP),
        }
        terminal.wait_for_end(&["shell$ "], 7);
        terminal.wait("a shell without news of pastes", |screen| {
            !screen.bracketed_paste()
        });
        terminal.write("fg\r");
        terminal.wait_for_end(&["[alice@lobby  0/0 peers  outbox 0]", "alice> draft"], 12);
    }
    terminal.write("\x15/quit\r");
    terminal.wait_for_end(&["shell$ "], 7);
    terminal.write("exit\r");
    terminal.wait_for_exit();
}

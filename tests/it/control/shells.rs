//! What `papo completions` and `papo man` print.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use crate::support::papo;

fn printed(arguments: [&str; 2]) -> String {
    let arguments = arguments.into_iter().filter(|it| !it.is_empty());
    let output = Command::new(env!("CARGO_BIN_EXE_papo"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn bash_accepts_its_completions() {
    let script = printed(["completions", "bash"]);
    let mut bash = Command::new("bash")
        .arg("-n")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    bash.stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    assert!(bash.wait().unwrap().success());
}

#[test]
fn each_shell_completes_commands_and_options() {
    for shell in ["bash", "zsh", "fish"] {
        let script = printed(["completions", shell]);
        for word in [
            "send",
            "rendezvous",
            "timeout",
            "no-rendezvous",
            "completions",
        ] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let program = papo(["completions", "tcsh"]).start();
    assert_eq!(program.exit_code(), 2);
}

#[test]
fn the_manual_page_has_every_command_and_its_options() {
    let page = printed(["man", ""]);
    assert!(
        page.starts_with(".ie \\n(.g") || page.contains(".TH papo"),
        "{page}"
    );
    for part in [
        ".TH papo",
        "PAPO SEND",
        "PAPO RENDEZVOUS",
        "\\-\\-timeout",
        "192.168.1.7:8080",
    ] {
        assert!(page.contains(part), "{part}");
    }
}

//! Typed lines and command objects.

use papo::frontends::cli::command::{self, COMMANDS, CommandError};

use crate::harness::{Target, assert_printable};

const WORDS: &[&str] = &[
    "/msg ",
    "/pub ",
    "/to ",
    "/peers ",
    "/conn",
    "/rtt",
    "/history ",
    "/connect ",
    "/reconnect",
    "/status",
    "/metrics",
    "/log ",
    "/clear",
    "/help ",
    "/quit",
    "/debug panic ",
    "//",
    "/",
    "*",
    "#lobby",
    "bob",
    "bob@lobby",
    "@",
    " ",
    "\t",
    "4000",
    "192.168.1.7:4000",
    "[::1]:4000",
    "debug",
    "papo=trace",
    "99999999999999999999",
    "\n",
    "\u{1b}[31m",
    "\u{202e}",
    "\u{0}",
    r#"{"command":"msg","to":"bob@lobby","text":"hi","ref":"1"}"#,
    "{",
    "}",
    "\"",
    ":",
    ",",
    "\"command\":",
    "\"to\":",
    "\"text\":",
    "\"argument\":",
    "\"count\":",
    "\"ref\":",
    "null",
    "-1",
    "\\u001b",
    "\\ud800",
];

#[test]
fn any_line_is_a_command_or_an_error_that_can_be_shown() {
    let target = Target {
        name: "command",
        words: WORDS,
        cases: 6_000,
        check,
    };
    target.run();
}

#[test]
fn the_example_of_every_command_is_one() {
    for spec in COMMANDS {
        assert!(command::parse(spec.example).is_ok(), "{}", spec.example);
    }
}

pub fn check(input: &[u8]) {
    let line = String::from_utf8_lossy(input);
    check_error(command::parse(&line).err());
    check_error(command::parse_object(&line).command.err());
}

fn check_error(error: Option<CommandError>) {
    let Some(error) = error else { return };
    assert!(!error.code.is_empty() && !error.hint.is_empty());
    for text in [error.to_string(), error.hint] {
        assert_printable(&text);
        assert!(
            text.chars().count() <= 2_000,
            "it does not repeat what was typed without end"
        );
    }
}

//! The terminal in a real pseudo-terminal: this test program runs itself in one, types, and looks
//! at the screen through a terminal emulator.

#![allow(
    clippy::unwrap_used,
    reason = "a test program: what fails there fails the test"
)]

mod child;
mod pty;

use std::{env, path::Path};

use pty_process::blocking::Command;

use pty::{Program, Unwatched};

/// Set for the program in the pseudo-terminal: where its history is, or nothing.
const CHILD: &str = "PAPO_TERMINAL_TEST_CHILD";

/// Not a test but the program in the pseudo-terminal, when it is one.
#[test]
#[ignore = "the other tests run it in a pseudo-terminal"]
fn child_process() {
    let Some(history) = env::var_os(CHILD) else {
        return;
    };
    let history = (!history.is_empty()).then(|| history.into());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let code = runtime.block_on(child::run(history));
    // The test framework would write to a terminal that may be gone.
    std::process::exit(code);
}

fn command(history: Option<&Path>) -> Command {
    Command::new(env::current_exe().unwrap())
        .args(["child_process", "--exact", "--ignored", "--nocapture"])
        .env(CHILD, history.unwrap_or(Path::new("")))
        .env("TERM", "xterm-256color")
}

fn start(columns: u16, rows: u16) -> Program {
    let program = Program::start(command(None), columns, rows);
    program.wait_for_end(&["me> "], 4);
    program
}

#[test]
fn typing_survives_a_flood_of_lines() {
    let program = start(60, 20);
    program.write("/flood 3000\r");
    program.write("hello wrld\x1b[D\x1b[D\x1b[Do\x05!");
    program.wait_for_end(&["flood 3000 red 日本語", "me> hello world!"], 16);
    program.write("\x01\x1bd\x7f\x04HELLO\r");
    program.wait_for("got [HELLOworld!]");
    program.write("/quit\r");
    program.wait_for_exit();
}

#[test]
fn a_flood_leaves_no_line_out_and_no_line_twice() {
    let program = start(40, 200);
    program.write("/flood 150\rdraft");
    program.wait_for_end(&["flood 150 red 日本語", "me> draft"], 9);
    program.wait("150 lines in their order", |screen| {
        let rows: Vec<String> = screen
            .rows(0, 40)
            .filter(|row| row.starts_with("flood"))
            .collect();
        let expected: Vec<String> = (1..=150).map(|n| format!("flood {n} red 日本語")).collect();
        rows == expected
    });
    program.write("\x15/quit\r");
    program.wait_for_exit();
}

#[test]
fn incoming_chat_is_skipped_but_never_a_reply() {
    let program = start(40, 30);
    program.write("/chat 100000\r");
    program.wait_for_written(" lines skipped");
    program.wait_for_end(&["chat is over", "me> "], 4);
    program.write("/quit 5000\r");
    program.wait_for("last 4999");
    program.wait_for_exit();
}

#[test]
fn keys_edit_the_line() {
    let program = start(60, 10);
    program.write("one two");
    program.wait_for_end(&["me> one two"], 11);
    program.write("\x01");
    program.wait_for_end(&["me> one two"], 4);
    program.write("\x06\x06\x06\x0b");
    program.wait_for_end(&["me> one"], 7);
    program.write("\x19\x19\x05!");
    program.wait_for_end(&["me> one two two!"], 16);
    program.write("\x03");
    program.wait_for_end(&["me> "], 4);
    program.write("\x03");
    program.wait_for_end(&["interrupted", "me> "], 4);
    program.write("\x04");
    program.wait_for("end of input");
    program.wait_for_exit_code(child::END_OF_INPUT);
}

#[test]
fn the_line_follows_the_size_of_the_terminal() {
    let program = start(60, 10);
    program.write("0123456789 0123456789");
    program.wait_for_end(&["me> 0123456789 0123456789"], 25);
    program.resize(20, 8);
    program.wait_for_end(&["me> 0123456789 0123", "456789"], 6);
    program.write("\r");
    program.wait_for_end(&["got [0123456789", "  0123456789]", "me> "], 4);
    program.resize(80, 24);
    program.write("x");
    program.wait_for_end(&["me> x"], 5);
    program.write("\x03/quit\r");
    program.wait_for_exit();
}

#[test]
fn prompt_status_list_and_clear() {
    let program = start(60, 10);
    program.write("/prompt you\r");
    program.wait_for_end(&["me> /prompt you", "you> "], 5);
    program.write("/status 3 peers\r");
    program.wait_for_end(&["3 peers", "you> "], 5);
    program.write("/\t");
    program.wait("a list below the line", |screen| {
        let rows: Vec<String> = screen.rows(0, 60).filter(|row| !row.is_empty()).collect();
        rows.ends_with(&["3 peers", "you> /", "/flood   /prompt  /status"].map(str::to_owned))
    });
    program.write("pr\targ");
    program.wait_for_end(&["3 peers", "you> /prompt arg"], 16);
    program.write("\x15/clear\r");
    program.wait("only the block", |screen| {
        screen
            .rows(0, 60)
            .take(2)
            .eq(["3 peers", "you> "].map(str::to_owned))
    });
    program.write("/quit\r");
    program.wait_for_exit();
}

fn shows_page(program: &Program, size: &str, held: &str) {
    program.wait("the page", |screen| {
        let rows: Vec<String> = screen.rows(0, 200).filter(|row| !row.is_empty()).collect();
        screen.alternate_screen()
            && screen.hide_cursor()
            && rows == [format!("page {size}"), held.to_owned()]
    });
}

#[test]
fn a_page_has_the_whole_screen_and_the_chat_is_as_it_was_afterwards() {
    let program = start(60, 10);
    program.write("before\r");
    program.wait_for_end(&["got [before]", "me> "], 4);
    program.write("/page 3\r");
    shows_page(&program, "60x10", "3 wait");
    program.write("typed into nothing\r");
    program.resize(40, 8);
    shows_page(&program, "40x8", "3 wait");
    program.write("q");
    let rows = [
        "got [before]",
        "me> /page 3",
        "chat 0",
        "chat 1",
        "chat 2",
        "the page was left",
        "me> ",
    ];
    program.wait_for_end(&rows, 4);
    program.wait("the usual screen", |screen| {
        !screen.alternate_screen() && !screen.hide_cursor()
    });
    program.write("after\r");
    program.wait_for_end(&["got [after]", "me> "], 4);
    program.write("/quit\r");
    program.wait_for_exit();
}

#[test]
fn more_chat_than_may_wait_behind_a_page_is_counted() {
    let program = start(60, 10);
    program.write("/page 5000\r");
    shows_page(&program, "60x10", "5000 wait");
    program.write("\x03");
    program.wait_for_end(
        &[
            "chat 4095",
            "  904 lines skipped",
            "the page was left",
            "me> ",
        ],
        4,
    );
    program.write("/quit\r");
    program.wait_for_exit();
}

#[test]
fn an_end_on_a_page_gives_the_terminal_back() {
    let program = start(60, 10);
    program.write("/page 2\r");
    shows_page(&program, "60x10", "2 wait");
    program.terminate();
    program.wait_for("chat 1");
    program.wait_for_exit_code(child::TERMINATED);
}

#[test]
fn a_panic_on_a_page_gives_the_terminal_back() {
    let program = start(60, 10);
    program.write("/page\r");
    shows_page(&program, "60x10", "0 wait");
    program.resize(60, 3);
    program.wait_for_written("a page that panics");
    program.wait_for_exit();
}

#[test]
fn pastes_arrive_as_one_with_brackets_and_without() {
    let program = start(60, 30);
    program.wait("brackets around pastes", vt100::Screen::bracketed_paste);
    program.write("say \x1b[200~one\ttwo\n\x1b[201~!\r");
    program.wait_for_end(&["got [say one    two!]", "me> "], 4);
    program.write("\x1b[200~1\n2\n3\n4\n5\n6\n7\n\x1b[201~");
    program.wait_for_end(&["send 7 lines? y/n "], 18);
    program.write("y");
    program.wait_for_end(&["got [5]", "got [6]", "got [7]", "me> "], 4);
    program.write("a\rb\rc\rd\re\rf\rg\r");
    program.wait_for_end(&["got [e]", "got [f]", "got [g]", "me> "], 4);
    let long = "0123456789".repeat(150);
    program.write(&format!("\x1b[200~{long}\x1b[201~\x01X\r"));
    program.wait_for(&format!("got [X{}", &long[..50]));
    program.write("/quit\r");
    program.wait_for_exit();
}

#[test]
fn many_keys_at_once_are_all_read() {
    let program = start(60, 30);
    let lines: String = (0..400).map(|n| format!("line number {n}\r")).collect();
    program.write(&lines);
    program.wait_for_end(
        &["got [line number 398]", "got [line number 399]", "me> "],
        4,
    );
    program.write("/quit\r");
    program.wait_for_exit();
}

#[test]
fn the_history_outlives_the_session() {
    let folder = tempfile::tempdir().unwrap();
    let history = folder.path().join("history");
    for round in ["first", "second"] {
        let program = Program::start(command(Some(&history)), 60, 20);
        program.wait_for_end(&["me> "], 4);
        program.write(&format!("{round}\r"));
        program.wait_for_end(&[&format!("got [{round}]"), "me> "], 4);
        program.write("/quit\r");
        program.wait_for_exit();
    }
    let program = Program::start(command(Some(&history)), 60, 20);
    program.wait_for_end(&["me> "], 4);
    program.write("draft\x1b[A\x1b[A\x1b[A");
    program.wait_for_end(&["me> /quit"], 9);
    program.write("\x12firs");
    program.wait_for_end(&["(search)`firs': first"], 16);
    program.write("\r");
    program.wait_for_end(&["got [first]", "me> "], 4);
    program.write("/quit\r");
    program.wait_for_exit();
}

#[test]
fn a_panic_gives_the_terminal_back() {
    let program = start(60, 20);
    program.write("oh!");
    program.wait_for_end(&["me> oh!"], 7);
    assert!(!program.is_restored());
    let written = program.written();
    assert!(written.contains("\x1b[?1004h") && !written.contains("\x1b[?1004l"));
    program.write("\t");
    program.wait_for_written("a completer that panics");
    program.wait_for_written("\x1b[?1004l");
    program.wait_for_exit();
}

#[test]
fn a_hurried_end_gives_the_terminal_back() {
    let program = start(60, 20);
    program.write("/restore\r");
    program.wait_for_exit();
}

/// The program leads its session, so nothing can stop it: it has to come back by itself.
#[test]
fn ctrl_z_without_job_control_goes_on() {
    let program = start(60, 20);
    program.write("draft\x1a!");
    program.wait_for_end(&["me> draft!"], 10);
    program.wait("brackets around pastes", vt100::Screen::bracketed_paste);
    program.write("\x15/quit\r");
    program.wait_for_exit();
}

#[test]
fn a_terminal_that_is_gone_is_the_end_of_input() {
    let status = Unwatched::start(command(None)).read_until("me> ").hang_up();
    assert_eq!(status.code(), Some(child::END_OF_INPUT), "{status}");
}

#[test]
fn a_terminal_that_stands_still_holds_nobody_up() {
    let mut program = Unwatched::start(command(None)).read_until("me> ");
    program.write("/flood 1000000\r");
    let status = program.read_until("flood 500 ").terminate();
    assert_eq!(status.code(), Some(child::TERMINATED), "{status}");
}

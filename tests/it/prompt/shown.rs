//! What the real program shows on a terminal: the status, marks and calls, colours, and nothing that a stranger says
//! to the terminal.

use super::{Alice, Setting, alice, bob};
use crate::support::RawPeer;

#[test]
fn the_row_above_the_prompt_tells_who_is_up_and_can_be_turned_off() {
    let alice = alice();
    alice
        .terminal
        .wait_for_end(&["[alice@lobby  0/0 peers  outbox 0]", "alice> "], 7);
    let mut bob = bob(&alice);
    alice
        .terminal
        .wait_for("[alice@lobby  1/1 peers  outbox 0]");
    bob.leave();
    alice
        .terminal
        .wait_for("[alice@lobby  0/1 peers  outbox 0]");
    alice.quit();
    let alice = Setting::default().env("PAPO_PROMPT__STATUS", "off").start();
    alice
        .terminal
        .wait_for_end(&["/help lists the commands", "alice> "], 7);
    alice.quit();
}

#[test]
fn a_message_for_who_is_away_is_in_the_row_and_what_was_said_is_shown_at_the_next_start() {
    let alice = alice();
    let mut bob = bob(&alice);
    bob.send("/msg alice@lobby good morning");
    alice.terminal.wait_for("good morning");
    bob.leave();
    alice.terminal.wait_for("  0/1 peers");
    alice.terminal.write("/msg bob later\r");
    alice
        .terminal
        .wait_for("[alice@lobby  0/1 peers  outbox 1]");
    let home = alice.home.clone();
    alice.quit();
    let again = Setting {
        home,
        ..Setting::default()
    }
    .start();
    again.terminal.wait("what was said before", |screen| {
        let rows: Vec<String> = screen.rows(0, 100).collect();
        let at = |words: &str| rows.iter().position(|row| row.contains(words));
        let (said, sent) = (at("[bob@lobby] good morning"), at("bob@lobby #1 later"));
        said.is_some()
            && said < sent
            && sent < at("until here from before")
            && at("outbox 1") > sent
    });
    again.quit();
}

#[test]
fn help_and_every_reply_fit_a_small_screen() {
    let alice = Setting {
        size: (80, 24),
        ..Setting::default()
    }
    .start();
    alice.terminal.write("/help\r");
    alice
        .terminal
        .wait("the whole list and its command", |screen| {
            let rows: Vec<String> = screen.rows(0, 80).collect();
            let has = |words: &str| rows.iter().any(|row| row.contains(words));
            has("alice> /help") && has("/msg PEER TEXT") && has("/quit  ") && has("0/0 peers")
        });
    alice.quit();
}

#[test]
fn a_text_for_the_user_rings_and_names_its_sender_in_the_title_until_a_key() {
    let alice = Setting::default().env("PAPO_PROMPT__BELL", "both").start();
    let mut bob = bob(&alice);
    bob.send("/pub * for all, malice included");
    alice.terminal.wait_for("for all, malice included");
    let written = alice.terminal.written();
    assert!(!written.contains('\x07'), "that was not for her");
    bob.send("/pub * Alice: lunch?");
    alice
        .terminal
        .wait_for_written("\x07\x1b[22;2t\x1b]2;* bob@lobby - papo\x07");
    alice.terminal.write("y");
    alice.terminal.wait_for_written("\x1b[23;2t");
    alice.quit();
}

#[test]
fn who_looks_is_not_rung_at_and_what_comes_meanwhile_is_marked_unread() {
    let alice = alice();
    let mut bob = bob(&alice);
    alice.terminal.write("\x1b[Ix");
    alice.terminal.wait_for_end(&["alice> x"], 8);
    bob.send("/msg alice@lobby seen");
    alice.terminal.wait_for("[bob@lobby] seen");
    assert!(!alice.terminal.written().contains('\x07'));
    alice.terminal.write("y\x1b[Oz");
    alice.terminal.wait_for_end(&["alice> xyz"], 10);
    bob.send("/msg alice@lobby not seen");
    bob.send("/msg alice@lobby not seen, either");
    alice.terminal.wait_for_written("\x07");
    alice.terminal.wait("one mark above what came", |screen| {
        let rows: Vec<String> = screen.rows(0, 100).collect();
        let at = rows.iter().position(|row| row.contains("- unread -"));
        let marks = rows.iter().filter(|row| row.contains("- unread -"));
        marks.count() == 1
            && at.is_some_and(|at| {
                rows[at - 1].ends_with("] seen")
                    && rows[at + 1].ends_with("] not seen")
                    && rows[at + 2].ends_with("] not seen, either")
            })
    });
    alice.quit();
}

#[test]
fn no_escape_sequence_of_a_stranger_reaches_the_terminal() {
    let alice = alice();
    let evil = "\u{1b}]0;evil\u{7}\u{1b}[2J\u{9b}31m\u{202e}\r\u{8}";
    let mut eve = RawPeer::dial(&alice.address, &format!("eve{evil}@X"));
    eve.send("m1", &format!("text{evil}end"));
    alice.terminal.wait_for_written("text\\u{1b}]0;evil\\u{7}");
    alice.terminal.wait_for_written("eve\\u{1b}]0;evil\\u{7}");
    alice.terminal.write("/peers\r/conn\r/history\r");
    alice.terminal.wait_for("alice> /history");
    drop(eve);
    alice.terminal.wait_for("@X is gone: ");
    let written = alice.terminal.written();
    for raw in ["\u{1b}]", "\u{1b}[2J", "\u{9b}", "\u{202e}", "\u{8}"] {
        assert!(!written.contains(raw), "{raw:?}");
    }
    alice.quit();
}

fn sent_one_line(alice: Alice) -> String {
    let mut bob = bob(&alice);
    bob.send("/pub * hi alice");
    alice.terminal.wait_for("hi alice");
    alice.terminal.write("/foo\r");
    alice.terminal.wait_for("there is no command /foo");
    let written = alice.terminal.written();
    alice.quit();
    written
}

#[test]
fn colours_are_there_unless_they_are_not_wanted() {
    let colours = ["\u{1b}[38;5;", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[1m"];
    let coloured = sent_one_line(alice());
    for colour in colours {
        assert!(coloured.contains(colour), "{colour:?}");
    }
    let by_variable = sent_one_line(Setting::default().env("NO_COLOR", "1").start());
    let never = Setting {
        arguments: vec!["--color", "never"],
        ..Setting::default()
    };
    for plain in [by_variable, sent_one_line(never.start())] {
        for colour in colours {
            assert!(!plain.contains(colour), "{colour:?} in {plain:?}");
        }
    }
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_gets_plain_lines() {
    let alice = Setting::default().env("TERM", "dumb").start();
    let mut bob = bob(&alice);
    bob.send("/pub * hi alice");
    alice.terminal.wait_for("* [bob@lobby] hi alice");
    alice.terminal.write("/msg bob@lobby hi bob\n");
    bob.message("hi bob");
    assert!(!alice.terminal.written().contains('\u{1b}'));
    alice.terminal.write("/quit\n");
    alice.terminal.wait_for_exit();
}

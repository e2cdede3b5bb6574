//! Typing at the real prompt: under a flood, with Tab, with the history of earlier sessions, pastes and other sizes.

use super::{Setting, alice, bob, pty::Unwatched};
use crate::support::{Ports, RawPeer};

#[test]
fn typing_survives_a_flood_and_what_was_typed_arrives_whole() {
    let alice = alice();
    let mut bob = bob(&alice);
    let flood =
        (0..5000).map(|n| format!("/msg alice@lobby flood {n} 日本語 e\u{301} 👩\u{200d}💻"));
    bob.send(&flood.collect::<Vec<_>>().join("\n"));
    alice.terminal.wait_for_written("flood 10 ");
    alice.terminal.write("hello wrld\x1b[D\x1b[D\x1b[Do\x05!");
    alice.terminal.wait_for_end(&["alice> hello world!"], 19);
    alice.terminal.write("\x01\x1bd\x05 again\r");
    bob.message(" world! again");
    bob.send("/msg alice@lobby the flood is over");
    alice.terminal.wait_for("[bob@lobby] the flood is over");
    let written = alice.terminal.written();
    assert!(written.contains("flood 4999 ") || written.contains(" lines skipped"));
    alice.quit();
}

#[test]
fn lines_that_the_screen_cannot_take_are_skipped_with_a_count() {
    let ports = Ports::free();
    let setting = Setting::default();
    let terminal = Unwatched::start(setting.command(&ports)).read_until("alice> ");
    let mut eve = RawPeer::dial(&ports.address(), "eve@X");
    // Nobody reads the terminal now: it takes a few of them, and few more may wait.
    for n in 0..20_000 {
        eve.send(&n.to_string(), "one of very many lines");
    }
    eve.ping("last");
    let terminal = terminal.read_until(" lines skipped");
    eve.send("end", "the end of it");
    assert!(terminal.read_until("the end of it").terminate().success());
}

#[test]
fn tab_completes_commands_peers_namespaces_and_names() {
    let alice = alice();
    let bob = bob(&alice);
    alice.terminal.wait_for("[alice@lobby  1/1 peers");
    alice.terminal.write("/ms\tb\thi there\r");
    bob.message("hi there");
    alice.terminal.write("/pu\t#\tto the lobby\r");
    bob.message("to the lobby");
    alice.terminal.write("bo\tlunch?\r");
    bob.message("bob: lunch?");
    alice.terminal.write("/re");
    alice.terminal.wait_for_end(&["alice> /re"], 10);
    alice.terminal.write("\x15/unb\t");
    alice.terminal.wait_for_end(&["alice> /unblock "], 16);
    alice.quit();
}

#[test]
fn the_history_and_its_search_outlive_the_session() {
    let first = alice();
    let home = first.home.clone();
    first.terminal.write("/peers\r/help msg\r");
    first.terminal.wait_for("for example: /msg");
    first.quit();
    let again = Setting {
        home,
        ..Setting::default()
    }
    .start();
    again.terminal.write("draft");
    again.terminal.wait_for_end(&["alice> draft"], 12);
    again.terminal.write("\x1b[A\x1b[A");
    again.terminal.wait_for_end(&["alice> /help msg"], 16);
    again.terminal.write("\x1b[B\x1b[B");
    again.terminal.wait_for_end(&["alice> draft"], 12);
    again.terminal.write("\x12pee");
    again.terminal.wait_for_end(&["(search)`pee': /peers"], 16);
    again.terminal.write("\r");
    again.terminal.wait_for("no peer is known yet");
    again.quit();
}

#[test]
fn a_paste_of_many_lines_is_asked_for_once_and_sent_in_order() {
    let alice = alice();
    let bob = bob(&alice);
    alice
        .terminal
        .write("\x1b[200~1\n2\n3\n4\n5\n6\n7\n\x1b[201~");
    alice.terminal.wait_for_end(&["send 7 lines? y/n "], 18);
    alice
        .terminal
        .write("n\x1b[200~a\nb\nc\nd\ne\nf\n\x1b[201~");
    alice.terminal.wait_for_end(&["send 6 lines? y/n "], 18);
    alice.terminal.write("y");
    bob.message("f");
    assert_eq!(bob.texts(), ["a", "b", "c", "d", "e", "f"]);
    alice.terminal.write("\x1b[200~one line\n\x1b[201~");
    alice.terminal.wait_for_end(&["alice> one line"], 15);
    alice.quit();
}

#[test]
fn another_size_keeps_the_line_and_the_cursor_also_while_lines_come() {
    let alice = alice();
    let mut bob = bob(&alice);
    alice.terminal.write("0123456789 0123456789\x1b[D");
    alice
        .terminal
        .wait_for_end(&["alice> 0123456789 0123456789"], 27);
    let chat = |from: u32| (from..from + 200).map(|n| format!("/msg alice@lobby line {n}"));
    bob.send(&chat(0).collect::<Vec<_>>().join("\n"));
    alice.terminal.resize(20, 10);
    bob.send(&chat(200).collect::<Vec<_>>().join("\n"));
    bob.send("/msg alice@lobby over");
    alice.terminal.wait_for("[bob@lobby] over");
    alice
        .terminal
        .wait_for_end(&["alice> 0123456789 0", "123456789"], 8);
    alice.terminal.resize(120, 40);
    alice.terminal.write("!");
    alice
        .terminal
        .wait_for_end(&["alice> 0123456789 012345678!9"], 28);
    alice.quit();
}

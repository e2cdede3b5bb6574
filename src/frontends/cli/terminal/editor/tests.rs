//! Keys in, text and cursor out.

use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

use super::*;
use crate::frontends::cli::terminal::completion::Completion;

/// Reads a script: `^A` is Ctrl-A, `~B` is Alt-B, `<Up>` a named key, anything else itself.
fn keys(script: &str) -> Vec<Key> {
    let mut chars = script.chars();
    let mut keys = Vec::new();
    while let Some(c) = chars.next() {
        keys.push(match c {
            '^' => Key::Ctrl(chars.next().unwrap().to_ascii_lowercase()),
            '~' => Key::Alt(chars.next().unwrap().to_ascii_lowercase()),
            '<' => named(&chars.by_ref().take_while(|c| *c != '>').collect::<String>()),
            c => Key::Char(c),
        });
    }
    keys
}

fn named(name: &str) -> Key {
    match name {
        "Enter" => Key::Enter,
        "Tab" => Key::Tab,
        "BS" => Key::Backspace,
        "WordBS" => Key::WordBackspace,
        "Del" => Key::Delete,
        "Left" => Key::Left,
        "Right" => Key::Right,
        "WordLeft" => Key::WordLeft,
        "WordRight" => Key::WordRight,
        "Up" => Key::Up,
        "Down" => Key::Down,
        "Home" => Key::Home,
        "End" => Key::End,
        "Esc" => Key::Escape,
        _ => panic!("no key {name}"),
    }
}

fn editor(history: &[&str]) -> Editor {
    let commands = |line: &str| Completion {
        start: 0,
        candidates: ["/peers", "/pub", "/quit"]
            .into_iter()
            .filter(|command| command.starts_with(line))
            .map(str::to_owned)
            .collect(),
    };
    Editor::new(
        History::new(history.iter().map(|line| (*line).to_owned())),
        Arc::new(commands),
    )
}

fn press(editor: &mut Editor, script: &str) -> Option<Action> {
    keys(script)
        .into_iter()
        .map(|key| editor.key(key))
        .last()
        .flatten()
}

/// Prompt label, text and cursor as one string.
fn shown(editor: &Editor) -> String {
    let view = editor.view();
    let (before, behind) = view.text.split_at(view.cursor);
    format!("{}{before}|{behind}", view.label.unwrap_or_default())
}

/// Presses the keys with "/msg bob hi" and "hello" in the history.
fn check(script: &str, expected: &str) {
    let mut editor = editor(&["/msg bob hi", "hello"]);
    press(&mut editor, script);
    assert_eq!(shown(&editor), expected, "{script}");
}

fn submitted(line: &str) -> Option<Action> {
    let lines = vec![line.to_owned()];
    Some(Action::Submit {
        remembered: lines.clone(),
        lines,
    })
}

#[test]
fn keys_move_the_cursor() {
    check("abc^A", "|abc");
    check("abc^A^F", "a|bc");
    check("abc^B^B", "a|bc");
    check("abc^A^E", "abc|");
    check("abc<Left>x", "abx|c");
    check("abc<Home><Right>x", "ax|bc");
    check("abc<Home><End>x", "abcx|");
    check("one two~B", "one |two");
    check("one two<WordLeft><WordLeft><WordRight>", "one| two");
    check("one two^A~F~F", "one two|");
}

#[test]
fn keys_delete() {
    check("abc<BS>", "ab|");
    check("abc^H^H", "a|");
    check("abc^A<Del>", "|bc");
    check("abc^A^D", "|bc");
    check("日本<BS>", "日|");
    check("e\u{301}x<BS><BS>", "|");
    check("ab^T", "ba|");
}

#[test]
fn what_was_cut_can_be_put_back() {
    check("one two^W", "one |");
    check("one two^W^Y^Y", "one twotwo|");
    check("one two three^W^W^A^Y", "two three|one ");
    check("one two^A^K^Y", "one two|");
    check("one two^U", "|");
    check("one two^Ax^U", "|one two");
    check("one two^A~D~D^Y", "one two|");
    check("one-two<WordBS>", "one-|");
    check("one^Utwo^U^Y", "two|");
    check("one^Utwo^U^Y~Y", "one|");
    check("one^Utwo^U^Yx~Y", "twox|");
    check("text^C^Y", "text|");
}

#[test]
fn history_keeps_the_draft() {
    check("draft<Up>", "hello|");
    check("draft<Up><Up>", "/msg bob hi|");
    check("draft^P^P^N", "hello|");
    check("draft<Up><Up><Down><Down>", "draft|");
    check("draft<Up>x^C<Up>", "hello|");
}

#[test]
fn a_search_shows_finds_and_hands_over() {
    check("draft^R", "(search)`': draft|");
    check("^Rbob", "(search)`bob': /msg |bob hi");
    check("^Rbob<Left>", "/msg| bob hi");
    check("^Rbob^Ex", "/msg bob hix|");
    check("draft^Rbob^G", "draft|");
    check("draft^Rbob^C", "draft|");
    check("draft^Rzz", "(nothing found)`zz': draft|");
    check("^Rhel^Y", "|hello");
    let mut editor = editor(&["/msg bob hi"]);
    assert_eq!(
        press(&mut editor, "^Rbob<Enter>"),
        Some(Action::Submit {
            lines: vec!["/msg bob hi".into()],
            remembered: vec![]
        })
    );
}

#[test]
fn enter_gives_the_line_once() {
    let mut editor = editor(&[]);
    assert_eq!(press(&mut editor, "hi<Enter>"), submitted("hi"));
    assert_eq!(shown(&editor), "|");
    assert_eq!(press(&mut editor, "<Enter>"), None);
    assert_eq!(press(&mut editor, "  <Enter>"), None);
    assert_eq!(shown(&editor), "|");
    assert_eq!(press(&mut editor, "ho^J"), submitted("ho"));
    assert_eq!(
        press(&mut editor, "ho<Enter>"),
        Some(Action::Submit {
            lines: vec!["ho".into()],
            remembered: vec![]
        })
    );
}

#[test]
fn ctrl_c_and_ctrl_d_leave_only_from_an_empty_line() {
    let mut editor = editor(&[]);
    assert_eq!(press(&mut editor, "abc^C"), None);
    assert_eq!(press(&mut editor, "^C"), Some(Action::Interrupt));
    assert_eq!(press(&mut editor, "abc^D"), Some(Action::Bell));
    assert_eq!(press(&mut editor, "^A^D^D^D"), None);
    assert_eq!(press(&mut editor, "^D"), Some(Action::EndOfInput));
    assert_eq!(press(&mut editor, "abc^Z"), Some(Action::Suspend));
    assert_eq!(press(&mut editor, "^L"), Some(Action::ClearScreen));
    assert_eq!(shown(&editor), "abc|");
}

#[test]
fn tab_completes_then_lists_until_another_key() {
    let mut editor = editor(&[]);
    assert_eq!(press(&mut editor, "/p<Tab>"), None);
    assert_eq!(editor.view().candidates, ["/peers", "/pub"]);
    assert_eq!(press(&mut editor, "<Tab>"), None);
    assert_eq!(editor.view().candidates, ["/peers", "/pub"]);
    press(&mut editor, "e<Tab>");
    assert_eq!(shown(&editor), "/peers |");
    assert_eq!(editor.view().candidates, [""; 0]);
    assert_eq!(press(&mut editor, "x<Tab>"), Some(Action::Bell));
}

#[test]
fn a_few_pasted_lines_are_sent_and_the_last_waits() {
    let mut editor = editor(&[]);
    press(&mut editor, "say X<Left>");
    let lines = vec!["say one".to_owned(), "two".to_owned()];
    let sent = Action::Submit {
        lines: lines.clone(),
        remembered: lines,
    };
    assert_eq!(editor.paste("one\ntwo\nthree\n"), Some(sent));
    assert_eq!(shown(&editor), "three|X");
    assert_eq!(editor.paste("\u{1b}[2J and\tone"), None);
    assert_eq!(shown(&editor), "three [2J and    one|X");
}

#[test]
fn many_pasted_lines_are_sent_after_one_yes() {
    let mut editor = editor(&[]);
    press(&mut editor, "draft ");
    assert_eq!(editor.paste("1\n2\n3\n4\n5\n6\n7"), None);
    assert_eq!(shown(&editor), "send 7 lines? y/n |");
    assert_eq!(press(&mut editor, "<Enter>"), Some(Action::Bell));
    assert_eq!(editor.paste("more"), Some(Action::Bell));
    assert_eq!(press(&mut editor, "n"), None);
    assert_eq!(shown(&editor), "draft |");
    editor.paste("1\n2\n3\n4\n5\n6\n7");
    let lines = ["draft 1", "2", "3", "4", "5", "6", "7"]
        .map(str::to_owned)
        .to_vec();
    assert_eq!(
        press(&mut editor, "y"),
        Some(Action::Submit {
            lines,
            remembered: vec![]
        })
    );
    assert_eq!(shown(&editor), "|");
}

#[test]
fn a_full_line_takes_no_more_and_says_so() {
    let mut editor = editor(&[]);
    assert_eq!(editor.paste(&"x".repeat(LINE_BYTES_MAX)), None);
    assert_eq!(press(&mut editor, "y"), Some(Action::Bell));
    assert_eq!(editor.view().hint, Some("a line holds at most 32768 bytes"));
    assert_eq!(press(&mut editor, "<BS>"), None);
    assert_eq!(editor.view().hint, None);
    assert_eq!(press(&mut editor, "^W^Y^Y"), Some(Action::Bell));
    assert_eq!(editor.view().text.len(), LINE_BYTES_MAX - 1);
}

#[derive(Debug, Clone)]
enum Input {
    Key(Key),
    Paste(String),
}

fn any_input() -> impl Strategy<Value = Input> {
    let difficult = prop::sample::select(vec![
        'a',
        ' ',
        '日',
        '\u{301}',
        '\u{200d}',
        '👩',
        '🇧',
        '🇷',
        '\u{fe0f}',
        '❤',
        '\u{1f3fd}',
        '\t',
        '\u{1b}',
        '\u{2028}',
        'क',
        '\u{94d}',
        'ष',
        '\u{0}',
        '\u{e01}',
    ]);
    let named = prop::sample::select(keys(
        "<Enter><Tab><BS><WordBS><Del><Left><Right><WordLeft><WordRight><Up><Down><Home><End><Esc>",
    ));
    let letter = prop::char::range('a', 'z');
    let pasted = prop::collection::vec(prop_oneof![difficult.clone(), Just('\n')], 0..20);
    prop_oneof![
        6 => difficult.prop_map(|c| Input::Key(Key::Char(c))),
        4 => named.prop_map(Input::Key),
        4 => letter.clone().prop_map(|c| Input::Key(Key::Ctrl(c))),
        2 => letter.prop_map(|c| Input::Key(Key::Alt(c))),
        1 => any::<char>().prop_map(|c| Input::Key(Key::Char(c))),
        1 => pasted.prop_map(|text| Input::Paste(text.into_iter().collect())),
    ]
}

proptest! {
    #[test]
    fn no_keys_break_the_line(inputs in prop::collection::vec(any_input(), 0..60)) {
        let mut editor = editor(&["e\u{301}a", "👩\u{200d}👧 日", "aa"]);
        for input in inputs {
            let action = match input {
                Input::Key(key) => editor.key(key),
                Input::Paste(text) => editor.paste(&text),
            };
            let View { text, cursor, .. } = editor.view();
            let on_a_boundary = cursor == text.len()
                || text.grapheme_indices(true).any(|(start, _)| start == cursor);
            prop_assert!(on_a_boundary, "cursor {cursor} in {text:?}");
            prop_assert!(!text.contains(char::is_control));
            if let Some(Action::Submit { lines, .. }) = action {
                prop_assert!(lines.iter().all(|line| !line.trim().is_empty()));
                prop_assert!(lines.iter().all(|line| !line.contains(char::is_control)));
            }
        }
    }
}

//! Frames fed to a terminal emulator: what stands where, and where the cursor is.

use std::num::NonZeroU16;

use proptest::prelude::*;

use super::*;

/// An emulated terminal and the screen that draws on it.
struct Terminal {
    emulator: vt100::Parser,
    screen: Screen,
}

impl Terminal {
    fn new(columns: u16, rows: u16) -> Self {
        let size = |size| NonZeroU16::new(size).unwrap();
        let emulator = vt100::Parser::new(size(rows), size(columns), 0);
        Self {
            emulator,
            screen: Screen::new(columns, rows),
        }
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        let size = |size| NonZeroU16::new(size).unwrap();
        self.emulator.set_size(size(rows), size(columns));
        self.screen.resize(columns, rows);
    }

    fn show(&mut self, lines: &[&str], block: &Block<'_>) {
        let output: Vec<Output> = lines
            .iter()
            .map(|line| Output::Line((*line).to_owned()))
            .collect();
        self.output(&output, Some(block));
    }

    fn output(&mut self, output: &[Output], block: Option<&Block<'_>>) {
        self.emulator.process(&self.screen.frame(output, block));
    }

    /// The rows down to the last that is not empty.
    fn rows(&self) -> Vec<String> {
        let screen = self.emulator.screen();
        let (_, columns) = screen.size();
        let mut rows: Vec<String> = screen.rows(0, columns.get()).collect();
        while rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows
    }

    fn cursor(&self) -> (u16, u16) {
        self.emulator.screen().cursor_position()
    }
}

fn typed(text: &str) -> Block<'_> {
    Block {
        prompt: "bob> ",
        text,
        cursor: text.len(),
        ..Block::default()
    }
}

#[test]
fn lines_go_above_and_the_typed_text_stays() {
    let mut terminal = Terminal::new(20, 6);
    terminal.show(
        &["one"],
        &Block {
            cursor: 2,
            ..typed("hello")
        },
    );
    assert_eq!(terminal.rows(), ["one", "bob> hello"]);
    assert_eq!(terminal.cursor(), (1, 7));
    terminal.show(
        &["two", "three"],
        &Block {
            cursor: 2,
            ..typed("hello")
        },
    );
    assert_eq!(terminal.rows(), ["one", "two", "three", "bob> hello"]);
    assert_eq!(terminal.cursor(), (3, 7));
    terminal.show(&["4", "5", "6", "7", "8"], &typed("hello"));
    assert_eq!(terminal.rows(), ["4", "5", "6", "7", "8", "bob> hello"]);
    assert_eq!(terminal.cursor(), (5, 10));
}

#[test]
fn what_a_program_before_left_in_the_row_is_gone() {
    let mut terminal = Terminal::new(20, 3);
    terminal.emulator.process(b"left over");
    terminal.show(&[], &typed(""));
    assert_eq!(terminal.rows(), ["bob> "]);
}

#[test]
fn a_long_line_wraps_one_column_early_at_every_width() {
    let check = |columns, text: &str, rows: &[&str], cursor| {
        let mut terminal = Terminal::new(columns, 8);
        terminal.show(&["above"], &typed(text));
        terminal.show(&[], &typed(text));
        assert_eq!(terminal.rows(), rows, "{columns}");
        assert_eq!(terminal.cursor(), cursor, "{columns}");
    };
    check(10, "abcd", &["above", "bob> abcd"], (1, 9));
    check(10, "abcde", &["above", "bob> abcd", "e"], (2, 1));
    check(11, "abcde", &["above", "bob> abcde"], (1, 10));
    check(10, "日本語", &["above", "bob> 日本", "語"], (2, 2));
    check(11, "日本語", &["above", "bob> 日本", "語"], (2, 2));
    check(12, "日本語", &["above", "bob> 日本語"], (1, 11));
    check(
        10,
        "e\u{301}e\u{301}",
        &["above", "bob> e\u{301}e\u{301}"],
        (1, 7),
    );
    check(4, "ab", &["abov", "e", "bob", "> a", "b"], (4, 1));
}

/// The emulator takes the skin tone for a second picture, as some terminals do.
#[test]
fn the_cursor_stands_where_the_terminal_has_put_the_text() {
    let mut terminal = Terminal::new(30, 4);
    let text = "👍🏽x👩\u{200d}👧y";
    let check = |terminal: &mut Terminal, cursor, column| {
        terminal.show(
            &[],
            &Block {
                cursor,
                ..typed(text)
            },
        );
        assert_eq!(terminal.cursor(), (0, column));
    };
    check(&mut terminal, text.find('x').unwrap(), 9);
    check(&mut terminal, text.find('y').unwrap(), 14);
    check(&mut terminal, text.len(), 15);
}

#[test]
fn a_full_row_of_output_is_one_row() {
    let mut terminal = Terminal::new(10, 8);
    terminal.show(&["0123456789", "0123456789abc", "last"], &typed(""));
    assert_eq!(
        terminal.rows(),
        ["0123456789", "0123456789", "abc", "last", "bob> "]
    );
}

#[test]
fn the_block_is_replaced_whole() {
    let mut terminal = Terminal::new(30, 8);
    let candidates = ["/peers".to_owned(), "/pub".to_owned()];
    let block = Block {
        status: Some("\x1b[7m3 peers\x1b[0m"),
        hint: Some("a hint"),
        candidates: &candidates,
        ..typed("/p")
    };
    terminal.show(&["one"], &block);
    assert_eq!(
        terminal.rows(),
        ["one", "3 peers", "bob> /p", "a hint", "/peers  /pub"]
    );
    assert_eq!(terminal.cursor(), (2, 7));
    terminal.show(
        &["two"],
        &Block {
            candidates: &candidates,
            ..typed("/p")
        },
    );
    assert_eq!(terminal.rows(), ["one", "two", "bob> /p", "/peers  /pub"]);
    terminal.show(&[], &typed("/p"));
    assert_eq!(terminal.rows(), ["one", "two", "bob> /p"]);
    terminal.output(&[Output::Line("bye".into())], None);
    assert_eq!(terminal.rows(), ["one", "two", "bye"]);
    assert_eq!(terminal.cursor(), (3, 0));
}

#[test]
fn a_line_higher_than_the_terminal_is_shown_around_the_cursor() {
    let text: String = ('a'..='z').collect();
    let mut terminal = Terminal::new(6, 4);
    terminal.show(&["above"], &typed(&text));
    assert_eq!(terminal.rows(), ["above", "pqrst", "uvwxy", "z"]);
    assert_eq!(terminal.cursor(), (3, 1));
    terminal.show(
        &[],
        &Block {
            cursor: 0,
            ..typed(&text)
        },
    );
    assert_eq!(terminal.rows(), ["above", "bob> ", "abcde", "fghij"]);
    assert_eq!(terminal.cursor(), (2, 0));
}

#[test]
fn a_narrower_terminal_is_redrawn() {
    let mut terminal = Terminal::new(30, 6);
    terminal.show(&["one"], &typed("hello"));
    terminal.resize(12, 4);
    terminal.show(&["two"], &typed("hello, world"));
    assert_eq!(terminal.rows(), ["one", "two", "bob> hello,", " world"]);
    terminal.resize(30, 6);
    terminal.show(&[], &typed("hello, world"));
    assert_eq!(terminal.rows(), ["one", "two", "bob> hello, world"]);
}

/// The emulator cuts rows where most terminals break them, so this looks at the bytes.
#[test]
fn rows_that_a_narrower_terminal_has_broken_are_counted() {
    let check = |cursor, columns, expected: &str| {
        let mut screen = Screen::new(11, 9);
        let text = "0123456789abcdef";
        screen.frame(
            &[],
            Some(&Block {
                prompt: "",
                text,
                cursor,
                ..Block::default()
            }),
        );
        screen.resize(columns, 9);
        let frame = String::from_utf8(screen.frame(&[], None)).unwrap();
        assert!(
            frame.contains(&format!("25l\r{expected}\x1b[J")),
            "{columns}: {frame:?}"
        );
    };
    check(16, 11, "\x1b[1A");
    check(16, 10, "\x1b[1A");
    check(16, 5, "\x1b[3A");
    check(15, 5, "\x1b[3A");
    check(14, 5, "\x1b[2A");
    check(2, 5, "");
    check(16, 200, "\x1b[1A");
}

#[test]
fn clearing_leaves_only_what_comes_after() {
    let mut terminal = Terminal::new(20, 6);
    terminal.show(&["one", "two"], &typed("x"));
    let line = |text: &str| Output::Line(text.to_owned());
    terminal.output(
        &[line("three"), Output::Clear, line("four")],
        Some(&typed("x")),
    );
    assert_eq!(terminal.rows(), ["four", "bob> x"]);
}

#[test]
fn skipped_lines_are_counted_where_they_are_missing() {
    let mut terminal = Terminal::new(20, 6);
    terminal.output(&[Output::Skipped(1), Output::Skipped(17)], None);
    assert_eq!(terminal.rows(), ["  1 line skipped", "  17 lines skipped"]);
}

#[test]
fn a_newline_in_a_line_begins_another_and_escapes_are_dead() {
    let mut terminal = Terminal::new(20, 6);
    terminal.show(&["a\nb", "c\x1b[2Jd", "\x1b[31mred"], &typed("x"));
    assert_eq!(terminal.rows(), ["a", "b", "c[2Jd", "red", "bob> x"]);
    assert_eq!(
        terminal.emulator.screen().cell(4, 0).unwrap().fgcolor(),
        vt100::Color::Default
    );
}

#[test]
fn after_another_program_the_block_is_drawn_where_the_cursor_is() {
    let mut terminal = Terminal::new(20, 8);
    terminal.show(&["one"], &typed("a line of several rows"));
    terminal.output(&[], None);
    terminal.emulator.process(b"$ fg\r\n");
    terminal.screen.forget();
    terminal.show(&[], &typed("x"));
    assert_eq!(terminal.rows(), ["one", "$ fg", "bob> x"]);
}

/// The rows a terminal shows of a text that it breaks itself.
fn broken(text: &str, width: usize) -> Vec<String> {
    let mut rows = vec![(String::new(), 0)];
    for c in text.chars() {
        let columns = if c == '日' { 2 } else { 1 };
        if rows.last().unwrap().1 + columns > width {
            rows.push((String::new(), 0));
        }
        let row = rows.last_mut().unwrap();
        row.0.push(c);
        row.1 += columns;
    }
    rows.into_iter().map(|(row, _)| row).collect()
}

proptest! {
    #[test]
    fn every_line_and_every_edit_is_on_the_screen(
        columns in 2_u16..30,
        steps in prop::collection::vec(("[a日]{0,12}", "[b日]{0,25}", 0.0_f64..=1.0), 1..8),
    ) {
        let mut terminal = Terminal::new(columns, 200);
        let mut above = Vec::new();
        for (line, text, place) in &steps {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let cursor = places[((places.len() - 1) as f64 * place) as usize];
            terminal.show(&[line], &Block { prompt: "> ", text, cursor, ..Block::default() });
            above.extend(broken(line, columns.into()));
            let block = broken(&format!("> {text}"), usize::from(columns) - 1);
            let expected: Vec<String> = above.iter().cloned().chain(block).collect();
            let rows = terminal.rows();
            if columns > 2 {
                prop_assert_eq!(rows, expected);
                let (row, column) = terminal.cursor();
                let behind = terminal.emulator.screen().cell(row, column).unwrap().contents().to_owned();
                let typed = text[cursor..].chars().next().map(String::from).unwrap_or_default();
                prop_assert_eq!(behind, typed);
            }
        }
    }

    #[test]
    fn no_size_breaks_a_frame(
        sizes in prop::collection::vec((0_u16..12, 0_u16..8), 1..6),
        text in "\\PC{0,60}",
        lines in prop::collection::vec(".{0,20}", 0..4),
        candidates in prop::collection::vec("\\PC{0,20}", 0..20),
    ) {
        let mut screen = Screen::new(80, 24);
        let output: Vec<Output> = lines.into_iter().map(Output::Line).collect();
        for (columns, rows) in sizes {
            screen.resize(columns, rows);
            let block = Block { status: Some("status"), hint: Some("hint"), candidates: &candidates, ..typed(&text) };
            let height = screen.arrange(&block).0.len();
            prop_assert!(height <= screen.rows.saturating_sub(1).max(1));
            screen.frame(&output, Some(&block));
        }
    }
}

#[test]
fn a_long_line_goes_on_below_with_its_colours() {
    let mut screen = Screen::new(10, 9);
    let line = Output::Line("  \x1b[31mone two three\x1b[0m".into());
    let frame = String::from_utf8(screen.frame(&[line], None)).unwrap();
    let expected = "  \x1b[31mone two\x1b[0m\r\n    \x1b[31mthree\x1b[0m\x1b[0m\r\n";
    assert!(frame.contains(expected), "{frame:?}");
}

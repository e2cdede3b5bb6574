//! What to do with a text that was pasted: one line is typed in, several are sent line by line,
//! many only after a yes. Knows nothing of keys.

use super::line::{LINE_BYTES_MAX, Line, printable};

/// Lines that are sent without asking.
const LINES_UNASKED_MAX: usize = 5;
/// Lines one paste may hold; a longer text belongs into a file.
const LINES_MAX: usize = 1000;
/// Bytes one paste may hold.
const BYTES_MAX: usize = 1 << 20;

/// What becomes of a pasted text.
#[derive(Debug, PartialEq, Eq)]
pub enum Paste {
    /// One line: it is typed in at the cursor.
    Inline(String),
    /// A few lines: all but the last are sent, the last waits in the line for Enter.
    Send {
        /// The lines to send.
        lines: Vec<String>,
        /// What stays in the line, up to the cursor.
        rest: String,
    },
    /// Many lines: all are sent after a yes.
    Ask(Vec<String>),
    /// Too much; the text says why.
    Refused(String),
}

impl Paste {
    /// Decides over a text pasted into `line`. Blank lines are left out: they are never sent.
    pub fn of(text: &str, line: &Line) -> Self {
        if text.len() > BYTES_MAX {
            return Self::Refused(format!("a paste holds at most {BYTES_MAX} bytes"));
        }
        let mut lines = lines_of(text);
        match lines.len() {
            0 => return Self::Inline(printable(text.trim_matches(['\r', '\n']))),
            1 => return Self::Inline(lines.remove(0)),
            2..=LINES_MAX => {}
            _ => return Self::Refused(format!("a paste holds at most {LINES_MAX} lines")),
        }
        let (before, behind) = line.halves();
        lines[0].insert_str(0, before);
        let last = lines.len() - 1;
        if lines
            .iter()
            .any(|line| line.len() + behind.len() > LINE_BYTES_MAX)
        {
            return Self::Refused(format!("a line holds at most {LINE_BYTES_MAX} bytes"));
        }
        if lines.len() > LINES_UNASKED_MAX {
            lines[last].push_str(behind);
            return Self::Ask(lines);
        }
        let rest = lines.remove(last);
        Self::Send { lines, rest }
    }
}

fn lines_of(text: &str) -> Vec<String> {
    text.replace("\r\n", "\n")
        .split(['\n', '\r'])
        .map(printable)
        .filter(|line| !line.trim().is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paste(text: &str) -> Paste {
        let mut line = Line::default();
        line.set("before behind", 7);
        Paste::of(text, &line)
    }

    #[test]
    fn one_line_is_typed_in_also_with_its_newline() {
        for text in ["one\ttwo", "one\ttwo\r\n", "\n\none\ttwo\n\n"] {
            assert_eq!(paste(text), Paste::Inline("one    two".into()));
        }
        assert_eq!(paste("  "), Paste::Inline("  ".into()));
        assert_eq!(paste("\r\n"), Paste::Inline(String::new()));
    }

    #[test]
    fn a_few_lines_are_sent_and_the_last_waits() {
        let sent = Paste::Send {
            lines: vec!["before a".into(), "b".into()],
            rest: "c".into(),
        };
        assert_eq!(paste("a\r\nb\r\n\r\nc"), sent);
        assert_eq!(paste("a\rb\r\0\rc\r"), sent);
    }

    #[test]
    fn many_lines_are_asked_for() {
        let lines = ["before 1", "2", "3", "4", "5", "6behind"];
        assert_eq!(
            paste("1\n2\n3\n4\n5\n6\n"),
            Paste::Ask(lines.map(str::to_owned).to_vec())
        );
        assert!(matches!(paste("1\n2\n3\n4\n5\n"), Paste::Send { .. }));
    }

    #[test]
    fn too_much_is_refused() {
        let refused = |text: &str| matches!(paste(text), Paste::Refused(_));
        assert!(refused(&"x\n".repeat(LINES_MAX + 1)));
        assert!(!refused(&"x\n".repeat(LINES_MAX)));
        assert!(refused(&"x".repeat(BYTES_MAX + 1)));
        assert!(refused(&format!("a\n{}", "x".repeat(LINE_BYTES_MAX))));
    }
}

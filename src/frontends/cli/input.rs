//! Standard input when it is no terminal: one command a line, read by a thread of its own, since a pending read of
//! tokio's would keep the process from ending.

use std::{
    io::{self, BufRead},
    thread,
};

use tokio::sync::mpsc;

/// The longest line that is read, in bytes: the longest text of the protocol as an escaped JSON command fits in.
pub const INPUT_BYTES_MAX: usize = 256 * 1024;

/// Bytes that are read at once: what a pipe holds.
const READ_BYTES_MAX: usize = 64 * 1024;

/// Lines that are handed on together, of those that have come.
pub const TOGETHER_MAX: usize = 256;

/// So often lines are handed on ahead of those that are being run.
const AHEAD_MAX: usize = 2;

/// One line of input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// Without its ending; invalid UTF-8 is replaced.
    Line(String),
    /// It has so many bytes more than [`INPUT_BYTES_MAX`].
    TooLong(usize),
}

/// Starts reading; the receiver ends with the input. Lines that came together are handed on together. Empty lines are
/// left out.
pub fn read(source: impl io::Read + Send + 'static) -> mpsc::Receiver<Vec<Typed>> {
    let (lines, receiver) = mpsc::channel(AHEAD_MAX);
    thread::spawn(move || {
        let mut source = io::BufReader::with_capacity(READ_BYTES_MAX, source);
        while let Some(together) = read_together(&mut source) {
            if !together.is_empty() && lines.blocking_send(together).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The next line, and those behind it that are here already; none at the end of the input.
fn read_together(source: &mut io::BufReader<impl io::Read>) -> Option<Vec<Typed>> {
    let mut together = Vec::new();
    loop {
        let Ok(Some(typed)) = read_line(source) else {
            return (!together.is_empty()).then_some(together);
        };
        let empty = matches!(&typed, Typed::Line(line) if line.trim().is_empty());
        together.extend((!empty).then_some(typed));
        let has_more = memchr::memchr(b'\n', source.buffer()).is_some();
        if !has_more || together.len() == TOGETHER_MAX {
            return Some(together);
        }
    }
}

/// One line; none at the end of the input.
fn read_line(source: &mut impl BufRead) -> io::Result<Option<Typed>> {
    let mut partial = PartialLine::default();
    loop {
        let chunk = match source.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            chunk => chunk?,
        };
        if chunk.is_empty() {
            return Ok(partial.at_end());
        }
        let (used, line) = partial.take(chunk);
        source.consume(used);
        if line.is_some() {
            return Ok(line);
        }
    }
}

/// A line whose end has not come yet. What is over the limit is counted, never kept.
#[derive(Debug, Default)]
pub struct PartialLine {
    line: Vec<u8>,
    length: usize,
}

impl PartialLine {
    /// Takes what belongs to this line; how many bytes that were, and the line if this was its end.
    pub fn take(&mut self, chunk: &[u8]) -> (usize, Option<Typed>) {
        let end = memchr::memchr(b'\n', chunk);
        let part = &chunk[..end.unwrap_or(chunk.len())];
        let room = INPUT_BYTES_MAX.saturating_sub(self.line.len());
        self.line.extend_from_slice(&part[..part.len().min(room)]);
        self.length += part.len();
        match end {
            Some(_) => (part.len() + 1, Some(self.finish())),
            None => (part.len(), None),
        }
    }

    /// The last line of an input that does not end with a newline; none if there is no such line.
    pub fn at_end(&mut self) -> Option<Typed> {
        (self.length > 0).then(|| self.finish())
    }

    fn finish(&mut self) -> Typed {
        let Self { mut line, length } = std::mem::take(self);
        if length > INPUT_BYTES_MAX {
            return Typed::TooLong(length - INPUT_BYTES_MAX);
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        match String::from_utf8(line) {
            Ok(line) => Typed::Line(line),
            Err(error) => Typed::Line(String::from_utf8_lossy(error.as_bytes()).into_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn lines(input: &[u8]) -> Vec<Typed> {
        let mut receiver = read(io::Cursor::new(input.to_vec()));
        let together = std::iter::from_fn(|| receiver.blocking_recv());
        together.flatten().collect()
    }

    fn line(text: &str) -> Typed {
        Typed::Line(text.into())
    }

    #[test]
    fn lines_end_with_either_ending_or_with_the_input() {
        let got = lines(b"a\r\nb\n\n  \nlast");
        assert_eq!(got, [line("a"), line("b"), line("last")]);
    }

    #[test]
    fn lines_that_have_come_are_handed_on_together_and_no_line_waits_for_the_next() {
        let mut receiver = read(io::Cursor::new(b"a\nb\n".repeat(200)).chain(&b"last"[..]));
        let together = std::iter::from_fn(|| receiver.blocking_recv().map(|it| it.len()));
        assert_eq!(
            together.collect::<Vec<_>>(),
            [TOGETHER_MAX, 400 - TOGETHER_MAX, 1]
        );
        let (ours, mut theirs) = io::pipe().unwrap();
        let mut receiver = read(ours);
        io::Write::write_all(&mut theirs, b"one\ntw").unwrap();
        assert_eq!(receiver.blocking_recv().unwrap(), [line("one")]);
        io::Write::write_all(&mut theirs, b"o\n").unwrap();
        assert_eq!(receiver.blocking_recv().unwrap(), [line("two")]);
    }

    #[test]
    fn invalid_utf8_is_replaced() {
        assert_eq!(lines(b"a\xffb\n"), [line("a\u{fffd}b")]);
    }

    #[test]
    fn an_overlong_line_is_counted_and_the_next_one_is_read() {
        let mut input = vec![b'x'; INPUT_BYTES_MAX + 3];
        input.extend_from_slice(b"\nnext\n");
        assert_eq!(lines(&input), [Typed::TooLong(3), line("next")]);
        let exact = vec![b'x'; INPUT_BYTES_MAX];
        assert!(matches!(&lines(&exact)[..], [Typed::Line(text)] if text.len() == INPUT_BYTES_MAX));
    }
}

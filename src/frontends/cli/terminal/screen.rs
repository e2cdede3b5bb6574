//! The screen: what arrives goes above, the block (status, prompt and line, candidates) stays
//! below. A pure machine that turns the state into one byte string a frame; it remembers only
//! what stands on the terminal now. Knows nothing of keys or time.

use super::layout::{Caret, FOLDED, Row, clip, fold, list, wrap};
use super::text::{push_shown, renditions};

/// Rows a list of candidates takes at most.
const LIST_ROWS_MAX: usize = 8;
/// What a terminal without a size is taken for.
const SIZE_UNKNOWN: (u16, u16) = (80, 24);

/// Something that goes above the block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A line; a newline in it begins another.
    Line(String),
    /// The same, of interest to whoever was away.
    News(String),
    /// So many lines did not fit the queue here.
    Skipped(u64),
    /// Everything above goes away.
    Clear,
}

/// What stands below.
#[derive(Debug, Default, Clone, Copy)]
pub struct Block<'a> {
    /// The row above the prompt.
    pub status: Option<&'a str>,
    /// The prompt.
    pub prompt: &'a str,
    /// The line being typed.
    pub text: &'a str,
    /// The cursor in it, in bytes.
    pub cursor: usize,
    /// A row below the line.
    pub hint: Option<&'a str>,
    /// What Tab offers, below all.
    pub candidates: &'a [String],
}

/// The screen of a terminal of a known size.
#[derive(Debug)]
pub struct Screen {
    columns: usize,
    rows: usize,
    drawn: Drawn,
}

/// What of the block stands on the terminal: the widths of its rows and the cursor in them.
#[derive(Debug, Default)]
struct Drawn {
    widths: Vec<usize>,
    cursor: Caret,
}

impl Screen {
    /// A screen with nothing on it yet; the terminal's cursor may stand anywhere in its row.
    pub fn new(columns: u16, rows: u16) -> Self {
        let mut screen = Self {
            columns: 0,
            rows: 0,
            drawn: Drawn::default(),
        };
        screen.resize(columns, rows);
        screen
    }

    /// The terminal has another size now; the next frame takes it into account.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        let or = |size: u16, unknown: u16| usize::from(if size == 0 { unknown } else { size });
        self.columns = or(columns, SIZE_UNKNOWN.0);
        self.rows = or(rows, SIZE_UNKNOWN.1);
    }

    /// Nothing of ours stands on the terminal any more: another program had it.
    pub fn forget(&mut self) {
        self.drawn = Drawn::default();
    }

    /// The bytes that bring the output above the block and the block below it. Without a block
    /// the cursor ends on an empty row.
    pub fn frame(&mut self, output: &[Output], block: Option<&Block<'_>>) -> Vec<u8> {
        let mut out = Vec::from(b"\x1b[?2026h\x1b[?25l");
        self.erase(&mut out);
        for item in output {
            push_output(item, self.columns, &mut out);
        }
        if let Some(block) = block {
            self.draw(block, &mut out);
        }
        out.extend_from_slice(b"\x1b[?25h\x1b[?2026l");
        out
    }

    /// Up to the block's first row and away with all below. A terminal that has become narrower
    /// has broken the rows again (as most do; one that cuts them loses a row of output here).
    fn erase(&mut self, out: &mut Vec<u8>) {
        let Drawn { widths, cursor } = std::mem::take(&mut self.drawn);
        let above = widths.iter().take(cursor.row);
        let broken: usize = above.map(|width| width.div_ceil(self.columns).max(1)).sum();
        out.push(b'\r');
        up(broken + cursor.column / self.columns, out);
        out.extend_from_slice(b"\x1b[J");
    }

    /// The terminal's own wrapping is off meanwhile: a grapheme that is wider there than here
    /// must not begin a row we know nothing of.
    fn draw(&mut self, block: &Block<'_>, out: &mut Vec<u8>) {
        let (rows, cursor) = self.arrange(block);
        out.extend_from_slice(b"\x1b[?7l");
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                out.extend_from_slice(b"\r\n");
            }
            out.extend_from_slice(row.text.as_bytes());
        }
        out.push(b'\r');
        up(rows.len() - 1 - cursor.row, out);
        out.extend_from_slice(&rows[cursor.row].text.as_bytes()[..cursor.bytes]);
        out.extend_from_slice(b"\x1b[?7h");
        self.drawn = Drawn {
            widths: rows.iter().map(|row| row.width).collect(),
            cursor,
        };
    }

    /// The rows of the block, never more than the terminal has: a long line is shown around its
    /// cursor, then the rest gets what room is left.
    fn arrange(&self, block: &Block<'_>) -> (Vec<Row>, Caret) {
        let width = self.columns.saturating_sub(1).max(1);
        let room = self.rows.saturating_sub(1).max(1);
        let mut rows: Vec<Row> = block
            .status
            .map(|text| clip(text, width))
            .into_iter()
            .collect();
        rows.truncate(room - 1);
        let below = usize::from(block.hint.is_some()) + usize::from(!block.candidates.is_empty());
        let room_for_line = (room - rows.len()).saturating_sub(below).max(1);
        let (line, mut cursor) = wrap(block.prompt, block.text, block.cursor, width);
        let first = first_shown(line.len(), cursor.row, room_for_line);
        cursor.row = cursor.row - first + rows.len();
        rows.extend(line.into_iter().skip(first).take(room_for_line));
        rows.extend(block.hint.map(|text| clip(text, width)));
        let room_for_list = room.saturating_sub(rows.len()).min(LIST_ROWS_MAX);
        rows.extend(list(block.candidates, width, room_for_list));
        rows.truncate(room);
        (rows, cursor)
    }
}

/// The first row shown of a line that may be higher than its room.
fn first_shown(height: usize, cursor_row: usize, room: usize) -> usize {
    cursor_row
        .saturating_sub(room / 2)
        .min(height.saturating_sub(room))
}

fn push_output(output: &Output, columns: usize, out: &mut Vec<u8>) {
    match output {
        Output::Line(text) | Output::News(text) => {
            for line in text.split('\n') {
                push_folded(line, columns, out);
            }
        }
        Output::Skipped(count) => {
            let lines = if *count == 1 { "line" } else { "lines" };
            out.extend_from_slice(format!("  {count} {lines} skipped\r\n").as_bytes());
        }
        Output::Clear => out.extend_from_slice(b"\x1b[H\x1b[2J"),
    }
}

/// A line that is too long goes on below, further in; its colours go on too.
fn push_folded(line: &str, columns: usize, out: &mut Vec<u8>) {
    // No text has more columns than bytes.
    if line.len() <= columns {
        push_shown(line, out);
        return out.extend_from_slice(b"\r\n");
    }
    let indent = line.len() - line.trim_start_matches(' ').len() + FOLDED;
    let mut colours = String::new();
    for (index, row) in fold(line, columns).into_iter().enumerate() {
        if index > 0 {
            out.extend(std::iter::repeat_n(b' ', indent));
        }
        push_shown(&format!("{colours}{row}"), out);
        out.extend_from_slice(b"\r\n");
        colours.push_str(&renditions(row));
    }
}

fn up(rows: usize, out: &mut Vec<u8>) {
    if rows > 0 {
        out.extend_from_slice(format!("\x1b[{rows}A").as_bytes());
    }
}

#[cfg(test)]
mod tests;

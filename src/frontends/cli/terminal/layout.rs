//! Where the parts of the block stand: wrapping, clipping and the list of candidates. Rows never
//! fill the last column, so no terminal wraps them a second time.

use super::text::{Piece, RESET, pieces};

/// Where the cursor stands in the rows, as far as we know: terminals disagree on the width of
/// some graphemes, so it is set by writing what stands before it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Caret {
    /// Rows below the first.
    pub row: usize,
    /// Columns right of the first.
    pub column: usize,
    /// Bytes of the row's text before it.
    pub bytes: usize,
}

/// A row as it is drawn.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Row {
    /// What is written.
    pub text: String,
    /// The columns it takes.
    pub width: usize,
}

/// Breaks prompt and text into rows of at most `width` columns and finds the cursor (a byte
/// offset in the text) in them.
pub fn wrap(prompt: &str, text: &str, cursor: usize, width: usize) -> (Vec<Row>, Caret) {
    let mut wrapped = Wrapped {
        rows: vec![Row::default()],
        width: width.max(1),
        colours: String::new(),
    };
    for (_, piece) in pieces(prompt) {
        wrapped.push(piece);
    }
    if !wrapped.colours.is_empty() {
        wrapped.push(Piece::Sgr(RESET));
        wrapped.colours.clear();
    }
    let mut caret = None;
    for (start, piece) in pieces(text) {
        let place = wrapped.push(piece);
        if start >= cursor {
            caret = caret.or(Some(place));
        }
    }
    let caret = caret.unwrap_or_else(|| wrapped.end());
    (wrapped.rows, caret)
}

/// A text in one row of at most `width` columns.
pub fn clip(text: &str, width: usize) -> Row {
    let mut row = Row::default();
    let mut coloured = false;
    for (_, piece) in pieces(text) {
        match piece {
            Piece::Grapheme(_, columns) if row.width + columns > width => break,
            Piece::Grapheme(_, columns) => row.width += columns,
            Piece::Sgr(_) => coloured = true,
        }
        let (Piece::Sgr(bytes) | Piece::Grapheme(bytes, _)) = piece;
        row.text.push_str(bytes);
    }
    if coloured {
        row.text.push_str(RESET);
    }
    row
}

/// Breaks a text between its words into rows of at most `width` columns; all but the first are two columns further in
/// than it. A word that is wider than a row is left to the terminal, so that it can be copied as one.
pub fn fold(text: &str, width: usize) -> Vec<&str> {
    let blanks = |text: &str| text.len() - text.trim_start_matches(' ').len();
    let (mut rows, mut begin, mut column) = (Vec::new(), 0, 0);
    let mut word = blanks(text);
    let indent = word + FOLDED;
    let mut may_break = false;
    for (at, piece) in pieces(text) {
        let Piece::Grapheme(grapheme, columns) = piece else {
            continue;
        };
        column += columns;
        if grapheme == " " && at >= word {
            word = at + 1;
            may_break = true;
        } else if column > width && may_break {
            may_break = false;
            let whole = text[word..].split(' ').next().unwrap_or_default();
            if width_of(whole) > width {
                continue;
            }
            rows.push(text[begin..word].trim_end_matches(' '));
            column = indent + width_of(&text[word..at]) + columns;
            begin = word;
        }
    }
    rows.push(&text[begin..]);
    rows
}

/// The columns by which the rows of a folded text are further in than its first one.
pub const FOLDED: usize = 2;

fn width_of(text: &str) -> usize {
    let columns = |(_, piece): (usize, Piece<'_>)| match piece {
        Piece::Grapheme(_, columns) => columns,
        Piece::Sgr(_) => 0,
    };
    pieces(text).map(columns).sum()
}

/// The candidates in columns, in at most `rows_max` rows; the last says how many are left out.
pub fn list(candidates: &[String], width: usize, rows_max: usize) -> Vec<Row> {
    let clipped: Vec<Row> = candidates.iter().map(|text| clip(text, width)).collect();
    let cell = clipped.iter().map(|row| row.width).max().unwrap_or(0) + GAP;
    let columns = ((width + GAP) / cell).max(1);
    let rows_needed = clipped.len().div_ceil(columns);
    let full = if rows_needed > rows_max {
        rows_max.saturating_sub(1)
    } else {
        rows_needed
    };
    let mut rows: Vec<Row> = clipped
        .chunks(columns)
        .take(full)
        .map(|chunk| joined(chunk, cell))
        .collect();
    if rows_needed > rows_max && rows_max > 0 {
        rows.push(clip(
            &format!("... {} more", clipped.len() - full * columns),
            width,
        ));
    }
    rows
}

/// Blanks between two candidates.
const GAP: usize = 2;

fn joined(chunk: &[Row], cell: usize) -> Row {
    let mut row = Row::default();
    for (index, candidate) in chunk.iter().enumerate() {
        let blanks = index * cell - row.width;
        row.text.push_str(&" ".repeat(blanks));
        row.text.push_str(&candidate.text);
        row.width += blanks + candidate.width;
    }
    row
}

struct Wrapped {
    rows: Vec<Row>,
    width: usize,
    /// What is in force: each row begins with it, so that it can be written again by itself.
    colours: String,
}

impl Wrapped {
    /// Puts a piece behind the last, on a new row if there is no room, and says where it stands.
    fn push(&mut self, piece: Piece<'_>) -> Caret {
        let (bytes, columns) = match piece {
            Piece::Sgr(bytes) => (bytes, 0),
            Piece::Grapheme(bytes, columns) => (bytes, columns),
        };
        let end = self.end();
        if end.column > 0 && end.column + columns > self.width {
            self.rows.push(Row {
                text: self.colours.clone(),
                width: 0,
            });
        }
        if matches!(piece, Piece::Sgr(_)) {
            self.colours.push_str(bytes);
        }
        let place = self.end();
        let row = &mut self.rows[place.row];
        row.text.push_str(bytes);
        row.width += columns;
        place
    }

    fn end(&self) -> Caret {
        let row = self.rows.len() - 1;
        Caret {
            row,
            column: self.rows[row].width,
            bytes: self.rows[row].text.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, cursor: usize, width: usize, rows: &[&str], at: (usize, usize)) {
        let (wrapped, cell) = wrap("> ", text, cursor, width);
        let texts: Vec<&str> = wrapped.iter().map(|row| row.text.as_str()).collect();
        assert_eq!(texts, rows, "{text} at {width}");
        assert_eq!((cell.row, cell.column), at, "{text} at {width}");
    }

    #[test]
    fn rows_are_broken_between_graphemes() {
        check("", 0, 9, &["> "], (0, 2));
        check("abc", 1, 9, &["> abc"], (0, 3));
        check("abc", 3, 5, &["> abc"], (0, 5));
        check("abcd", 3, 5, &["> abc", "d"], (1, 0));
        check("abcd", 4, 5, &["> abc", "d"], (1, 1));
        check("日本", 6, 5, &["> 日", "本"], (1, 2));
        check("日本", 3, 5, &["> 日", "本"], (1, 0));
        check("e\u{301}x", 3, 3, &["> e\u{301}", "x"], (1, 0));
    }

    #[test]
    fn no_width_is_too_small() {
        check("日", 3, 1, &[">", " ", "日"], (2, 2));
        check("a", 1, 0, &[">", " ", "a"], (2, 1));
    }

    #[test]
    fn a_coloured_prompt_takes_its_visible_width() {
        let (rows, cursor) = wrap("\x1b[32ma> ", "x", 1, 9);
        assert_eq!(
            rows,
            [Row {
                text: "\x1b[32ma> \x1b[0mx".into(),
                width: 4
            }]
        );
        assert_eq!(
            cursor,
            Caret {
                row: 0,
                column: 4,
                bytes: 13
            }
        );
    }

    #[test]
    fn each_row_of_a_coloured_prompt_has_the_colours() {
        let (rows, cursor) = wrap("\x1b[32mab> ", "x", 0, 3);
        let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
        assert_eq!(texts, ["\x1b[32mab>", "\x1b[32m \x1b[0mx"]);
        assert_eq!(
            cursor,
            Caret {
                row: 1,
                column: 1,
                bytes: 10
            }
        );
    }

    #[test]
    fn a_long_text_is_folded_between_words() {
        let check = |text: &str, width, rows: &[&str]| {
            assert_eq!(fold(text, width), rows, "{text} at {width}");
        };
        check("", 5, &[""]);
        check("one two", 7, &["one two"]);
        check("one two", 6, &["one", "two"]);
        check("  one two three", 9, &["  one two", "three"]);
        check("  one two three", 8, &["  one", "two", "three"]);
        check("one two three four", 9, &["one two", "three", "four"]);
        check("one   two", 5, &["one", "two"]);
        check("日本 語日", 6, &["日本", "語日"]);
        check(
            "\u{1b}[31mone two\u{1b}[0m",
            4,
            &["\u{1b}[31mone", "two\u{1b}[0m"],
        );
    }

    #[test]
    fn a_word_wider_than_a_row_stays_whole() {
        let long = "http://example.org/a/long/way";
        assert_eq!(fold(long, 10), [long]);
        let (before, behind) = (format!("see {long}"), format!("{long} there"));
        assert_eq!(fold(&before, 10), [before.as_str()]);
        assert_eq!(fold(&behind, 10), [long, "there"]);
    }

    #[test]
    fn a_clipped_row_keeps_its_colours_in() {
        assert_eq!(
            clip("日本", 3),
            Row {
                text: "日".into(),
                width: 2
            }
        );
        assert_eq!(
            clip("\x1b[7mabc", 2),
            Row {
                text: "\x1b[7mab\x1b[0m".into(),
                width: 2
            }
        );
    }

    #[test]
    fn candidates_stand_in_columns() {
        let check = |words: &[&str], width, rows_max, expected: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let rows = list(&words, width, rows_max);
            let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
            assert_eq!(texts, expected);
            assert!(rows.iter().all(|row| row.width <= width));
        };
        check(&["a", "bbb", "日"], 13, 9, &["a    bbb  日"]);
        check(&["a", "bbb", "日"], 8, 9, &["a    bbb", "日"]);
        check(&["a", "b", "c", "d", "e"], 4, 2, &["a  b", "... "]);
        check(&["a", "b", "c", "d", "e"], 10, 1, &["... 5 more"]);
        check(&["a", "b"], 1, 0, &[]);
        check(&[], 10, 3, &[]);
    }
}

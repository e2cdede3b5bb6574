//! The line being typed: its text and the cursor in it.
//!
//! The unit of movement is the grapheme (what a reader takes for one character), so the cursor
//! never stands inside one. Knows nothing of keys, prompts or screens.

use std::ops::Range;

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

/// Bytes a typed line may hold: what one line of the peer protocol carries.
pub const LINE_BYTES_MAX: usize = 32_768;

/// Where the cursor can go from where it is; deleting uses the same words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    /// One grapheme back.
    Left,
    /// One grapheme on.
    Right,
    /// To the beginning of the word before (letters and digits make a word).
    WordLeft,
    /// To the end of the word after.
    WordRight,
    /// To the beginning of the word before, where only blanks separate words.
    BlankLeft,
    /// To the beginning of the line.
    Start,
    /// To the end of the line.
    End,
}

/// A text of at most [`LINE_BYTES_MAX`] bytes without control characters, and a cursor that is a
/// byte offset on a grapheme boundary.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Line {
    text: String,
    cursor: usize,
}

impl Line {
    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The cursor, in bytes from the beginning.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// The text up to the cursor and the text behind it.
    pub fn halves(&self) -> (&str, &str) {
        self.text.split_at(self.cursor)
    }

    /// Whether nothing is typed.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Puts `text` in at the cursor, which then stands behind it. `false` if the line would grow
    /// too long: nothing has changed then.
    pub fn insert(&mut self, text: &str) -> bool {
        self.replace(self.cursor..self.cursor, text)
    }

    /// Replaces a range (on character boundaries) and puts the cursor behind the new text.
    /// `false` if the line would grow too long: nothing has changed then.
    pub fn replace(&mut self, range: Range<usize>, text: &str) -> bool {
        let text = printable(text);
        if self.text.len() - range.len() + text.len() > LINE_BYTES_MAX {
            return false;
        }
        self.cursor = range.start + text.len();
        self.text.replace_range(range, &text);
        self.snap();
        true
    }

    /// Puts another text in place of this one, the cursor at `cursor` or the next boundary. A text
    /// that is too long is refused and leaves the line empty.
    pub fn set(&mut self, text: &str, cursor: usize) {
        self.take();
        self.insert(text);
        let nearest = (0..=cursor.min(self.text.len())).rev();
        self.cursor = nearest
            .into_iter()
            .find(|at| self.text.is_char_boundary(*at))
            .unwrap_or(0);
        self.snap();
    }

    /// Takes the text out; the line is empty then.
    pub fn take(&mut self) -> String {
        self.cursor = 0;
        std::mem::take(&mut self.text)
    }

    /// Moves the cursor.
    pub fn go(&mut self, motion: Motion) {
        self.cursor = self.target(motion);
    }

    /// Takes out what lies between the cursor and where `motion` would bring it.
    pub fn remove(&mut self, motion: Motion) -> String {
        let target = self.target(motion);
        let range = self.cursor.min(target)..self.cursor.max(target);
        self.cursor = range.start;
        let removed = self.text.drain(range).collect();
        self.snap();
        removed
    }

    /// Exchanges the graphemes before and after the cursor (at the end: the last two) and moves
    /// on. `false` if there are not two.
    pub fn transpose(&mut self) -> bool {
        let middle = match self.target(Motion::Right) {
            end if end == self.cursor => self.target(Motion::Left),
            _ => self.cursor,
        };
        let (before, after) = self.text.split_at(middle);
        let (Some(left), Some(right)) = (
            before.graphemes(true).next_back(),
            after.graphemes(true).next(),
        ) else {
            return false;
        };
        let swapped = format!("{right}{left}");
        let range = middle - left.len()..middle + right.len();
        self.replace(range, &swapped)
    }

    fn target(&self, motion: Motion) -> usize {
        let (before, after) = self.halves();
        match motion {
            Motion::Left => grapheme_back(before),
            Motion::Right => self.cursor + after.graphemes(true).next().map_or(0, str::len),
            Motion::WordLeft => word_back(before, is_word),
            Motion::WordRight => self.cursor + word_on(after),
            Motion::BlankLeft => word_back(before, |grapheme| !is_blank(grapheme)),
            Motion::Start => 0,
            Motion::End => self.text.len(),
        }
    }

    /// After an edit the neighbours of the cursor may have become one grapheme: step behind it.
    fn snap(&mut self) {
        let mut cursor = GraphemeCursor::new(self.cursor, self.text.len(), true);
        if !matches!(cursor.is_boundary(&self.text, 0), Ok(true)) {
            let next = cursor.next_boundary(&self.text, 0);
            self.cursor = next.ok().flatten().unwrap_or(self.text.len());
        }
    }
}

/// The text as a line may hold it: a tab is four blanks, another control or line separator one.
pub fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => clean.push_str("    "),
            '\u{2028}' | '\u{2029}' => clean.push(' '),
            c if c.is_control() => clean.push(' '),
            c => clean.push(c),
        }
    }
    clean
}

fn grapheme_back(before: &str) -> usize {
    before
        .grapheme_indices(true)
        .next_back()
        .map_or(0, |(start, _)| start)
}

fn word_back(before: &str, is_part: impl Fn(&str) -> bool) -> usize {
    before
        .grapheme_indices(true)
        .rev()
        .skip_while(|(_, grapheme)| !is_part(grapheme))
        .take_while(|(_, grapheme)| is_part(grapheme))
        .last()
        .map_or(0, |(start, _)| start)
}

fn word_on(after: &str) -> usize {
    after
        .grapheme_indices(true)
        .skip_while(|(_, grapheme)| !is_word(grapheme))
        .find(|(_, grapheme)| !is_word(grapheme))
        .map_or(after.len(), |(start, _)| start)
}

fn is_word(grapheme: &str) -> bool {
    grapheme.starts_with(char::is_alphanumeric)
}

fn is_blank(grapheme: &str) -> bool {
    grapheme.starts_with(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `|` marks the cursor.
    fn line(marked: &str) -> Line {
        let cursor = marked.find('|').expect("a marked text has a cursor");
        let mut line = Line::default();
        line.set(&marked.replace('|', ""), cursor);
        line
    }

    fn marked(line: &Line) -> String {
        let (before, after) = line.halves();
        format!("{before}|{after}")
    }

    #[test]
    fn the_cursor_moves_by_graphemes_and_words() {
        let check = |from: &str, motion, to: &str| {
            let mut line = line(from);
            line.go(motion);
            assert_eq!(marked(&line), to, "{motion:?} from {from}");
        };
        check("ab|c", Motion::Left, "a|bc");
        check("|abc", Motion::Left, "|abc");
        check("abc|", Motion::Right, "abc|");
        check("e\u{301}|x", Motion::Left, "|e\u{301}x");
        check("|👩‍👩‍👧x", Motion::Right, "👩‍👩‍👧|x");
        check("🇧🇷🇵🇹|", Motion::Left, "🇧🇷|🇵🇹");
        check("/msg bob-2@CIC |", Motion::WordLeft, "/msg bob-2@|CIC ");
        check("/msg bob-2@|CIC", Motion::WordLeft, "/msg bob-|2@CIC");
        check("|/msg bob", Motion::WordRight, "/msg| bob");
        check("a b  |", Motion::BlankLeft, "a |b  ");
        check("x bob@CIC|", Motion::BlankLeft, "x |bob@CIC");
        check("a|b", Motion::Start, "|ab");
        check("a|b", Motion::End, "ab|");
    }

    #[test]
    fn removing_takes_what_lies_between() {
        let check = |from: &str, motion, to: &str, removed: &str| {
            let mut line = line(from);
            assert_eq!(line.remove(motion), removed);
            assert_eq!(marked(&line), to);
        };
        check("ab|c", Motion::Left, "a|c", "b");
        check("ab|c", Motion::Right, "ab|", "c");
        check("one two| three", Motion::BlankLeft, "one | three", "two");
        check("one |two three", Motion::End, "one |", "two three");
        check("日本|語", Motion::Left, "日|語", "本");
        check("|", Motion::Left, "|", "");
    }

    #[test]
    fn joining_two_halves_of_a_grapheme_puts_the_cursor_behind_it() {
        let mut joined = line("🇧x|🇷");
        joined.remove(Motion::Left);
        assert_eq!(marked(&joined), "🇧🇷|");
        let mut accented = line("|\u{301}");
        accented.insert("e");
        assert_eq!(marked(&accented), "e\u{301}|");
    }

    #[test]
    fn transposing_exchanges_two_graphemes() {
        let check = |from: &str, to: &str, done: bool| {
            let mut line = line(from);
            assert_eq!(line.transpose(), done, "{from}");
            assert_eq!(marked(&line), to);
        };
        check("a|bc", "ba|c", true);
        check("abc|", "acb|", true);
        check("日|x", "x日|", true);
        check("|abc", "|abc", false);
        check("a|", "a|", false);
        check("|", "|", false);
    }

    #[test]
    fn a_line_takes_no_byte_more_than_it_may_hold() {
        let mut line = Line::default();
        assert!(line.insert(&"x".repeat(LINE_BYTES_MAX - 1)));
        assert!(!line.insert("é"));
        assert!(line.insert("y"));
        assert!(!line.insert("z"));
        assert_eq!(line.text().len(), LINE_BYTES_MAX);
    }

    #[test]
    fn control_characters_become_blanks() {
        let mut line = Line::default();
        line.insert("a\tb\x1b[2Jc\u{2028}d\u{85}e");
        assert_eq!(line.text(), "a    b [2Jc d e");
    }
}

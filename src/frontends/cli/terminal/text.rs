//! Text as a terminal takes it: printable characters and our own colours (SGR sequences), nothing
//! else. The last door: whatever a caller forgot to sanitise stops here.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Puts all colours back.
pub const RESET: &str = "\x1b[0m";

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A colour or another rendition; takes no room.
    Sgr(&'a str),
    /// One grapheme and the columns it takes.
    Grapheme(&'a str, usize),
}

/// The pieces of a text with the byte offset of each. Control characters and other sequences are
/// left out, a tab is a blank.
pub fn pieces(text: &str) -> impl Iterator<Item = (usize, Piece<'_>)> {
    let mut skip_to = 0;
    text.grapheme_indices(true)
        .filter_map(move |(start, grapheme)| {
            if start < skip_to {
                return None;
            }
            if let Some(sgr) = sgr_of(&text[start..]) {
                skip_to = start + sgr.len();
                return Some((start, Piece::Sgr(sgr)));
            }
            match grapheme.chars().next()? {
                '\t' => Some((start, Piece::Grapheme(" ", 1))),
                c if c.is_control() => None,
                _ => Some((start, Piece::Grapheme(grapheme, grapheme.width()))),
            }
        })
}

/// Appends what of a text may be shown, colours put back at its end.
pub fn push_shown(text: &str, out: &mut Vec<u8>) {
    let mut coloured = false;
    for (_, piece) in pieces(text) {
        coloured |= matches!(piece, Piece::Sgr(_));
        let (Piece::Sgr(bytes) | Piece::Grapheme(bytes, _)) = piece;
        out.extend_from_slice(bytes.as_bytes());
    }
    if coloured {
        out.extend_from_slice(RESET.as_bytes());
    }
}

/// The colours and other renditions in a text, without the text.
pub fn renditions(text: &str) -> String {
    let sgr = |(_, piece)| match piece {
        Piece::Sgr(sgr) => Some(sgr),
        Piece::Grapheme(..) => None,
    };
    pieces(text).filter_map(sgr).collect()
}

/// The SGR sequence a text begins with.
fn sgr_of(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix("\x1b[")?;
    let end = parameters.find(|c: char| !matches!(c, '0'..='9' | ';' | ':'))?;
    parameters[end..].starts_with('m').then(|| &text[..end + 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, shown: &str) {
        let mut out = Vec::new();
        push_shown(text, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), shown);
    }

    #[test]
    fn colours_pass_and_are_put_back() {
        check("plain", "plain");
        check("\x1b[31mred\x1b[39m", "\x1b[31mred\x1b[39m\x1b[0m");
        check("\x1b[1;38;2;9;9;9mx", "\x1b[1;38;2;9;9;9mx\x1b[0m");
    }

    #[test]
    fn nothing_else_that_moves_a_terminal_passes() {
        check("a\x1b[2Jb", "a[2Jb");
        check("a\x1b]0;title\x07b", "a]0;titleb");
        check("a\rb\nc\x08d\u{9b}2Je", "abcd2Je");
        check("a\tb", "a b");
        check("a\x1b[31", "a[31");
        check("\x1b\x1b[31mx", "\x1b[31mx\x1b[0m");
    }

    #[test]
    fn widths_are_those_of_graphemes() {
        let widths = |text| -> Vec<usize> {
            let width = |(_, piece)| match piece {
                Piece::Sgr(_) => 0,
                Piece::Grapheme(_, width) => width,
            };
            pieces(text).map(width).collect()
        };
        assert_eq!(widths("a日e\u{301}"), [1, 2, 1]);
        assert_eq!(widths("👩\u{200d}👧🇧🇷❤\u{fe0f}👍\u{1f3fd}"), [2, 2, 2, 2]);
        assert_eq!(widths("\x1b[31mx"), [0, 1]);
    }
}

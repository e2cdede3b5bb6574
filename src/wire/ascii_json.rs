//! JSON with every non-ASCII character escaped: some clients decode UTF-8 per received chunk, and a character
//! split across segments would break them.

use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter, Serializer};

/// One line of compact JSON, ASCII only, with its newline.
pub fn to_line<T: Serialize>(value: &T) -> Vec<u8> {
    let mut line = Vec::with_capacity(256);
    append(&mut line, value);
    line.push(b'\n');
    line
}

/// Appends one JSON value, ASCII only.
pub fn append<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    let mut serializer = Serializer::with_formatter(out, Ascii);
    value
        .serialize(&mut serializer)
        .expect("the wire's types serialize into memory without errors");
}

/// Appends one JSON string; the common case of plain ASCII is copied as it stands.
pub fn append_text(out: &mut Vec<u8>, text: &str) {
    if is_plain(text) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        append(out, text);
    }
}

/// Looks at all bytes, without a branch: that is what the processor does many of at once.
fn is_plain(text: &str) -> bool {
    text.bytes().fold(true, |plain, byte| {
        plain & matches!(byte, b' '..=b'~') & (byte != b'"') & (byte != b'\\')
    })
}

struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        let mut rest = fragment;
        while let Some(at) = rest.find(|c: char| !c.is_ascii()) {
            let (ascii, tail) = rest.split_at(at);
            CompactFormatter.write_string_fragment(writer, ascii)?;
            let character = tail.chars().next().unwrap_or_default();
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &tail[character.len_utf8()..];
        }
        CompactFormatter.write_string_fragment(writer, rest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn everything_beyond_ascii_is_escaped_as_utf16() {
        assert_eq!(to_line(&"olá 😀"), b"\"ol\\u00e1 \\ud83d\\ude00\"\n");
    }

    proptest! {
        #[test]
        fn any_text_comes_back_unaltered_and_is_ascii(text in any::<String>()) {
            let mut out = Vec::new();
            append_text(&mut out, &text);
            prop_assert!(out.is_ascii());
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}

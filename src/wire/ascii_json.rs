//! JSON lines in ASCII: what is not ASCII leaves as `\uXXXX`, so that a client which decodes UTF-8 chunk by chunk
//! never sees half a character (protocol text, section 2).

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// One compact line of ASCII JSON with its newline, for requests to the rendezvous and messages to peers.
///
/// `value` is a wire type: a struct or enum whose fields always have a JSON form.
pub fn to_line<T: Serialize>(value: &T) -> Vec<u8> {
    let mut line = Vec::with_capacity(128);
    value
        .serialize(&mut Serializer::with_formatter(&mut line, Ascii))
        .expect("a wire type has string keys only, and a Vec takes every byte");
    line.push(b'\n');
    line
}

struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|c: char| !c.is_ascii()) {
            let (plain, tail) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let foreign = tail.find(|c: char| c.is_ascii()).unwrap_or(tail.len());
            for unit in tail[..foreign].encode_utf16() {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = &tail[foreign..];
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_ascii_is_escaped_and_pairs_become_surrogates() {
        let line = to_line(&["olá", "世界", "😀!", "a\"\n\u{7f}"]);
        let expected = r#"["ol\u00e1","\u4e16\u754c","\ud83d\ude00!","a\"\n"#;
        assert_eq!(line, [expected.as_bytes(), b"\x7f\"]\n"].concat());
    }

    proptest! {
        #[test]
        fn every_text_comes_back_from_one_ascii_line(text in any::<String>()) {
            let line = to_line(&text);
            prop_assert!(line.is_ascii());
            prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            prop_assert_eq!(serde_json::from_slice::<String>(&line).unwrap(), text);
        }
    }
}

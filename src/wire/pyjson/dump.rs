//! Strings as `json.dumps` writes them by default: all of it printable ASCII.

use std::fmt::Write;

/// Appends a quoted string: what is not printable ASCII as `\uXXXX` with lower-case digits, beyond the basic plane
/// as two surrogates; a lone surrogate stays one.
pub fn write_quoted(out: &mut String, code_points: impl Iterator<Item = u32>) {
    out.push('"');
    for point in code_points {
        match char::from_u32(point) {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\u{c}') => out.push_str("\\f"),
            Some(character @ ' '..='~') => out.push(character),
            Some(character) => write_units(out, character.encode_utf16(&mut [0; 2])),
            None => write_units(out, &[u16::try_from(point).unwrap_or(0xfffd)]),
        }
    }
    out.push('"');
}

fn write_units(out: &mut String, units: &[u16]) {
    for unit in units {
        write!(out, "\\u{unit:04x}").expect("writing to a String cannot fail");
    }
}

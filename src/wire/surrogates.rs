//! Lone surrogates in JSON texts: Python writes `\ud83d` for half a character, which no Unicode text can hold.

/// The escape of U+FFFD, as long as the one it replaces.
const REPLACEMENT: &str = "\\ufffd";

/// The length of an escape, in bytes.
const ESCAPE: usize = REPLACEMENT.len();

/// The same line with U+FFFD for each escaped surrogate that is no half of a pair; none if there is none.
pub fn replaced(line: &str) -> Option<String> {
    let mut out = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = memchr::memchr(b'\\', &line.as_bytes()[at..]) {
        let escape = at + found;
        at = match (unit(line, escape), unit(line, escape + ESCAPE)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => escape + 2 * ESCAPE,
            (Some(0xd800..=0xdfff), _) => {
                out.push_str(&line[copied..escape]);
                out.push_str(REPLACEMENT);
                copied = escape + ESCAPE;
                copied
            }
            (Some(_), _) => escape + ESCAPE,
            // A backslash and what it escapes.
            (None, _) => (escape + 2).min(line.len()),
        };
    }
    out.push_str(&line[copied..]);
    (copied > 0).then_some(out)
}

/// The code unit of the escape that begins here, if one does.
fn unit(line: &str, at: usize) -> Option<u16> {
    let digits = line.get(at..at + ESCAPE)?.strip_prefix("\\u")?;
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| u16::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(line: &str, expected: Option<&str>) {
        assert_eq!(replaced(line).as_deref(), expected, "{line}");
    }

    #[test]
    fn each_lone_surrogate_is_replaced() {
        check(r#""\ud83d""#, Some(r#""\ufffd""#));
        check(r#""a\uDE00b""#, Some(r#""a\ufffdb""#));
        check(r#""\ude00\ud83d""#, Some(r#""\ufffd\ufffd""#));
        check(
            r#""\ud83d\ud83d\ude00\ud83d""#,
            Some(r#""\ufffd\ud83d\ude00\ufffd""#),
        );
        check(r#""\ud83d\n\u00e9""#, Some(r#""\ufffd\n\u00e9""#));
    }

    #[test]
    fn what_is_none_stays() {
        check("", None);
        check(r#""\ud83d\ude00 \u00e9 é""#, None);
        check(r#""\\ud83d""#, None);
        check(r#""\ud83""#, None);
        check(r#""\u+83d""#, None);
        check("\\", None);
        check("\\é", None);
        check("\\u", None);
    }

    proptest! {
        #[test]
        fn what_python_writes_for_any_text_is_json_afterwards(units in any::<Vec<u16>>()) {
            let escapes: String = units.iter().map(|unit| format!("\\u{unit:04x}")).collect();
            let line = format!("\"{escapes}\"");
            let line = replaced(&line).unwrap_or(line);
            let text: String = serde_json::from_str(&line).unwrap();
            prop_assert_eq!(text, String::from_utf16_lossy(&units));
        }

        #[test]
        fn any_text_is_taken(line in r#"([\\ud83dDcCé"]){0,30}"#) {
            if let Some(replaced) = replaced(&line) {
                prop_assert_eq!(replaced.len(), line.len());
            }
        }
    }
}

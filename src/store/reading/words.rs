//! What a user typed to search for, as an expression of the full text search: every word, and nothing else, counts.

/// Words of one search; further ones are left out.
const WORDS_MAX: usize = 32;

/// Letters from which on a word also finds longer ones that begin with it.
const PREFIX_MIN: usize = 2;

/// All of the words, in any order, quoted, so that quotes and operators are harmless; none if there is no word in it.
pub(super) fn expression(typed: &str) -> Option<String> {
    let words = typed
        .split(|sign: char| sign.is_whitespace() || sign.is_control())
        .filter(|word| word.chars().any(char::is_alphanumeric));
    let quoted: Vec<String> = words.take(WORDS_MAX).map(quoted).collect();
    (!quoted.is_empty()).then(|| quoted.join(" "))
}

fn quoted(word: &str) -> String {
    let letters = word.chars().filter(|sign| sign.is_alphanumeric()).count();
    let star = if letters >= PREFIX_MIN { "*" } else { "" };
    format!("\"{}\"{star}", word.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_and_long_enough_ones_are_prefixes() {
        for (typed, expected) in [
            ("hello", Some("\"hello\"*")),
            ("  a  bc ", Some("\"a\" \"bc\"*")),
            ("say \"hi\"", Some("\"say\"* \"\"\"hi\"\"\"*")),
            ("NOT x OR", Some("\"NOT\"* \"x\" \"OR\"*")),
            ("NEAR(a, b) * ^ -", Some("\"NEAR(a,\"* \"b)\"")),
            ("text:x", Some("\"text:x\"*")),
            ("a\0b", Some("\"a\" \"b\"")),
            ("日本", Some("\"日本\"*")),
            ("", None),
            ("\" * ( !", None),
        ] {
            assert_eq!(expression(typed).as_deref(), expected, "{typed:?}");
        }
    }
}

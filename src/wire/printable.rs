//! Makes text from strangers safe to show: no control, escape, bidirectional or invisible character reaches a
//! terminal or a log, and two different identities never look alike.

use std::fmt::{self, Write};

/// A text as it may be shown. Made anew each time it is shown; the text itself stays unaltered.
#[derive(Debug, Clone, Copy)]
pub struct Printable<'a> {
    text: &'a str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Id,
}

impl<'a> Printable<'a> {
    /// A message text: a newline becomes ` ⏎ `, a tab a blank, what a terminal could act on or hide is escaped.
    pub fn text(text: &'a str) -> Self {
        Self {
            text,
            kind: Kind::Text,
        }
    }

    /// An identity: printable ASCII and the letters of Latin-1 stay, all else (and the backslash) is escaped, so
    /// the shown form is unambiguous. Homoglyphs of other scripts and decomposed accents thus never pass.
    pub fn id(text: &'a str) -> Self {
        Self {
            text,
            kind: Kind::Id,
        }
    }
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Text if is_plain(self.text) => f.write_str(self.text),
            Kind::Text => show_text(self.text, f),
            Kind::Id => show_id(self.text, f),
        }
    }
}

/// Whether a text is nothing but printable ASCII, as most are. Looks at all of it, without a branch: that is what the
/// processor does many bytes of at once.
pub fn is_plain(text: &str) -> bool {
    let bytes = text.bytes();
    bytes.fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'))
}

/// Whether a character takes no visible place or turns the direction of what follows.
pub fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn show_text(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut rest = text.chars().peekable();
    let mut previous = ' ';
    while let Some(character) = rest.next() {
        match character {
            '\r' if rest.peek() == Some(&'\n') => continue,
            '\n' => f.write_str(" ⏎ ")?,
            '\t' => f.write_char(' ')?,
            // The joiner and the variation selector of emoji are harmless behind a visible symbol.
            '\u{200d}' | '\u{fe0f}' if is_symbol(previous) => f.write_char(character)?,
            _ if character.is_control() || is_invisible(character) => escape(character, f)?,
            _ => f.write_char(character)?,
        }
        previous = character;
    }
    Ok(())
}

fn is_symbol(character: char) -> bool {
    matches!(character, '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}' | '\u{fe0f}')
}

fn show_id(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for character in text.chars() {
        let plain = character.is_ascii_graphic() && character != '\\';
        let latin = matches!(character, 'À'..='ÿ' if !matches!(character, '×' | '÷'));
        if plain || latin {
            f.write_char(character)?;
        } else {
            escape(character, f)?;
        }
    }
    Ok(())
}

fn escape(character: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "\\u{{{:x}}}", u32::from(character))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check_text(text: &str, shown: &str) {
        assert_eq!(Printable::text(text).to_string(), shown);
    }

    #[test]
    fn texts_lose_what_a_terminal_would_act_on_or_hide() {
        check_text("olá, 世界 😀", "olá, 世界 😀");
        check_text("a\nb\r\nc", "a ⏎ b ⏎ c");
        check_text("a\tb", "a b");
        check_text("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}");
        check_text("\u{9b}31m", "\\u{9b}31m");
        check_text("a\u{202e}b\u{200b}c", "a\\u{202e}b\\u{200b}c");
        check_text("\rover", "\\u{d}over");
    }

    #[test]
    fn joined_emoji_stay_whole() {
        check_text("👩\u{200d}💻 ❤\u{fe0f}", "👩\u{200d}💻 ❤\u{fe0f}");
        check_text("a\u{200d}b", "a\\u{200d}b");
    }

    #[test]
    fn homoglyphs_and_decomposed_accents_in_identities_are_visible() {
        let shown = |id| Printable::id(id).to_string();
        assert_eq!(shown("joão@CIC"), "joão@CIC");
        assert_eq!(shown("joa\u{303}o@CIC"), "joa\\u{303}o@CIC");
        assert_eq!(shown("аlice@CIC"), "\\u{430}lice@CIC");
        assert_eq!(shown("a b@CIC"), "a\\u{20}b@CIC");
    }

    proptest! {
        #[test]
        fn different_identities_are_shown_differently(a in "\\PC*|.*", b in "\\PC*|.*") {
            let same = Printable::id(&a).to_string() == Printable::id(&b).to_string();
            prop_assert_eq!(same, a == b);
        }

        #[test]
        fn no_shown_text_holds_a_control_character(text in any::<String>()) {
            let shown = Printable::text(&text).to_string();
            prop_assert!(!shown.chars().any(char::is_control));
        }
    }
}

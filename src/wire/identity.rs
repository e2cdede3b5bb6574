//! Who a peer is: `name@namespace`, parsed once and valid ever after.

use std::{borrow::Borrow, fmt, sync::Arc};

use thiserror::Error;

use super::printable::Printable;

/// The longest own name or namespace, in code points.
pub const OWN_PART_CHARS_MAX: usize = 64;

/// The longest foreign identity, in code points: two parts of 64 and the `@`.
pub const PEER_ID_CHARS_MAX: usize = 129;

/// Why a text is no identity.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// No `@` in it.
    #[error("a peer is written name@namespace")]
    NoNamespace,
    /// More than [`PEER_ID_CHARS_MAX`] code points.
    #[error("a peer id has at most 129 characters")]
    TooLong,
    /// An own name or namespace of no or more than 64 characters.
    #[error("a {part} has 1 to 64 characters")]
    PartLength {
        /// `name` or `namespace`.
        part: &'static str,
    },
    /// An own name or namespace with a character it may not hold.
    #[error("a {part} may not hold {character:?}: no blanks, control characters, quotes or @")]
    PartCharacter {
        /// `name` or `namespace`.
        part: &'static str,
        /// The first such character.
        character: char,
    },
    /// An own name or namespace that begins like a command or a destination.
    #[error("a {part} may not begin with {character}")]
    PartBeginning {
        /// `name` or `namespace`.
        part: &'static str,
        /// The character it begins with.
        character: char,
    },
}

/// A peer's identity `name@namespace`. Any text of up to 129 code points with an `@`, split at the last one; an
/// own identity obeys the stricter rules of [`PeerId::own`]. Cloning costs one reference count.
///
/// `Display` shows it safe for a terminal and a log (see [`Printable`]); [`PeerId::as_str`] is the text itself.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId {
    text: Arc<str>,
    at: u16,
}

impl PeerId {
    /// Takes an identity from the network or a command.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        let at = text.rfind('@').ok_or(IdentityError::NoNamespace)?;
        if text.chars().count() > PEER_ID_CHARS_MAX {
            return Err(IdentityError::TooLong);
        }
        let at = u16::try_from(at).map_err(|_| IdentityError::TooLong)?;
        Ok(Self {
            text: text.into(),
            at,
        })
    }

    /// Makes the node's own identity, by the rules for own names.
    pub fn own(name: &str, namespace: &str) -> Result<Self, IdentityError> {
        check_own_part("name", name)?;
        check_own_part("namespace", namespace)?;
        Self::parse(&format!("{name}@{namespace}"))
    }

    /// The identity of a rendezvous record, whose parts may hold anything.
    pub fn of_record(name: &str, namespace: &str) -> Result<Self, IdentityError> {
        Self::parse(&format!("{name}@{namespace}"))
    }

    /// The text itself, unescaped: for the wire and for JSON, never for a terminal.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part before the last `@`.
    pub fn name(&self) -> &str {
        &self.text[..usize::from(self.at)]
    }

    /// The part behind the last `@`.
    pub fn namespace(&self) -> &str {
        &self.text[usize::from(self.at) + 1..]
    }
}

impl Borrow<str> for PeerId {
    fn borrow(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable::id(&self.text).fmt(f)
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Whether an own name or namespace may hold this character.
pub fn own_part_may_hold(character: char) -> bool {
    let forbidden = character.is_whitespace()
        || character.is_control()
        || matches!(character, '@' | '"' | '\'' | '`')
        || super::printable::is_invisible(character);
    !forbidden
}

/// Whether an own name or namespace may begin with this character.
pub fn own_part_may_begin_with(character: char) -> bool {
    !matches!(character, '#' | '&' | '*' | '/')
}

/// Checks one part of an own identity; `part` is `name` or `namespace`, for the error.
pub fn check_own_part(part: &'static str, text: &str) -> Result<(), IdentityError> {
    if !(1..=OWN_PART_CHARS_MAX).contains(&text.chars().count()) {
        return Err(IdentityError::PartLength { part });
    }
    if let Some(character) = text.chars().find(|c| !own_part_may_hold(*c)) {
        return Err(IdentityError::PartCharacter { part, character });
    }
    match text.chars().next() {
        Some(character) if !own_part_may_begin_with(character) => {
            Err(IdentityError::PartBeginning { part, character })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_identity_is_split_at_its_last_at_sign() {
        let peer = PeerId::parse("a@b@CIC").unwrap();
        assert_eq!((peer.name(), peer.namespace()), ("a@b", "CIC"));
        assert_eq!(PeerId::parse("@").unwrap().name(), "");
    }

    #[test]
    fn a_foreign_identity_has_an_at_sign_and_at_most_129_code_points() {
        assert_eq!(PeerId::parse("alice"), Err(IdentityError::NoNamespace));
        let longest = format!("{}@{}", "é".repeat(64), "日".repeat(64));
        assert!(PeerId::parse(&longest).is_ok());
        let longer = format!("{longest}x");
        assert_eq!(PeerId::parse(&longer), Err(IdentityError::TooLong));
    }

    #[test]
    fn own_parts_refuse_what_commands_and_terminals_could_take_for_something_else() {
        for good in ["alice", "007", "joão", "a-b_c.d", "日本", &"x".repeat(64)] {
            assert!(PeerId::own(good, "lobby").is_ok(), "{good}");
        }
        let bad = [
            "",
            "a b",
            "a\tb",
            "a@b",
            "a\"b",
            "a'b",
            "#a",
            "&a",
            "*",
            "/a",
            "a\u{1b}",
            "a\u{202e}",
        ];
        for bad in bad.into_iter().chain([&*"x".repeat(65)]) {
            assert!(PeerId::own(bad, "lobby").is_err(), "{bad:?}");
            assert!(PeerId::own("alice", bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_identity_is_shown_escaped_and_kept_unescaped() {
        let peer = PeerId::parse("a\u{1b}[31m@CIC").unwrap();
        assert_eq!(peer.to_string(), "a\\u{1b}[31m@CIC");
        assert_eq!(peer.as_str(), "a\u{1b}[31m@CIC");
    }
}

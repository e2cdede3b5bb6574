//! Where a text goes: to everyone, to a namespace, or to one peer.

use std::fmt;

use super::{
    identity::{IdentityError, PeerId, check_own_part},
    printable::Printable,
};

/// A destination as commands name it and PUB and SEND carry it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Destination {
    /// `*`
    Everyone,
    /// `#namespace`, kept without the `#`.
    Namespace(String),
    /// `name@namespace`
    Peer(PeerId),
}

impl Destination {
    /// Takes `*`, `#namespace` or `name@namespace`, as a user types it.
    pub fn parse(text: &str) -> Result<Self, IdentityError> {
        match text.strip_prefix('#') {
            _ if text == "*" => Ok(Self::Everyone),
            Some(namespace) => {
                check_own_part("namespace", namespace)?;
                Ok(Self::Namespace(namespace.to_owned()))
            }
            None => PeerId::parse(text).map(Self::Peer),
        }
    }

    /// The text of the wire's `dst`, unescaped.
    pub fn to_wire(&self) -> String {
        match self {
            Self::Everyone => "*".into(),
            Self::Namespace(namespace) => format!("#{namespace}"),
            Self::Peer(peer) => peer.as_str().to_owned(),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyone => f.write_str("*"),
            Self::Namespace(namespace) => write!(f, "#{}", Printable::id(namespace)),
            Self::Peer(peer) => peer.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_are_told_apart_and_written_back() {
        for text in ["*", "#CIC", "bob@CIC"] {
            let destination = Destination::parse(text).unwrap();
            assert_eq!(destination.to_wire(), text);
            assert_eq!(destination.to_string(), text);
        }
    }

    #[test]
    fn what_is_none_of_them_is_refused() {
        for text in ["", "bob", "#", "#a b"] {
            assert!(Destination::parse(text).is_err(), "{text:?}");
        }
    }
}

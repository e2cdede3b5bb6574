//! JSON fields read as existing clients write them: a field of an unexpected type counts as missing, and never
//! makes the rest of its line unreadable.

use std::{borrow::Cow, fmt};

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A text, borrowed from the line where it holds no escapes; anything else is none.
pub fn text<'de, D: Deserializer<'de>>(field: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    field.deserialize_any(Text)
}

/// A boolean; anything else is none.
pub fn boolean<'de, D: Deserializer<'de>>(field: D) -> Result<Option<bool>, D::Error> {
    field.deserialize_any(Boolean)
}

/// A list, of which only the texts count and at most [`TEXTS_MAX`]; anything else is empty.
pub fn texts<'de, D: Deserializer<'de>>(field: D) -> Result<Vec<Cow<'de, str>>, D::Error> {
    field.deserialize_any(Texts)
}

/// The most texts that are kept of a list.
pub const TEXTS_MAX: usize = 32;

/// Implements what all three visitors share: every scalar of another type is the default, and what is inside of
/// lists and objects is skipped.
macro_rules! otherwise_default {
    () => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any JSON value")
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
}

macro_rules! skip_list {
    () => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
}

struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = Option<Cow<'de, str>>;

    otherwise_default!();
    skip_list!();

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(Cow::Owned(text.to_owned())))
    }
}

struct Boolean;

impl<'de> Visitor<'de> for Boolean {
    type Value = Option<bool>;

    otherwise_default!();
    skip_list!();

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(value))
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
}

struct Texts;

impl<'de> Visitor<'de> for Texts {
    type Value = Vec<Cow<'de, str>>;

    otherwise_default!();

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut texts = Vec::new();
        while let Some(element) = list.next_element::<Element<'de>>()? {
            if texts.len() < TEXTS_MAX {
                texts.extend(element.0);
            }
        }
        Ok(texts)
    }
}

struct Element<'de>(Option<Cow<'de, str>>);

impl<'de> serde::Deserialize<'de> for Element<'de> {
    fn deserialize<D: Deserializer<'de>>(element: D) -> Result<Self, D::Error> {
        text(element).map(Element)
    }
}

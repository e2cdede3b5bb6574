//! A Python `str`: code points, of which some may be lone surrogates that no Rust `String` can hold.

use std::fmt;

/// A text of code points. Equal texts have one form, so the derived comparison and hash are right.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Text(Form);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Form {
    /// Without surrogates.
    Whole(String),
    /// With at least one lone surrogate.
    Broken(Vec<u32>),
}

impl Text {
    /// The text, unless it holds a lone surrogate.
    pub fn as_str(&self) -> Option<&str> {
        match &self.0 {
            Form::Whole(text) => Some(text),
            Form::Broken(_) => None,
        }
    }

    /// Its length as Python counts it: in code points.
    pub fn len(&self) -> usize {
        match &self.0 {
            Form::Whole(text) => text.chars().count(),
            Form::Broken(points) => points.len(),
        }
    }

    /// Whether it has no code point.
    pub fn is_empty(&self) -> bool {
        self.as_str() == Some("")
    }

    /// Its code points in order.
    pub fn code_points(&self) -> impl Iterator<Item = u32> + '_ {
        let (whole, broken) = match &self.0 {
            Form::Whole(text) => (text.as_str(), &[][..]),
            Form::Broken(points) => ("", points.as_slice()),
        };
        whole.chars().map(u32::from).chain(broken.iter().copied())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Form::Whole(text.to_owned()))
    }
}

impl FromIterator<u32> for Text {
    fn from_iter<I: IntoIterator<Item = u32>>(points: I) -> Self {
        let mut builder = Builder::default();
        points.into_iter().for_each(|point| builder.push(point));
        builder.finish()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut quoted = String::new();
        super::write_quoted(&mut quoted, self.code_points());
        f.write_str(&quoted)
    }
}

/// Puts a text together; turns to the wide form at the first surrogate.
#[derive(Default)]
pub(super) struct Builder {
    whole: String,
    broken: Vec<u32>,
}

impl Builder {
    pub(super) fn push_str(&mut self, text: &str) {
        if self.broken.is_empty() {
            self.whole.push_str(text);
        } else {
            self.broken.extend(text.chars().map(u32::from));
        }
    }

    /// Appends one code point, which may be a surrogate.
    pub(super) fn push(&mut self, point: u32) {
        match char::from_u32(point) {
            Some(character) if self.broken.is_empty() => self.whole.push(character),
            _ => {
                self.broken.extend(self.whole.drain(..).map(u32::from));
                self.broken.push(point);
            }
        }
    }

    pub(super) fn finish(self) -> Text {
        if self.broken.is_empty() {
            Text(Form::Whole(self.whole))
        } else {
            Text(Form::Broken(self.broken))
        }
    }
}

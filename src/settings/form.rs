//! What a value looks like: the form of a setting reads its text, says what is allowed and writes it again.

use serde_json::Value;

/// How the texts of one kind of setting are read and shown. One constant of such a type stands beside each key.
pub trait Form: Sync {
    /// What the rest of the program gets.
    type Value;

    /// Reads `text`.
    ///
    /// # Errors
    /// What is wrong with this text in a few words; [`Form::allowed`] follows in the message.
    fn parse(&self, text: &str) -> Result<Self::Value, String>;

    /// All that may be written, with units and bounds, in one phrase.
    fn allowed(&self) -> String;

    /// The value so that [`Form::parse`] reads the same from it again, also as TOML.
    fn show(&self, value: &Self::Value) -> Value;
}

/// A [`Form`] without its type, for the table of keys.
pub(super) trait Check: Sync {
    /// Whether `text` is allowed, and if not, why.
    fn check(&self, text: &str) -> Result<(), String>;

    /// See [`Form::allowed`].
    fn allowed(&self) -> String;
}

impl<F: Form> Check for F {
    fn check(&self, text: &str) -> Result<(), String> {
        self.parse(text).map(drop)
    }

    fn allowed(&self) -> String {
        Form::allowed(self)
    }
}

/// A value that may be absent: the empty text, or a word for it.
pub(super) struct Maybe<F> {
    /// The word for "none", possibly empty.
    pub word: &'static str,
    /// The form of a value that is there.
    pub inner: F,
}

impl<F: Form> Form for Maybe<F> {
    type Value = Option<F::Value>;

    fn parse(&self, text: &str) -> Result<Self::Value, String> {
        if text.is_empty() || text == self.word {
            return Ok(None);
        }
        self.inner.parse(text).map(Some)
    }

    fn allowed(&self) -> String {
        match self.word {
            "" => format!("empty, or {}", self.inner.allowed()),
            word => format!("{word}, or {}", self.inner.allowed()),
        }
    }

    fn show(&self, value: &Self::Value) -> Value {
        match value {
            None => Value::from(self.word),
            Some(value) => self.inner.show(value),
        }
    }
}

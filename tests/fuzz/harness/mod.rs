//! What a fuzz target is. Knows nothing of what is tried, nor of what makes the inputs.

#[cfg(test)]
mod random;

/// Something that takes any bytes.
pub struct Target {
    /// The name of its folder in `corpus/`.
    pub name: &'static str,
    /// The words of its language, from which inputs are put together.
    pub words: &'static [&'static str],
    /// How many inputs are tried in one round, unless `PROPTEST_CASES` says otherwise.
    pub cases: u32,
    /// Panics if something does not hold.
    pub check: fn(&[u8]),
}

/// Fails unless a text can be shown on a terminal: no control character but the newline.
pub fn assert_printable(text: &str) {
    let odd = text.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(odd, None, "{text:?}");
}

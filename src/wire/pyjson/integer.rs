//! Python's `int`: of any size, so kept as its decimal digits; and what `int()` makes of texts and floats.

use std::fmt;

/// An integer of any size, in its one decimal form: no leading zeros, no negative zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integer {
    negative: bool,
    digits: String,
}

impl Integer {
    /// The most digits Python converts (`sys.int_info.default_max_str_digits`), leading zeros counted.
    pub const DIGITS_MAX: usize = 4300;

    /// Python's `int(text)`: blanks around it, a sign, single underscores between digits, digits of any script.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_matches(is_blank);
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let digits = digits_of(text)?;
        (digits.len() <= Self::DIGITS_MAX).then(|| Self::new(negative, &digits))
    }

    /// Python's `int(float)`: truncated, exact; nothing for `nan` and the infinities.
    pub fn truncated(float: f64) -> Option<Self> {
        let digits = format!("{:.0}", float.trunc().abs());
        float
            .is_finite()
            .then(|| Self::new(float.is_sign_negative(), &digits))
    }

    /// The nearest number between `least` and `most`.
    pub fn clamped(&self, least: u32, most: u32) -> u32 {
        match self.digits.parse::<u32>() {
            _ if self.negative => least,
            Ok(number) => number.clamp(least, most),
            Err(_) => most,
        }
    }

    /// As a port: 1 to 65535.
    pub fn to_port(&self) -> Option<u16> {
        let number = self.digits.parse().ok().filter(|port| *port != 0);
        number.filter(|_| !self.negative)
    }

    fn new(negative: bool, digits: &str) -> Self {
        let digits = digits.trim_start_matches('0');
        let is_zero = digits.is_empty();
        Self {
            negative: negative && !is_zero,
            digits: if is_zero { "0" } else { digits }.to_owned(),
        }
    }
}

impl From<u16> for Integer {
    fn from(number: u16) -> Self {
        Self::new(false, &number.to_string())
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.negative { "-" } else { "" })?;
        f.write_str(&self.digits)
    }
}

/// What `int()` strips: of ASCII only these six (0x1c to 0x1f are blanks to `str.strip` but not here).
fn is_blank(character: char) -> bool {
    match character {
        ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' => true,
        _ => !character.is_ascii() && character.is_whitespace(),
    }
}

/// The digits without their underscores; nothing if there is none, or anything else among them.
fn digits_of(text: &str) -> Option<String> {
    let mut digits = String::with_capacity(text.len());
    for group in text.split('_') {
        if group.is_empty() {
            return None;
        }
        for character in group.chars() {
            digits.push(ascii_digit(character)?);
        }
    }
    Some(digits)
}

fn ascii_digit(character: char) -> Option<char> {
    if character.is_ascii() {
        return Some(character).filter(char::is_ascii_digit);
    }
    let point = u32::from(character);
    let zero = ZEROS.iter().rev().find(|zero| **zero <= point)?;
    char::from_digit(point - zero, 10).filter(|_| point - zero < 10)
}

/// The zero of each run of ten decimal digits outside of ASCII (Unicode 14, category Nd).
#[rustfmt::skip]
const ZEROS: [u32; 65] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0,
    0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50,
    0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0,
    0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50,
    0x11d50, 0x11da0, 0x16a60, 0x16ac0, 0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140,
    0x1e2f0, 0x1e950, 0x1fbf0,
];

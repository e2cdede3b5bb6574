//! Numbers between two bounds: counts, factors and sizes in bytes.

use std::fmt::Display;
use std::str::FromStr;

use serde_json::Value;

use super::form::Form;

/// A whole number, or a factor, from `min` to `max`, both allowed.
pub(super) struct Number<T> {
    /// The smallest one allowed.
    pub min: T,
    /// The largest one allowed.
    pub max: T,
}

/// A size in bytes from `min` to `max`, both allowed.
pub(super) struct Size {
    /// The smallest one allowed.
    pub min: usize,
    /// The largest one allowed.
    pub max: usize,
}

/// Bytes in a KiB.
pub(super) const KIB: usize = 1 << 10;
/// Bytes in a MiB.
pub(super) const MIB: usize = 1 << 20;
/// Bytes in a GiB.
pub(super) const GIB: usize = 1 << 30;

const UNITS: [(&str, usize); 7] = [
    ("GiB", GIB),
    ("MiB", MIB),
    ("KiB", KIB),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl<T> Form for Number<T>
where
    T: Copy + PartialOrd + Display + FromStr + Into<Value> + Sync,
{
    type Value = T;

    fn parse(&self, text: &str) -> Result<T, String> {
        let number = text.parse().map_err(|_| "not such a number".to_owned())?;
        within(number, self.min, self.max)
    }

    fn allowed(&self) -> String {
        format!("a number from {} to {}", self.min, self.max)
    }

    fn show(&self, value: &T) -> Value {
        (*value).into()
    }
}

impl Form for Size {
    type Value = usize;

    fn parse(&self, text: &str) -> Result<usize, String> {
        let (digits, unit) = split_unit(text);
        let count: usize = digits.parse().map_err(|_| "not a size".to_owned())?;
        let bytes = count.checked_mul(unit).ok_or("too large")?;
        within(bytes, self.min, self.max)
    }

    fn allowed(&self) -> String {
        let (min, max) = (written(self.min), written(self.max));
        format!("a size from {min} to {max} in B, kB, KiB, MB, MiB, GB or GiB, or bytes")
    }

    fn show(&self, value: &usize) -> Value {
        Value::from(written(*value))
    }
}

/// `number` unless it lies outside; a NaN lies outside.
fn within<T: PartialOrd>(number: T, min: T, max: T) -> Result<T, String> {
    if number < min {
        Err("too small".to_owned())
    } else if number <= max {
        Ok(number)
    } else {
        Err("too large".to_owned())
    }
}

fn split_unit(text: &str) -> (&str, usize) {
    UNITS
        .iter()
        .find_map(|(name, bytes)| Some((text.strip_suffix(name)?.trim_end(), *bytes)))
        .unwrap_or((text, 1))
}

fn written(bytes: usize) -> String {
    let exact = UNITS[..3]
        .iter()
        .find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    match exact {
        Some((name, unit)) => format!("{}{name}", bytes / unit),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_and_within_their_bounds() {
        let form = Number::<u32> { min: 1, max: 100 };
        for (text, number) in [
            ("1", Some(1)),
            ("100", Some(100)),
            ("0", None),
            ("101", None),
            ("-1", None),
            ("1.5", None),
            ("", None),
            ("ten", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(form.parse(text).ok(), number, "{text:?}");
        }
    }

    #[test]
    fn a_factor_is_never_nan_nor_infinite() {
        let form = Number::<f64> {
            min: 1.0,
            max: 10.0,
        };
        assert_eq!(form.parse("1.5"), Ok(1.5));
        for text in ["nan", "inf", "-inf", "0.9", "10.1"] {
            assert!(form.parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_read_with_and_without_unit() {
        let form = Size {
            min: 1,
            max: 64 * MIB,
        };
        for (text, bytes) in [
            ("1MiB", Some(1_048_576)),
            ("64 KiB", Some(65_536)),
            ("1MB", Some(1_000_000)),
            ("3kB", Some(3_000)),
            ("77B", Some(77)),
            ("77", Some(77)),
            ("0", None),
            ("65MiB", None),
            ("1.5MiB", None),
            ("MiB", None),
            ("1mib", None),
            ("99999999999999999999MiB", None),
            ("18446744073709551615MiB", None),
        ] {
            assert_eq!(form.parse(text).ok(), bytes, "{text:?}");
        }
    }

    #[test]
    fn a_shown_size_reads_the_same_again() {
        let form = Size {
            min: 1,
            max: 2 * GIB,
        };
        for bytes in [
            1,
            1000,
            KIB,
            65 * KIB,
            MIB,
            MIB + 1,
            64 * MIB,
            GIB,
            GIB + MIB,
        ] {
            let shown = form.show(&bytes);
            assert_eq!(
                form.parse(shown.as_str().unwrap()),
                Ok(bytes),
                "{bytes} is shown as {shown}"
            );
        }
    }
}

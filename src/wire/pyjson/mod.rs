//! JSON exactly as Python's `json.loads` takes it, and values as Python prints them.
//!
//! The reference rendezvous server is a Python program whose answers depend on what `json.loads` accepts, on what
//! `int()` makes of a value and on how `str()` shows it; clients compare those answers to the letter. So this room
//! accepts `NaN` and `Infinity`, repeated keys, integers of any size and lone surrogates, and refuses what Python
//! refuses. It knows nothing of requests, and never recurses: nesting cannot exhaust the stack.

mod dump;
mod float;
mod integer;
mod repr;
mod scan;
mod text;

use indexmap::IndexMap;
use thiserror::Error;

pub use self::{dump::write_quoted, integer::Integer, text::Text};

/// A value as Python would hold it after `json.loads`.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `None`.
    Null,
    /// `True` or `False`; as an integer 1 or 0.
    Bool(bool),
    /// An `int`, up to [`Integer::DIGITS_MAX`] digits.
    Integer(Integer),
    /// A `float`, `nan` and the infinities included.
    Float(f64),
    /// A `str`, lone surrogates included.
    Text(Text),
    /// A `list`.
    List(Vec<Value>),
    /// A `dict`.
    Object(Object),
}

/// A `dict`: of a repeated key the first place and the last value.
pub type Object = IndexMap<Text, Value>;

/// The deepest nesting that is read: what Python 3.11 manages inside the reference server with its recursion limit.
pub const NESTING_MAX: usize = 988;

/// The most code points that [`Value::printed`] gives before it ends in `...`. A bound of papo's own: Python has
/// none, but an answer should not grow with the nonsense it quotes.
pub const PRINTED_MAX: usize = 1024;

/// Why a line is no value; the sender's fault, and nothing to retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// Python's decoder would raise `JSONDecodeError`.
    #[error("not JSON as Python takes it")]
    Malformed,
    /// Nested deeper than [`NESTING_MAX`]: Python raises `RecursionError`.
    #[error("nested too deeply")]
    TooDeep,
    /// An integer of more than [`Integer::DIGITS_MAX`] digits: Python raises `ValueError`.
    #[error("an integer with too many digits")]
    IntegerTooLong,
}

/// Reads one line, without its newline: `json.loads(line.decode("utf-8", errors="replace"))`.
pub fn read_line(line: &[u8]) -> Result<Value, Unreadable> {
    scan::document(&String::from_utf8_lossy(line))
}

impl Value {
    /// Python's `int(value)`; nothing where Python raises (`None`, lists, objects, `nan`, infinities, other text).
    pub fn to_integer(&self) -> Option<Integer> {
        match self {
            Self::Bool(flag) => Some(Integer::from(u16::from(*flag))),
            Self::Integer(integer) => Some(integer.clone()),
            Self::Float(float) => Integer::truncated(*float),
            Self::Text(text) => Integer::parse(text.as_str()?),
            Self::Null | Self::List(_) | Self::Object(_) => None,
        }
    }

    /// Python's `str(value)`, cut after [`PRINTED_MAX`] code points.
    pub fn printed(&self) -> Text {
        repr::printed(self)
    }
}

#[cfg(test)]
mod cases;
#[cfg(test)]
mod tests;

//! One request line to a request: which fields, of which type and size, in which order they are checked.
//!
//! Knows nothing of the records. What depends on them (whether the caller is registered) is checked by the
//! directory, before the fields of DISCOVER and UNREGISTER: those come as a result of their own.

use std::{net::IpAddr, time::Duration};

use super::{
    answer::Refusal,
    record::{Lease, RecordKey},
};
use crate::wire::pyjson::{self, Integer, Object, Text, Value};

/// A request that names a command, its fields checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Request {
    Register(Result<Registration, Refusal>),
    Discover(Result<Pattern, Refusal>),
    Unregister(Result<Removal, Refusal>),
}

/// Who wants to be found, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Registration {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) port: u16,
    /// In seconds, within [`TTL_MAX`].
    pub(super) ttl: u32,
}

/// Which of the caller's records shall go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Removal {
    pub(super) namespace: Pattern,
    pub(super) name: Pattern,
    pub(super) port: Option<u16>,
}

/// What a name or namespace is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    /// Not given.
    Any,
    /// This text to the letter; `*` and `#ns` are texts like any other.
    Exactly(String),
    /// A value that no text equals, such as a list.
    Nothing,
}

/// The longest name and namespace, in code points.
pub(super) const NAME_POINTS_MAX: usize = 64;

/// The ttl of a registration that names none, in seconds.
const TTL_DEFAULT: u32 = 7200;

/// The longest ttl, in seconds; the shortest is 1. What is beyond is clamped, not refused.
pub(super) const TTL_MAX: u32 = 86_400;

impl Request {
    /// Reads a line without its newline.
    pub(super) fn read(line: &[u8]) -> Result<Self, Refusal> {
        if line.iter().all(|byte| is_blank(*byte)) {
            return Err(Refusal::EmptyLine);
        }
        let Ok(Value::Object(fields)) = pyjson::read_line(line) else {
            return Err(Refusal::UnknownCommand);
        };
        match command(&fields).as_deref() {
            Some("REGISTER") => Ok(Self::Register(Registration::read(&fields))),
            Some("DISCOVER") => Ok(Self::Discover(discovered(&fields))),
            Some("UNREGISTER") => Ok(Self::Unregister(Removal::read(&fields))),
            _ => Err(Refusal::UnknownCommand),
        }
    }
}

impl Registration {
    fn read(fields: &Object) -> Result<Self, Refusal> {
        let name = label(field(fields, "name")).ok_or(Refusal::BadName)?;
        let ttl = match field(fields, "ttl") {
            None => TTL_DEFAULT,
            Some(value) => value
                .to_integer()
                .map(|ttl| ttl.clamped(1, TTL_MAX))
                .ok_or(Refusal::BadTtl)?,
        };
        let namespace = label(field(fields, "namespace")).ok_or(Refusal::BadNamespace)?;
        let port = field(fields, "port").and_then(Value::to_integer);
        Ok(Self {
            namespace,
            name,
            port: port
                .as_ref()
                .and_then(Integer::to_port)
                .ok_or(Refusal::BadPort)?,
            ttl,
        })
    }
}

impl Registration {
    /// The record it asks for.
    pub(super) fn record(self, now: Duration, ip: IpAddr) -> (RecordKey, Lease) {
        let key = RecordKey {
            ip,
            namespace: self.namespace,
            name: self.name,
        };
        let lease = Lease {
            port: self.port,
            ttl: self.ttl,
            registered_at: now,
        };
        (key, lease)
    }
}

impl Removal {
    fn read(fields: &Object) -> Result<Self, Refusal> {
        let namespace = given(field(fields, "namespace")).ok_or(Refusal::NamespaceRequired)?;
        Ok(Self {
            namespace: namespace_pattern(namespace)?,
            port: given(field(fields, "port"))
                .map(narrowing_port)
                .transpose()?,
            name: Pattern::of(field(fields, "name")),
        })
    }
}

impl Pattern {
    /// Whether a stored text is meant.
    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(wanted) => wanted == text,
            Self::Nothing => false,
        }
    }

    fn of(value: Option<&Value>) -> Self {
        match value {
            None | Some(Value::Null) => Self::Any,
            Some(Value::Text(text)) => match text.as_str() {
                Some(text) => Self::Exactly(text.to_owned()),
                None => Self::Nothing,
            },
            Some(_) => Self::Nothing,
        }
    }
}

/// What `bytes.strip` strips in Python.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// The command in capitals; Python's `upper` and Rust's agree on all that becomes ASCII letters.
fn command(fields: &Object) -> Option<String> {
    match field(fields, "type")? {
        Value::Text(text) => text.as_str().map(str::to_uppercase),
        _ => None,
    }
}

fn field<'a>(fields: &'a Object, name: &str) -> Option<&'a Value> {
    fields.get(&Text::from(name))
}

/// A value that is there and not null.
fn given(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| **value != Value::Null)
}

/// A name or namespace to register. A lone surrogate is refused: no program could print such a name.
fn label(value: Option<&Value>) -> Option<String> {
    match value {
        Some(Value::Text(text)) if has_right_length(text.len()) => {
            text.as_str().map(ToOwned::to_owned)
        }
        _ => None,
    }
}

fn discovered(fields: &Object) -> Result<Pattern, Refusal> {
    given(field(fields, "namespace")).map_or(Ok(Pattern::Any), namespace_pattern)
}

/// A namespace to look in: anything that has a length, if the length is right.
fn namespace_pattern(value: &Value) -> Result<Pattern, Refusal> {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        Value::Object(fields) => fields.len(),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => 0,
    };
    match has_right_length(length) {
        true => Ok(Pattern::of(Some(value))),
        false => Err(Refusal::BadNamespace),
    }
}

fn has_right_length(length: usize) -> bool {
    (1..=NAME_POINTS_MAX).contains(&length)
}

/// The port of an UNREGISTER. A bad one is quoted: as the integer that it is, else as it came.
fn narrowing_port(value: &Value) -> Result<u16, Refusal> {
    let Some(integer) = value.to_integer() else {
        return Err(Refusal::BadPortValue(value.printed()));
    };
    integer
        .to_port()
        .ok_or_else(|| Refusal::BadPortValue(Value::Integer(integer).printed()))
}

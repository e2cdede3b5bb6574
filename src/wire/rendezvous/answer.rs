//! Answers of a rendezvous, from bytes. The server is a stranger: one odd record never spoils the others, an odd field
//! counts as missing, and nothing here grows beyond the limits of this floor.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    num::NonZeroU16,
};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{RECORDS_MAX, Record};
use crate::wire::identity::PeerId;

/// The most that is kept of a server's error message, in code points.
const MESSAGE_CHARS_MAX: usize = 256;

/// The wait of a block whose text names no number of seconds: what the public server uses.
const BLOCK_SECONDS_DEFAULT: u64 = 60;

/// What a rendezvous, or whoever listens at its address, answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// `"status": "OK"`.
    Ok(Success),
    /// Any other `status`.
    Error(Failure),
    /// Too many connections from our address: come back after so many seconds.
    Blocked {
        /// As the text says, unbounded.
        seconds: u64,
    },
    /// No JSON object with a `status`, and no block text either: another program.
    NotARendezvous,
}

/// The fields of an OK answer; which of them are there depends on the request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Success {
    /// The granted time to live in seconds (REGISTER).
    pub ttl: Option<u64>,
    /// Our address as the server sees it, never IPv4-mapped (REGISTER).
    pub ip: Option<IpAddr>,
    /// The registered port (REGISTER).
    pub port: Option<u16>,
    /// The records (DISCOVER).
    pub peers: Listing,
}

/// The records of an answer to DISCOVER, in the server's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// Those that could be read, at most [`RECORDS_MAX`]; addresses are never IPv4-mapped.
    pub records: Vec<Record>,
    /// How many were left out because something in them was wrong.
    pub skipped: usize,
    /// How many were left out because there were too many.
    pub beyond_limit: usize,
}

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The server's words, as they came, at most 256 characters.
    pub message: String,
    /// The limit that comes with `line_too_long`.
    pub limit: Option<u64>,
}

impl Answer {
    /// Reads the line (its newline may be missing) that came back.
    pub fn parse(line: &[u8]) -> Self {
        let text = String::from_utf8_lossy(line);
        match serde_json::from_str::<Fields>(text.trim()) {
            Ok(fields) => fields.into_answer(),
            Err(_) => block(&text).unwrap_or(Self::NotARendezvous),
        }
    }
}

/// The known fields of an answer, still as text; of a repeated key the last counts.
#[derive(Default)]
struct Fields<'a> {
    status: Option<&'a RawValue>,
    message: Option<&'a RawValue>,
    limit: Option<&'a RawValue>,
    ttl: Option<&'a RawValue>,
    ip: Option<&'a RawValue>,
    port: Option<&'a RawValue>,
    peers: Option<&'a RawValue>,
}

impl Fields<'_> {
    fn into_answer(self) -> Answer {
        let Some(status) = self.status else {
            return Answer::NotARendezvous;
        };
        if value::<String>(Some(status)).is_some_and(|word| word.eq_ignore_ascii_case("OK")) {
            return Answer::Ok(self.success());
        }
        let message = self.message.map_or_else(String::new, words);
        block(&message).unwrap_or(Answer::Error(Failure {
            message,
            limit: value(self.limit),
        }))
    }

    fn success(&self) -> Success {
        Success {
            ttl: value(self.ttl),
            ip: value(self.ip).map(|ip: IpAddr| ip.to_canonical()),
            port: value(self.port),
            peers: value(self.peers).unwrap_or_default(),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(key) = map.next_key::<&RawValue>()? {
            let field = match key.get() {
                "\"status\"" => &mut fields.status,
                "\"message\"" => &mut fields.message,
                "\"limit\"" => &mut fields.limit,
                "\"ttl\"" => &mut fields.ttl,
                "\"ip\"" => &mut fields.ip,
                "\"port\"" => &mut fields.port,
                "\"peers\"" => &mut fields.peers,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *field = Some(map.next_value()?);
        }
        Ok(fields)
    }
}

impl<'de> Deserialize<'de> for Listing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListingVisitor)
    }
}

struct ListingVisitor;

impl<'de> Visitor<'de> for ListingVisitor {
    type Value = Listing;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Listing, A::Error> {
        let mut listing = Listing::default();
        while let Some(element) = elements.next_element::<&RawValue>()? {
            if listing.records.len() == RECORDS_MAX {
                listing.beyond_limit += 1;
                continue;
            }
            match record(element) {
                Some(record) => listing.records.push(record),
                None => listing.skipped += 1,
            }
        }
        Ok(listing)
    }
}

#[derive(Deserialize)]
struct RawRecord {
    ip: IpAddr,
    port: NonZeroU16,
    name: String,
    namespace: String,
    #[serde(default)]
    expires_in: u64,
}

fn record(element: &RawValue) -> Option<Record> {
    let raw: RawRecord = value(Some(element))?;
    let ip = raw.ip.to_canonical();
    let dialable = !ip.is_unspecified() && !ip.is_multicast() && ip != IpAddr::from([255; 4]);
    Some(Record {
        peer: PeerId::of_record(&raw.name, &raw.namespace).ok()?,
        address: dialable.then(|| SocketAddr::new(ip, raw.port.get()))?,
        expires_in: raw.expires_in,
    })
}

fn value<T: DeserializeOwned>(raw: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

fn words(raw: &RawValue) -> String {
    let text = value::<String>(Some(raw)).unwrap_or_else(|| raw.get().to_owned());
    text.chars().take(MESSAGE_CHARS_MAX).collect()
}

/// The text that a blocked address reads instead of an answer, bare or as the message of an error.
fn block(text: &str) -> Option<Answer> {
    let (_, rest) = text.split_once("has been blocked")?;
    let seconds = rest
        .split_once("lifted in ")
        .and_then(|(_, number)| number.split_whitespace().next()?.parse().ok())
        .unwrap_or(BLOCK_SECONDS_DEFAULT);
    Some(Answer::Blocked { seconds })
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;

//! The lines of the peer protocol as values (protocol text, section 1), read as leniently as section 4 asks.

use std::borrow::Cow;

use serde::Deserialize;
use thiserror::Error;

use super::{lenient, scan::scan, surrogates};

/// The feature by which two papo nodes tell each other: *I parse a byte stream*, so lines may share segments.
pub const FEATURE_STREAM: &str = "stream";

/// The feature of a peer that acknowledges SENDs.
pub const FEATURE_ACK: &str = "ack";

/// One line of the peer protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line<'a> {
    /// The dialler names itself.
    Hello {
        /// Who it says it is.
        peer_id: Cow<'a, str>,
        /// What it can do.
        features: Features,
    },
    /// The acceptor answers; some clients repeat the dialler's id here.
    HelloOk {
        /// Who it says it is.
        peer_id: Option<Cow<'a, str>>,
        /// What it can do.
        features: Features,
    },
    /// Some clients refuse a second link so.
    HelloReject {
        /// Their words.
        reason: Option<Cow<'a, str>>,
    },
    /// Asks for a PONG with the same id.
    Ping {
        /// The id to repeat.
        msg_id: Cow<'a, str>,
    },
    /// The answer to a PING.
    Pong {
        /// The PING's id.
        msg_id: Cow<'a, str>,
    },
    /// A text to the receiver.
    Send {
        /// The sender's id of it, not always unique.
        msg_id: Cow<'a, str>,
        /// The text.
        payload: Cow<'a, str>,
        /// False only if the sender said so; null or missing asks for an ACK.
        require_ack: bool,
    },
    /// The acknowledgement of a SEND.
    Ack {
        /// The SEND's id.
        msg_id: Cow<'a, str>,
    },
    /// A text to everyone or to a namespace.
    Pub {
        /// The sender's id of it, not always unique.
        msg_id: Cow<'a, str>,
        /// `*`, `#namespace`, or whatever a client writes there.
        dst: Option<Cow<'a, str>>,
        /// The text.
        payload: Cow<'a, str>,
    },
    /// The peer leaves.
    Bye {
        /// The id to repeat in BYE_OK, if there is one.
        msg_id: Option<Cow<'a, str>>,
        /// Its words.
        reason: Option<Cow<'a, str>>,
    },
    /// The answer to a BYE.
    ByeOk,
}

/// What a peer can do, of what matters to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Features {
    /// It acknowledges SENDs.
    pub ack: bool,
    /// It parses a byte stream: lines may share segments.
    pub stream: bool,
}

/// Why a line is no message: it is ignored and counted, the link stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LineError {
    /// Not a JSON object.
    #[error("not a JSON object")]
    NotAnObject,
    /// A `type` that this protocol does not know, or none.
    #[error("unknown type")]
    UnknownType,
    /// A field without which the message says nothing.
    #[error("{0} is missing")]
    MissingField(&'static str),
}

impl<'a> Line<'a> {
    /// Reads one line of valid UTF-8, without its newline.
    pub fn parse(line: &'a str) -> Result<Self, LineError> {
        match scan(line) {
            Some(scanned) => Ok(scanned),
            None => Self::parse_any(line),
        }
    }

    /// Reads a line however it is written.
    pub(super) fn parse_any(line: &'a str) -> Result<Self, LineError> {
        if !line.trim_start().starts_with('{') {
            return Err(LineError::NotAnObject);
        }
        let fields = serde_json::from_str(line).ok();
        fields
            .or_else(|| Fields::repaired(line))
            .map_or(Err(LineError::NotAnObject), Fields::into_line)
    }
}

/// All fields of all types in one flat struct: the fastest way to read a line whose type is one of its fields.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Fields<'a> {
    #[serde(rename = "type", borrow, deserialize_with = "lenient::text")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    msg_id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    peer_id: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    dst: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    payload: Option<Cow<'a, str>>,
    #[serde(borrow, deserialize_with = "lenient::text")]
    reason: Option<Cow<'a, str>>,
    #[serde(deserialize_with = "lenient::boolean")]
    require_ack: Option<bool>,
    #[serde(borrow, deserialize_with = "lenient::texts")]
    features: Vec<Cow<'a, str>>,
}

impl<'a> Fields<'a> {
    /// Of a line that is JSON but for half a character in it. A peer_id is not repaired: nobody could tell it from
    /// another one.
    fn repaired(line: &str) -> Option<Self> {
        let repaired = surrogates::replaced(line)?;
        let fields: Fields<'_> = serde_json::from_str(&repaired).ok()?;
        let is_whole = |text: &Cow<'_, str>| !text.contains(char::REPLACEMENT_CHARACTER);
        Some(Self {
            kind: owned(fields.kind),
            msg_id: owned(fields.msg_id),
            peer_id: owned(fields.peer_id.filter(is_whole)),
            dst: owned(fields.dst),
            payload: owned(fields.payload),
            reason: owned(fields.reason),
            require_ack: fields.require_ack,
            features: fields
                .features
                .into_iter()
                .filter_map(|it| owned(Some(it)))
                .collect(),
        })
    }

    fn into_line(self) -> Result<Line<'a>, LineError> {
        let features = self.known_features();
        match self.kind.as_deref() {
            Some("HELLO") => Ok(Line::Hello {
                peer_id: required("peer_id", self.peer_id)?,
                features,
            }),
            Some("HELLO_OK") => Ok(Line::HelloOk {
                peer_id: self.peer_id,
                features,
            }),
            Some("HELLO_REJECT") => Ok(Line::HelloReject {
                reason: self.reason,
            }),
            Some("PING") => required("msg_id", self.msg_id).map(|msg_id| Line::Ping { msg_id }),
            Some("PONG") => required("msg_id", self.msg_id).map(|msg_id| Line::Pong { msg_id }),
            Some("SEND") => Ok(Line::Send {
                msg_id: required("msg_id", self.msg_id)?,
                payload: required("payload", self.payload)?,
                require_ack: self.require_ack.unwrap_or(true),
            }),
            Some("ACK") => required("msg_id", self.msg_id).map(|msg_id| Line::Ack { msg_id }),
            Some("PUB") => Ok(Line::Pub {
                msg_id: required("msg_id", self.msg_id)?,
                dst: self.dst,
                payload: required("payload", self.payload)?,
            }),
            Some("BYE") => Ok(Line::Bye {
                msg_id: self.msg_id,
                reason: self.reason,
            }),
            Some("BYE_OK") => Ok(Line::ByeOk),
            _ => Err(LineError::UnknownType),
        }
    }

    fn known_features(&self) -> Features {
        let has = |name| self.features.iter().any(|feature| feature == name);
        Features {
            ack: has(FEATURE_ACK),
            stream: has(FEATURE_STREAM),
        }
    }
}

fn owned<'a>(field: Option<Cow<'_, str>>) -> Option<Cow<'a, str>> {
    field.map(|text| Cow::Owned(text.into_owned()))
}

fn required<'a>(
    name: &'static str,
    field: Option<Cow<'a, str>>,
) -> Result<Cow<'a, str>, LineError> {
    field.ok_or(LineError::MissingField(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(line: &str, expected: Result<Line<'_>, LineError>) {
        assert_eq!(Line::parse(line), expected, "{line}");
    }

    #[test]
    fn the_lines_of_the_specification_are_read() {
        let features = Features {
            ack: true,
            stream: false,
        };
        check(
            r#"{"type": "HELLO", "peer_id": "alice@CIC", "version": "1.0", "features": ["ack", "metrics"], "ttl": 1}"#,
            Ok(Line::Hello {
                peer_id: "alice@CIC".into(),
                features,
            }),
        );
        check(
            r#"{"type":"SEND","msg_id":"m","src":"a@b","dst":"c@d","payload":"ol\u00e1","require_ack":true,"ttl":1}"#,
            Ok(Line::Send {
                msg_id: "m".into(),
                payload: "olá".into(),
                require_ack: true,
            }),
        );
        check(
            r##"{"type":"PUB","msg_id":"m","src":"a@b","dst":"#CIC","payload":"x","require_ack":false,"ttl":1}"##,
            Ok(Line::Pub {
                msg_id: "m".into(),
                dst: Some("#CIC".into()),
                payload: "x".into(),
            }),
        );
    }

    #[test]
    fn oddities_of_existing_clients_are_read() {
        check(
            r#"{"type":"HELLO_OK","peer_id":"me@CIC","version":1.0}"#,
            Ok(Line::HelloOk {
                peer_id: Some("me@CIC".into()),
                features: Features::default(),
            }),
        );
        check(
            r#"{"type":"PING","msg_id":"1","timestamp":1729999999.25}"#,
            Ok(Line::Ping { msg_id: "1".into() }),
        );
        check(
            r#"{"type":"ACK","msg_id":"1"}"#,
            Ok(Line::Ack { msg_id: "1".into() }),
        );
        let bare_bye = Line::Bye {
            msg_id: None,
            reason: None,
        };
        check(r#"{"type":"BYE","dest":"x@y"}"#, Ok(bare_bye));
        check(r#"{"type":"BYE_OK","msg_id":7}"#, Ok(Line::ByeOk));
        for require_ack in [r#","require_ack":null"#, ""] {
            let line = format!(r#"{{"type":"SEND","msg_id":"1","payload":"x"{require_ack}}}"#);
            let Ok(Line::Send { require_ack, .. }) = Line::parse(&line) else {
                panic!("{line}");
            };
            assert!(require_ack);
        }
    }

    #[test]
    fn half_a_character_is_replaced_as_invalid_utf8_is() {
        check(
            r#"{"type":"SEND","msg_id":"1","payload":"x \ud83d y","reason":"\udc00"}"#,
            Ok(Line::Send {
                msg_id: "1".into(),
                payload: "x \u{fffd} y".into(),
                require_ack: true,
            }),
        );
        let bye = Line::Bye {
            msg_id: None,
            reason: Some("\u{fffd}".into()),
        };
        check(r#"{"type":"BYE","reason":"\ud83d"}"#, Ok(bye));
        check(
            r#"{"type":"PING\ud83d","msg_id":"1"}"#,
            Err(LineError::UnknownType),
        );
        check(
            r#"{"type":"PING","msg_id":"\ud83d"#,
            Err(LineError::NotAnObject),
        );
    }

    #[test]
    fn an_id_with_half_a_character_names_nobody() {
        check(
            r#"{"type":"HELLO","peer_id":"b\ud83d@X"}"#,
            Err(LineError::MissingField("peer_id")),
        );
        check(
            r#"{"type":"HELLO_OK","peer_id":"b\ud83d@X"}"#,
            Ok(Line::HelloOk {
                peer_id: None,
                features: Features::default(),
            }),
        );
    }

    #[test]
    fn what_is_no_message_has_its_reason() {
        check("[]", Err(LineError::NotAnObject));
        check("5", Err(LineError::NotAnObject));
        check("{\"type\":", Err(LineError::NotAnObject));
        check("{}", Err(LineError::UnknownType));
        check(
            r#"{"type":"ping","msg_id":"1"}"#,
            Err(LineError::UnknownType),
        );
        check(r#"{"type":5}"#, Err(LineError::UnknownType));
        let missing = Err(LineError::MissingField("payload"));
        check(r#"{"type":"SEND","msg_id":"1"}"#, missing.clone());
        check(r#"{"type":"SEND","msg_id":"1","payload":{"a":1}}"#, missing);
    }

    #[test]
    fn odd_values_in_fields_that_do_not_matter_do_no_harm() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let line = format!(
            r#"{{"type":"PING","msg_id":"1","ttl":1e999,"features":{{"a":[1]}},"x":{deep},"timestamp":null}}"#
        );
        check(&line, Ok(Line::Ping { msg_id: "1".into() }));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(line in any::<String>()) {
            let _ = Line::parse(&line);
        }

        #[test]
        fn any_object_with_known_names_is_read_without_panic(
            kind in "HELLO|HELLO_OK|PING|PONG|SEND|ACK|PUB|BYE|BYE_OK",
            value in r#"null|true|-?[0-9]{1,30}|"[a-z]{0,5}"|\[[0-9]\]|\{"a":[0-9]\}"#,
            field in "msg_id|peer_id|payload|dst|reason|require_ack|features|ttl",
        ) {
            let _ = Line::parse(&format!(r#"{{"type":"{kind}","{field}":{value}}}"#));
        }
    }
}

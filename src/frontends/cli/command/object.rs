//! Command objects: one line of JSON each (`docs/json-events.md`).

use std::time::Duration;

use serde::Deserialize;

use super::{
    Command, CommandError, HISTORY_DEFAULT, audience, filters, parse, parse_named, peer_name,
    recipients, refusal::shorten,
};
use crate::wire::printable::Printable;

/// A command object, one line of JSON (`docs/json-events.md`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Object {
    command: String,
    to: Option<String>,
    text: Option<String>,
    argument: Option<String>,
    count: Option<usize>,
    wait_ms: Option<u64>,
    #[serde(rename = "ref")]
    reference: Option<String>,
}

/// What a command object asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Comes back in all that the command causes.
    pub reference: Option<String>,
    /// How long a text may wait for a peer that is not connected, if the object says so.
    pub wait: Option<Duration>,
    /// The command.
    pub command: Result<Command, CommandError>,
}

impl Request {
    /// A line as one types it at the prompt.
    pub fn typed(line: &str) -> Self {
        Self {
            reference: None,
            wait: None,
            command: parse(line),
        }
    }
}

/// The longest time that a text may wait for its peer: that of the setting `node.peer_wait`.
const WAIT_MS_MAX: u64 = 600_000;

/// Reads a command object.
pub fn parse_object(line: &str) -> Request {
    match serde_json::from_str::<Object>(line) {
        Ok(object) => Request {
            reference: object.reference.clone(),
            wait: object
                .wait_ms
                .map(|ms| Duration::from_millis(ms.min(WAIT_MS_MAX))),
            command: object.into_command(),
        },
        Err(error) => {
            let known: Option<serde_json::Value> = serde_json::from_str(line).ok();
            let reference = known.as_ref().and_then(|it| it["ref"].as_str());
            let error = CommandError {
                code: "bad_command",
                message: format!(
                    "not a command object: {}",
                    Printable::text(&shorten(&error.to_string()))
                ),
                hint: r#"for example {"command":"msg","to":"bob@lobby","text":"hi","ref":"1"}"#
                    .into(),
            };
            Request {
                reference: reference.map(str::to_owned),
                wait: None,
                command: Err(error),
            }
        }
    }
}

impl Object {
    fn into_command(self) -> Result<Command, CommandError> {
        let text = self.text.as_deref();
        match self.command.as_str() {
            "say" => Ok(Command::Say(required("say", "text", text)?)),
            "msg" => {
                let peer = peer_name(&required("msg", "to", self.to.as_deref())?)?;
                Ok(Command::Message(peer, required("msg", "text", text)?))
            }
            "pub" => {
                let to = audience(&required("pub", "to", self.to.as_deref())?)?;
                Ok(Command::Publish(to, required("pub", "text", text)?))
            }
            "to" => self
                .to
                .as_deref()
                .map(recipients)
                .transpose()
                .map(Command::To),
            "history" => {
                let with = self.to.as_deref().map(recipients).transpose()?;
                Ok(Command::History(
                    with,
                    self.count.unwrap_or(HISTORY_DEFAULT),
                ))
            }
            "events" => heard(self.argument.as_deref()),
            // A peer's id may hold blanks, which an argument cannot.
            "ignore" | "unignore" | "block" | "unblock" if self.to.is_some() => {
                self.filter(self.to.as_deref().unwrap_or_default())
            }
            name => parse_named(name, self.argument.as_deref().unwrap_or_default()),
        }
    }
}

fn heard(which: Option<&str>) -> Result<Command, CommandError> {
    match which {
        Some("all") => Ok(Command::Events { own_only: false }),
        Some("own") => Ok(Command::Events { own_only: true }),
        _ => Err(CommandError {
            code: "bad_command",
            message: r#"the command events needs the field "argument": all or own"#.into(),
            hint: "see docs/json-events.md".into(),
        }),
    }
}

impl Object {
    fn filter(&self, to: &str) -> Result<Command, CommandError> {
        let time = self.argument.as_deref().map(filters::duration);
        Ok(match self.command.as_str() {
            "ignore" => Command::Ignore(Some((peer_name(to)?, time.transpose()?))),
            "unignore" => Command::Unignore(peer_name(to)?),
            "block" => Command::Block(Some(filters::party(to)?)),
            _ => Command::Unblock(filters::party(to)?),
        })
    }
}

fn required(name: &'static str, field: &str, value: Option<&str>) -> Result<String, CommandError> {
    match value {
        Some(value) if !value.is_empty() => Ok(value.to_owned()),
        _ => Err(CommandError {
            code: "bad_command",
            message: format!("the command {name} needs the field {field:?}"),
            hint: "see docs/json-events.md".into(),
        }),
    }
}

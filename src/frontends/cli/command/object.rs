//! Command objects: one line of JSON each (`docs/json-events.md`).

use serde::Deserialize;

use super::{
    Command, CommandError, HISTORY_DEFAULT, audience, filters, parse_named, peer_name, recipients,
    refusal::shorten,
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
    #[serde(rename = "ref")]
    reference: Option<String>,
}

/// Reads a command object; its `ref` comes back in all that it causes.
pub fn parse_object(line: &str) -> (Option<String>, Result<Command, CommandError>) {
    match serde_json::from_str::<Object>(line) {
        Ok(object) => (object.reference.clone(), object.into_command()),
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
            (reference.map(str::to_owned), Err(error))
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
            // A peer's id may hold blanks, which an argument cannot.
            "ignore" | "unignore" | "block" | "unblock" if self.to.is_some() => {
                self.filter(self.to.as_deref().unwrap_or_default())
            }
            name => parse_named(name, self.argument.as_deref().unwrap_or_default()),
        }
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

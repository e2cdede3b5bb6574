//! Typed lines and command objects to commands. Pure; knows nothing of the node.

use serde::Deserialize;
use thiserror::Error;

use crate::{
    actors::router::{PeerName, Recipients},
    wire::{
        identity::{PeerId, check_own_part},
        printable::Printable,
    },
};

/// What a user wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A plain line: to the current conversation.
    Say(String),
    /// `/msg PEER TEXT`
    Message(PeerName, String),
    /// `/pub *|#ns TEXT`
    Publish(Recipients, String),
    /// `/to TARGET`; without a target it tells the current conversation.
    To(Option<Recipients>),
    /// `/peers [*|#ns]`
    Peers(Option<String>),
    /// `/conn`
    Links,
    /// `/rtt`
    Rtt,
    /// `/reconnect`
    Reconnect,
    /// `/connect HOST PORT`
    Connect(String, u16),
    /// `/log LEVEL|MODULE=LEVEL`; without one it tells what is logged.
    Log(Option<String>),
    /// `/metrics`
    Metrics,
    /// `/status`
    Status,
    /// `/history [TARGET] [N]`
    History(Option<Recipients>, usize),
    /// `/clear`
    Clear,
    /// `/help [COMMAND]`
    Help(Option<&'static Spec>),
    /// `/quit`
    Quit,
    /// `/debug panic ACTOR`, only with `PAPO_DEBUG=1`.
    DebugPanic(String),
}

/// One command as `/help`, completion and the README describe it.
#[derive(Debug, PartialEq, Eq)]
pub struct Spec {
    /// Without the slash.
    pub name: &'static str,
    /// Its arguments.
    pub arguments: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// A line one can type.
    pub example: &'static str,
}

/// All commands in the order of `/help`.
pub const COMMANDS: &[Spec] = &[
    spec(
        "msg",
        "PEER TEXT",
        "a message to one peer",
        "/msg bob@lobby are you there?",
    ),
    spec(
        "pub",
        "*|#NAMESPACE TEXT",
        "a message to everyone, or to a namespace",
        "/pub #lobby hello",
    ),
    spec(
        "to",
        "[PEER|*|#NAMESPACE]",
        "where plain lines go; everyone at first",
        "/to bob",
    ),
    spec(
        "peers",
        "[*|#NAMESPACE]",
        "known peers and whether they are connected",
        "/peers #lobby",
    ),
    spec("conn", "", "open connections", "/conn"),
    spec("rtt", "", "round-trip times", "/rtt"),
    spec(
        "history",
        "[PEER|*|#NAMESPACE] [COUNT]",
        "the last messages and acknowledgements",
        "/history bob 20",
    ),
    spec(
        "connect",
        "HOST PORT",
        "connect to an address",
        "/connect 192.168.1.7 4000",
    ),
    spec(
        "reconnect",
        "",
        "look for peers and dial all that are not connected",
        "/reconnect",
    ),
    spec(
        "status",
        "",
        "this node: address, rendezvous, peers, messages",
        "/status",
    ),
    spec("metrics", "", "counters of this node", "/metrics"),
    spec(
        "log",
        "[LEVEL|MODULE=LEVEL]",
        "what is logged: error, warn, info, debug, trace",
        "/log debug",
    ),
    spec("clear", "", "clears the screen", "/clear"),
    spec(
        "help",
        "[COMMAND]",
        "this list, or one command with an example",
        "/help msg",
    ),
    spec("quit", "", "leaves", "/quit"),
];

const fn spec(
    name: &'static str,
    arguments: &'static str,
    summary: &'static str,
    example: &'static str,
) -> Spec {
    Spec {
        name,
        arguments,
        summary,
        example,
    }
}

/// Why a line is no command; `hint` says what to do next.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct CommandError {
    /// A stable word for programs.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do next.
    pub hint: String,
}

/// How many entries `/history` shows unless told.
const HISTORY_DEFAULT: usize = 20;

/// Reads a typed line. A line without `/` is text; `//text` is a text that begins with a slash.
pub fn parse(line: &str) -> Result<Command, CommandError> {
    let Some(rest) = line.strip_prefix('/') else {
        return Ok(Command::Say(line.to_owned()));
    };
    if rest.starts_with('/') {
        return Ok(Command::Say(rest.to_owned()));
    }
    let (name, arguments) = split_word(rest);
    parse_named(name, arguments)
}

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
            name => parse_named(name, self.argument.as_deref().unwrap_or_default()),
        }
    }
}

fn parse_named(name: &str, arguments: &str) -> Result<Command, CommandError> {
    match name {
        "msg" => {
            let (peer, text) = word_and_text("msg", arguments)?;
            Ok(Command::Message(peer_name(peer)?, text))
        }
        "pub" => {
            let (to, text) = word_and_text("pub", arguments)?;
            Ok(Command::Publish(audience(to)?, text))
        }
        "to" => optional(arguments)
            .map(recipients)
            .transpose()
            .map(Command::To),
        "peers" => Ok(Command::Peers(peers_filter(arguments)?)),
        "connect" => connect(arguments),
        "history" => history(arguments),
        "log" => Ok(Command::Log(optional(arguments).map(str::to_owned))),
        "help" => help(arguments),
        "debug" => debug(arguments),
        "conn" => no_arguments(name, arguments, Command::Links),
        "rtt" => no_arguments(name, arguments, Command::Rtt),
        "reconnect" => no_arguments(name, arguments, Command::Reconnect),
        "metrics" => no_arguments(name, arguments, Command::Metrics),
        "status" => no_arguments(name, arguments, Command::Status),
        "clear" => no_arguments(name, arguments, Command::Clear),
        "quit" => no_arguments(name, arguments, Command::Quit),
        _ => Err(unknown(name)),
    }
}

fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    match text.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim_start()),
        None => (text, ""),
    }
}

fn optional(text: &str) -> Option<&str> {
    let text = text.trim();
    (!text.is_empty()).then_some(text)
}

fn word_and_text<'a>(
    name: &'static str,
    arguments: &'a str,
) -> Result<(&'a str, String), CommandError> {
    match split_word(arguments) {
        (word, text) if !word.is_empty() && !text.is_empty() => Ok((word, text.to_owned())),
        _ => Err(usage(name)),
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

fn no_arguments(name: &str, arguments: &str, command: Command) -> Result<Command, CommandError> {
    match optional(arguments) {
        None => Ok(command),
        Some(_) => Err(usage(name)),
    }
}

fn peer_name(text: &str) -> Result<PeerName, CommandError> {
    if text.contains('@') {
        let peer = PeerId::parse(text).map_err(|error| bad_target(text, &error.to_string()))?;
        return Ok(PeerName::Full(peer));
    }
    match text.chars().next() {
        Some('*' | '#') | None => Err(CommandError {
            code: "bad_target",
            message: format!("{} is not one peer", shown(text)),
            hint: format!("to everyone or a namespace: /pub {} TEXT", shown(text)),
        }),
        Some(_) => Ok(PeerName::Short(text.to_owned())),
    }
}

fn audience(text: &str) -> Result<Recipients, CommandError> {
    match recipients(text)? {
        Recipients::Peer(_) => Err(CommandError {
            code: "bad_target",
            message: format!("{} is one peer", shown(text)),
            hint: format!("to one peer: /msg {} TEXT", shown(text)),
        }),
        to => Ok(to),
    }
}

fn recipients(text: &str) -> Result<Recipients, CommandError> {
    match text.strip_prefix('#') {
        _ if text == "*" => Ok(Recipients::Everyone),
        Some(namespace) => match check_own_part("namespace", namespace) {
            Ok(()) => Ok(Recipients::Namespace(namespace.to_owned())),
            Err(error) => Err(bad_target(text, &error.to_string())),
        },
        None => peer_name(text).map(Recipients::Peer),
    }
}

fn peers_filter(arguments: &str) -> Result<Option<String>, CommandError> {
    match optional(arguments) {
        None | Some("*") => Ok(None),
        Some(text) => match recipients(text)? {
            Recipients::Namespace(namespace) => Ok(Some(namespace)),
            _ => Err(usage("peers")),
        },
    }
}

fn connect(arguments: &str) -> Result<Command, CommandError> {
    let (first, second) = split_word(arguments);
    let (host, port) = match optional(second) {
        Some(port) => (first, port),
        None => first.rsplit_once(':').ok_or_else(|| usage("connect"))?,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match port.parse() {
        Ok(port) if port > 0 && !host.is_empty() => Ok(Command::Connect(host.to_owned(), port)),
        _ => Err(usage("connect")),
    }
}

fn history(arguments: &str) -> Result<Command, CommandError> {
    let (first, second) = split_word(arguments);
    let count = |text: &str| text.parse().ok().filter(|count| *count > 0);
    match (optional(first), optional(second)) {
        (None, _) => Ok(Command::History(None, HISTORY_DEFAULT)),
        (Some(only), None) if count(only).is_some() => Ok(Command::History(
            None,
            count(only).unwrap_or(HISTORY_DEFAULT),
        )),
        (Some(with), None) => Ok(Command::History(Some(recipients(with)?), HISTORY_DEFAULT)),
        (Some(with), Some(number)) => match count(number) {
            Some(count) => Ok(Command::History(Some(recipients(with)?), count)),
            None => Err(usage("history")),
        },
    }
}

fn help(arguments: &str) -> Result<Command, CommandError> {
    let Some(name) = optional(arguments) else {
        return Ok(Command::Help(None));
    };
    let name = name.trim_start_matches('/');
    match COMMANDS.iter().find(|spec| spec.name == name) {
        Some(spec) => Ok(Command::Help(Some(spec))),
        None => Err(unknown(name)),
    }
}

fn debug(arguments: &str) -> Result<Command, CommandError> {
    match split_word(arguments) {
        ("panic", actor) if !actor.is_empty() => Ok(Command::DebugPanic(actor.trim().to_owned())),
        _ => Err(unknown("debug")),
    }
}

fn bad_target(text: &str, why: &str) -> CommandError {
    CommandError {
        code: "bad_target",
        message: format!("{}: {why}", shown(text)),
        hint: "a target is a peer (bob or bob@lobby), * or #namespace".into(),
    }
}

fn usage(name: &str) -> CommandError {
    let spec = COMMANDS.iter().find(|spec| spec.name == name);
    let (arguments, example) = spec.map_or(("", ""), |spec| (spec.arguments, spec.example));
    CommandError {
        code: "usage",
        message: format!("usage: /{name} {arguments}").trim_end().to_owned(),
        hint: format!("for example {example}"),
    }
}

fn unknown(name: &str) -> CommandError {
    let distance = |spec: &&Spec| strsim::damerau_levenshtein(spec.name, name);
    let begins = |spec: &&Spec| !name.is_empty() && spec.name.starts_with(name);
    let nearest = COMMANDS.iter().min_by_key(distance);
    let near = COMMANDS.iter().find(begins);
    let near = near.or(nearest.filter(|spec| distance(spec) <= 2));
    CommandError {
        code: "unknown_command",
        message: format!("there is no command /{}", shown(name)),
        hint: match near {
            Some(spec) if !name.is_empty() => format!("did you mean /{}?", spec.name),
            _ => "/help lists the commands; //text sends a text that begins with a slash".into(),
        },
    }
}

/// The beginning of what was typed, safe to show.
fn shown(text: &str) -> String {
    Printable::id(&shorten(text)).to_string()
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;

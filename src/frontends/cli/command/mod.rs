//! Typed lines and command objects to commands. Pure; knows nothing of the node.

mod filters;
mod object;
mod refusal;
mod spec;

use std::time::Duration;

pub use filters::Party;
pub use object::{Request, parse_object};
pub use refusal::CommandError;
use refusal::{bad_target, shown, unknown, usage};
pub use spec::{COMMANDS, Spec};

use crate::{
    actors::router::{PeerName, Recipients},
    wire::identity::{PeerId, check_own_part},
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
    /// `/ignore [PEER [DURATION]]`; without a peer it tells who is ignored.
    Ignore(Option<(PeerName, Option<Duration>)>),
    /// `/unignore PEER`
    Unignore(PeerName),
    /// `/block [PEER|ADDRESS]`; without one it tells who is blocked.
    Block(Option<Party>),
    /// `/unblock PEER|ADDRESS`
    Unblock(Party),
    /// `/top`
    Top,
    /// `/clear`
    Clear,
    /// `/help [COMMAND]`
    Help(Option<&'static Spec>),
    /// `/quit`
    Quit,
    /// Which events a client of the control socket gets: only as an object.
    Events {
        /// Only those of its own messages.
        own_only: bool,
    },
    /// `/debug panic ACTOR`, only with `PAPO_DEBUG=1`.
    DebugPanic(String),
}

impl Command {
    /// Its name, as a reply to a program carries it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Say(_) => "say",
            Self::Message(..) => "msg",
            Self::Publish(..) => "pub",
            Self::To(_) => "to",
            Self::Peers(_) => "peers",
            Self::Links => "conn",
            Self::Rtt => "rtt",
            Self::Reconnect => "reconnect",
            Self::Connect(..) => "connect",
            Self::Log(_) => "log",
            Self::Metrics => "metrics",
            Self::Status => "status",
            Self::History(..) => "history",
            Self::Ignore(_) => "ignore",
            Self::Unignore(_) => "unignore",
            Self::Block(_) => "block",
            Self::Unblock(_) => "unblock",
            Self::Top => "top",
            Self::Clear => "clear",
            Self::Help(_) => "help",
            Self::Quit => "quit",
            Self::Events { .. } => "events",
            Self::DebugPanic(_) => "debug",
        }
    }
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
        "ignore" => filters::ignore(arguments),
        "unignore" => filters::unignore(arguments),
        "block" => filters::block(arguments),
        "unblock" => filters::unblock(arguments),
        "log" => Ok(Command::Log(optional(arguments).map(str::to_owned))),
        "help" => help(arguments),
        "debug" => debug(arguments),
        "conn" => no_arguments(name, arguments, Command::Links),
        "rtt" => no_arguments(name, arguments, Command::Rtt),
        "reconnect" => no_arguments(name, arguments, Command::Reconnect),
        "metrics" => no_arguments(name, arguments, Command::Metrics),
        "status" => no_arguments(name, arguments, Command::Status),
        "top" => no_arguments(name, arguments, Command::Top),
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

#[cfg(test)]
mod tests;

//! The arguments of `/ignore`, `/unignore`, `/block` and `/unblock`.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::{Command, CommandError, optional, peer_name, split_word, usage};
use crate::actors::router::PeerName;

/// Whom `/block` and `/unblock` mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Party {
    /// A peer.
    Peer(PeerName),
    /// Everyone at an address.
    Address(IpAddr),
}

/// The longest time that can be given; longer is meant to be without end.
const TIME_MAX: Duration = Duration::from_secs(10 * 365 * 86_400);

pub(super) fn ignore(arguments: &str) -> Result<Command, CommandError> {
    let (peer, time) = split_word(arguments);
    let Some(peer) = optional(peer) else {
        return Ok(Command::Ignore(None));
    };
    let time = optional(time).map(duration).transpose()?;
    Ok(Command::Ignore(Some((peer_name(peer)?, time))))
}

pub(super) fn unignore(arguments: &str) -> Result<Command, CommandError> {
    Ok(Command::Unignore(peer_name(only_word(
        "unignore", arguments,
    )?)?))
}

pub(super) fn block(arguments: &str) -> Result<Command, CommandError> {
    match optional(arguments) {
        None => Ok(Command::Block(None)),
        Some(_) => Ok(Command::Block(Some(party(only_word("block", arguments)?)?))),
    }
}

pub(super) fn unblock(arguments: &str) -> Result<Command, CommandError> {
    Ok(Command::Unblock(party(only_word("unblock", arguments)?)?))
}

/// An address, also as `/conn` shows it with the port of one connection, or a peer.
pub(super) fn party(text: &str) -> Result<Party, CommandError> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse().ok();
    let address = address.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    match address {
        Some(address) => Ok(Party::Address(address)),
        None => peer_name(text).map(Party::Peer),
    }
}

fn only_word<'a>(name: &str, arguments: &'a str) -> Result<&'a str, CommandError> {
    match split_word(arguments) {
        (word, rest) if !word.is_empty() && rest.is_empty() => Ok(word),
        _ => Err(usage(name)),
    }
}

/// `30s`, `10min`, `1h 30m`, or a plain number of seconds.
pub(super) fn duration(text: &str) -> Result<Duration, CommandError> {
    let seconds = text.parse().map(Duration::from_secs);
    let time = seconds.or_else(|_| humantime::parse_duration(text));
    time.ok()
        .filter(|time| !time.is_zero() && *time <= TIME_MAX)
        .ok_or_else(|| CommandError {
            code: "bad_duration",
            message: format!("{} is no such time", super::shown(text)),
            hint: "for example 30s, 10min, 2h or 7days; without one it has no end".into(),
        })
}

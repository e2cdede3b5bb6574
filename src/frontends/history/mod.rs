//! `papo history` and `papo why`: what is in a store, also while its node runs. Reads the file itself and starts
//! nothing.

mod identity;
mod line;
mod object;
mod time;

use std::io::{self, BufWriter, IsTerminal, Write};

use jiff::{Timestamp, tz::TimeZone};

use self::{identity::choose, line::Lines};
use super::{
    cli::{life, style::Style},
    exit::{Exit, complain},
};
use crate::{
    args::{Color, Export, HistoryRequest, Invocation},
    paths::Places,
    settings::Settings,
    store::{
        Reader, StoreError,
        rows::{MessageName, Query, Row},
    },
    wire::{destination::Destination, identity::PeerId},
};

/// Messages shown when nothing says how many.
const COUNT: usize = 50;

/// Why nothing, or not all, is shown.
type Failure = (String, Exit);

/// `papo history`: prints messages that were kept, oldest first.
pub fn list(
    request: &HistoryRequest,
    invocation: &Invocation,
    settings: &Settings,
    places: &Places,
) -> Exit {
    end(try_list(request, invocation, settings, places))
}

/// `papo why`: prints what became of one of our messages.
pub fn why(name: &str, invocation: &Invocation, settings: &Settings, places: &Places) -> Exit {
    end(try_why(name, invocation, settings, places))
}

fn try_list(
    request: &HistoryRequest,
    invocation: &Invocation,
    settings: &Settings,
    places: &Places,
) -> Result<(), Failure> {
    let times = Times::parse(request)?;
    let reader = choose(settings, places)?;
    let query = Query {
        with: request
            .target
            .as_deref()
            .map(|it| target(&reader, it))
            .transpose()?,
        words: request.words.clone(),
        since: times.since,
        until: times.until,
        count: request.count.unwrap_or(match request.export {
            Some(_) => usize::MAX,
            None => COUNT,
        }),
    };
    let as_json = request.export == Some(Export::Jsonl)
        || (invocation.json && request.export != Some(Export::Text));
    let lines = Lines {
        style: style(invocation, as_json),
        zone: TimeZone::system(),
    };
    let count = print_all(&reader, &query, |row| match as_json {
        true => object::of(row),
        false => lines.of(row),
    })?;
    note(&reader, &query, count);
    Ok(())
}

fn try_why(
    name: &str,
    invocation: &Invocation,
    settings: &Settings,
    places: &Places,
) -> Result<(), Failure> {
    let parsed = MessageName::parse(name).ok_or_else(|| {
        let words = format!(
            "{name:?} names no message: write its number (12 or '#12'), the first 8 digits of its id, or last"
        );
        (words, Exit::Usage)
    })?;
    let reader = choose(settings, places)?;
    let life = reader.life(&parsed).map_err(failure)?.ok_or_else(|| {
        let words = format!(
            "there is no message {name} of yours in {}",
            reader.path().display()
        );
        (words, Exit::Failure)
    })?;
    let text = match invocation.json {
        true => object::of_life(&life),
        false => life::words(&life, &TimeZone::system()).join("\n"),
    };
    print(&mut io::stdout().lock(), &text)
        .or_else(unless_nobody_reads)
        .map(drop)
}

/// Prints all messages of a query as they are read, not all in memory; says how many.
fn print_all(
    reader: &Reader,
    query: &Query,
    shown: impl Fn(&Row) -> String,
) -> Result<usize, Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let (mut count, mut printed) = (0, Ok(()));
    let read = reader.each(query, |row| {
        count += 1;
        printed = writeln!(out, "{}", shown(&row));
        printed.is_ok()
    });
    printed
        .and_then(|()| out.flush())
        .or_else(unless_nobody_reads)?;
    read.map_err(failure)?;
    Ok(count)
}

fn print(out: &mut impl Write, text: &str) -> io::Result<()> {
    writeln!(out, "{text}")?;
    out.flush()
}

/// `papo history | head` has seen enough.
fn unless_nobody_reads(error: io::Error) -> Result<(), Failure> {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err((format!("cannot write: {error}"), Exit::Failure)),
    }
}

/// What is worth saying beside the messages: that there are none, or that a search did not see the newest.
fn note(reader: &Reader, query: &Query, count: usize) {
    let unindexed = reader.stats().map_or(0, |stats| stats.unindexed);
    if query.words.is_some() && unindexed > 0 {
        complain(
            &format!(
                "the newest {unindexed} messages are not indexed yet: a running node does that"
            ),
            Exit::Done,
        );
    }
    if count == 0 && io::stderr().is_terminal() {
        complain("no such messages", Exit::Done);
    }
}

/// A conversation as typed: a name alone means the only peer that has it.
fn target(reader: &Reader, typed: &str) -> Result<Destination, Failure> {
    if typed == "*" || typed.starts_with('#') || typed.contains('@') {
        return Destination::parse(typed).map_err(|error| (error.to_string(), Exit::Usage));
    }
    let named = reader.peers_named(typed).map_err(failure)?;
    match named.as_slice() {
        [peer] => Ok(Destination::Peer(peer.clone())),
        [] => Err((
            format!(
                "nobody named {typed:?} is in this history: write name@namespace, '*' or '#namespace'"
            ),
            Exit::Failure,
        )),
        several => Err((
            format!("several peers have this name: {}", listed(several)),
            Exit::Failure,
        )),
    }
}

fn listed(peers: &[PeerId]) -> String {
    let shown: Vec<String> = peers.iter().map(ToString::to_string).collect();
    shown.join(", ")
}

fn style(invocation: &Invocation, as_json: bool) -> Style {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let color = match invocation.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => wanted && io::stdout().is_terminal(),
    };
    Style {
        color: color && !as_json,
    }
}

fn failure(error: StoreError) -> Failure {
    (format!("{error}: {}", error.advice()), Exit::Failure)
}

fn end(done: Result<(), Failure>) -> Exit {
    match done {
        Ok(()) => Exit::Done,
        Err((words, exit)) => complain(&words, exit),
    }
}

/// `--since` and `--until`.
struct Times {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Times {
    fn parse(request: &HistoryRequest) -> Result<Self, Failure> {
        let now = Timestamp::now().to_zoned(TimeZone::system());
        let parse = |option: &str, typed: &Option<String>| {
            let parsed = typed.as_deref().map(|typed| time::parse(typed, &now));
            let parsed = parsed.transpose();
            parsed.map_err(|error| (format!("{option}: {error}"), Exit::Usage))
        };
        Ok(Self {
            since: parse("--since", &request.since)?,
            until: parse("--until", &request.until)?,
        })
    }
}

//! What `/top` shows, as rows. Pure: no colours, no cursor, no clock.

use std::time::Duration;

use unicode_width::UnicodeWidthChar;

use super::{ActorLine, PeerLine, Top};
use crate::{
    frontends::cli::{spark::spark, style::duration},
    wire::printable::Printable,
};

/// At most so many rows of at most so many columns each. The peers get what the actors leave, and say how many more
/// there are.
pub fn draw(top: &Top, columns: usize, rows: usize) -> Vec<String> {
    let mut lines = head(top);
    let actors = table(
        ["ACTOR", "RESTARTS", "BACK IN"],
        top.actors.iter().map(actor),
    );
    lines.push(String::new());
    let room = rows.saturating_sub(lines.len() + 1 + actors.len());
    lines.extend(cut(peers(top), room, top.peers.len()));
    lines.push(String::new());
    lines.extend(actors);
    lines.truncate(rows);
    lines.iter().map(|line| clip(line, columns)).collect()
}

/// The last row of the screen.
pub(super) fn foot(columns: usize, held: u64) -> String {
    let held = match held {
        0 => String::new(),
        1 => ", where 1 line waits".to_owned(),
        held => format!(", where {held} lines wait"),
    };
    clip(&format!("q returns to the chat{held}"), columns)
}

fn head(top: &Top) -> Vec<String> {
    let up = duration(of_ms(top.up_ms));
    let (id, totals) = (Printable::id(&top.peer_id), &top.totals);
    let connected = top
        .peers
        .iter()
        .filter(|peer| peer.status == "connected")
        .count();
    let rates = top.rates.map_or("-".to_owned(), |rates| {
        format!(
            "lines {:.0}/s in, {:.0}/s out; bytes {}/s in, {}/s out",
            rates.lines_in,
            rates.lines_out,
            bytes(rates.bytes_in),
            bytes(rates.bytes_out)
        )
    });
    vec![
        format!("{id}  up {up}"),
        format!(
            "peers     {connected} of {} connected; links {} in, {} out",
            top.peers.len(),
            top.inbound,
            top.outbound
        ),
        format!(
            "messages  {} sent, {} delivered, {} under way; {} received; ACK after {} on average",
            totals.sent,
            totals.delivered,
            top.under_way,
            totals.received,
            if totals.delivered == 0 {
                "-".to_owned()
            } else {
                duration(of_ms(top.ack_ms))
            }
        ),
        format!("rates     {rates}"),
    ]
}

fn peers(top: &Top) -> Vec<String> {
    let titles = [
        "PEER", "STATUS", "ADDRESS", "QUEUED", "RTT", "P95", "RECENT",
    ];
    table(titles, top.peers.iter().map(peer))
}

fn peer(peer: &PeerLine) -> [String; 7] {
    let time = |ms: Option<f64>| ms.map_or("-".to_owned(), |ms| duration(of_ms(ms)));
    let recent: Vec<Duration> = peer.recent_ms.iter().map(|ms| of_ms(*ms)).collect();
    [
        Printable::id(&peer.peer).to_string(),
        Printable::text(&peer.status).to_string(),
        peer.address
            .as_deref()
            .map_or("-".to_owned(), |it| Printable::text(it).to_string()),
        peer.queued.to_string(),
        time(peer.rtt_ms),
        time(peer.p95_ms),
        spark(&recent),
    ]
}

fn actor(actor: &ActorLine) -> [String; 3] {
    [
        Printable::text(&actor.actor).to_string(),
        actor.restarts.to_string(),
        actor
            .backoff_ms
            .map_or("-".to_owned(), |ms| duration(of_ms(ms))),
    ]
}

fn table<const N: usize>(
    titles: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Vec<String> {
    let mut table = vec![titles.map(str::to_owned)];
    table.extend(rows);
    let wide = |cell: &String| cell.chars().map(width).sum::<usize>();
    let widest = |column: usize| {
        table
            .iter()
            .map(|row| wide(&row[column]))
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(widest).collect();
    let line = |row: &[String; N]| {
        let padded = row.iter().zip(&widths).map(|(cell, width)| {
            let blanks = " ".repeat(width - wide(cell));
            format!("{cell}{blanks}")
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    table.iter().map(line).collect()
}

/// A table with its titles, cut to so many rows; the last one says how many of all are not seen.
fn cut(mut table: Vec<String>, rows: usize, all: usize) -> Vec<String> {
    if table.len() > rows {
        table.truncate(rows.saturating_sub(1));
        let seen = table.len().saturating_sub(1);
        table.push(format!("{} more", all - seen));
        table.truncate(rows);
    }
    table
}

/// So much of a row as fits.
fn clip(line: &str, columns: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += width(*c);
        used <= columns
    };
    line.chars().take_while(fits).collect()
}

fn width(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Numbers of others may be anything.
fn of_ms(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default()
}

fn bytes(count: f64) -> String {
    match count {
        count if count >= 1e6 => format!("{:.1} MB", count / 1e6),
        count if count >= 1e3 => format!("{:.1} kB", count / 1e3),
        count => format!("{count:.0} B"),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

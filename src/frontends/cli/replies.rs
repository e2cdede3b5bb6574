//! What commands answer: lines for people, data for programs. Pure.

mod measures;

use serde_json::{Value, json};

use super::{json::milliseconds, style::duration};
use crate::{
    actors::{
        disk::Health,
        rendezvous::DiscoverReply,
        router::{LinkRow, PeerName, PeerRow, Recipients},
    },
    node::NodeHandle,
    proto::{peer_table::Status, registration::Report},
    wire::{identity::PeerId, printable::Printable},
};

pub use self::measures::{metrics, rtts};

/// The answer to one command.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// For people.
    pub lines: Vec<String>,
    /// For programs.
    pub data: Value,
}

impl Reply {
    /// An answer of one line.
    pub fn line(line: impl Into<String>) -> Self {
        Self::lines(vec![line.into()])
    }

    /// An answer of several lines.
    pub fn lines(lines: Vec<String>) -> Self {
        let data = no_data();
        Self { lines, data }
    }

    /// An answer that is seen on the screen anyway.
    pub fn nothing() -> Self {
        Self::lines(Vec::new())
    }

    /// The same with data.
    pub fn with(self, data: Value) -> Self {
        Self { data, ..self }
    }

    /// The lines as they are shown; replies begin with two blanks.
    pub fn text(&self) -> String {
        let lines: Vec<String> = self.lines.iter().map(|line| format!("  {line}")).collect();
        lines.join("\n")
    }
}

/// Recipients as the user names them.
pub fn recipients(to: &Recipients) -> String {
    match to {
        Recipients::Everyone => "*".into(),
        Recipients::Namespace(namespace) => format!("#{}", Printable::id(namespace)),
        Recipients::Peer(PeerName::Full(peer)) => peer.to_string(),
        Recipients::Peer(PeerName::Short(name)) => Printable::id(name).to_string(),
    }
}

/// `/peers`
pub fn peers(
    rows: Vec<PeerRow>,
    namespace: Option<&str>,
    mark: impl Fn(&PeerId) -> Option<&'static str>,
    asked: Option<DiscoverReply>,
) -> Reply {
    let wanted = |row: &PeerRow| namespace.is_none_or(|it| row.peer.namespace() == it);
    let rows: Vec<PeerRow> = rows.into_iter().filter(wanted).collect();
    let data: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({"peer": row.peer.as_str(), "status": row.status.name(), "address": row.address,
                "links": row.links, "queued": row.queued, "filter": mark(&row.peer)})
        })
        .collect();
    let mut table = vec![cells(["PEER", "STATUS", "ADDRESS", "QUEUED"])];
    for row in &rows {
        table.push([
            row.peer.to_string(),
            match mark(&row.peer) {
                Some(mark) => format!("{}, {mark}", row.status.name()),
                None => row.status.name().to_owned(),
            },
            optional(row.address),
            row.queued.to_string(),
        ]);
    }
    let mut lines = match rows.is_empty() {
        true => vec!["no peer is known yet".to_owned()],
        false => align(&table),
    };
    lines.extend(asked.and_then(age_of_records));
    Reply::lines(lines).with(json!({ "peers": data }))
}

fn age_of_records(asked: DiscoverReply) -> Option<String> {
    match asked {
        DiscoverReply::Asked => None,
        DiscoverReply::Known { age, .. } => {
            let age = age.map_or("not asked yet".into(), |age| {
                format!("{} old", duration(age))
            });
            Some(format!("(the rendezvous' answer is {age})"))
        }
    }
}

/// `/conn`
pub fn links(rows: Vec<LinkRow>) -> Reply {
    let data: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({"link": row.link.0, "peer": row.peer.as_str(), "direction": row.direction.name(),
                "address": row.address, "age_ms": milliseconds(row.age), "idle_ms": milliseconds(row.idle),
                "stream": row.stream, "writer": row.writer})
        })
        .collect();
    if rows.is_empty() {
        return Reply::line("no connection is open").with(json!({ "links": data }));
    }
    let mut table = vec![cells([
        "PEER",
        "DIRECTION",
        "ADDRESS",
        "OPEN",
        "IDLE",
        "SENDS",
    ])];
    for row in &rows {
        table.push([
            row.peer.to_string(),
            row.direction.name().to_owned(),
            row.address.to_string(),
            duration(row.age),
            duration(row.idle),
            if row.writer { "here" } else { "" }.to_owned(),
        ]);
    }
    Reply::lines(align(&table)).with(json!({ "links": data }))
}

/// `/reconnect`
pub fn reconnect(count: usize, asked: Option<DiscoverReply>) -> Reply {
    let mut lines = vec![match count {
        0 => "every known peer is connected".to_owned(),
        1 => "dialling 1 peer".to_owned(),
        count => format!("dialling {count} peers"),
    }];
    lines.push(match asked {
        Some(DiscoverReply::Asked) => "asking the rendezvous who is there".to_owned(),
        Some(DiscoverReply::Known {
            next_request_in, ..
        }) => match next_request_in {
            Some(wait) => format!("the rendezvous is asked again in {}", duration(wait)),
            None => "the rendezvous cannot be asked now".to_owned(),
        },
        None => "no rendezvous is used".to_owned(),
    });
    Reply::lines(lines)
        .with(json!({"dialling": count, "asked": asked == Some(DiscoverReply::Asked)}))
}

/// `/status`
pub fn status(
    node: &NodeHandle,
    peers: &[PeerRow],
    links: &[LinkRow],
    rendezvous: Option<&Report>,
) -> Reply {
    let (facts, metrics) = (node.facts(), node.metrics());
    let up = crate::actors::clock::now().saturating_duration_since(facts.started);
    let connected = peers
        .iter()
        .filter(|row| row.status == Status::Connected)
        .count();
    let listen: Vec<String> = facts.listen.iter().map(ToString::to_string).collect();
    let (sent, delivered) = (metrics.texts_sent.get(), metrics.texts_delivered.get());
    let (received, waiting) = (metrics.texts_received.get(), node.unsettled());
    let disk = node.disk();
    let mut lines = vec![
        format!(
            "{}, listening on {}, up {}",
            facts.own,
            listen.join(", "),
            duration(up)
        ),
        rendezvous_words(rendezvous),
        format!(
            "{connected} of {} known peers connected, {} connections",
            peers.len(),
            links.len()
        ),
        format!(
            "messages: {sent} sent, {delivered} delivered, {waiting} under way; {received} received"
        ),
        history_words(disk.as_ref()),
        format!("restarts of actors: {}", metrics.actor_restarts.get()),
    ];
    let scraped = node.metrics_address();
    lines.extend(scraped.map(|it| format!("metrics are served at http://{it}/metrics")));
    let endpoint = rendezvous.and_then(|report| report.endpoint.as_ref());
    Reply::lines(lines).with(json!({
        "peer_id": facts.own.as_str(), "listen": listen, "up_ms": milliseconds(up),
        "peers": peers.len(), "connected": connected, "links": links.len(),
        "sent": sent, "delivered": delivered, "under_way": waiting, "received": received,
        "restarts": metrics.actor_restarts.get(),
        "history": history_state(disk.as_ref()), "outbox": disk.as_ref().map_or(0, |it| it.1),
        "rendezvous": endpoint.map(|it| it.address.as_ref()),
        "hosted": endpoint.is_some_and(|it| it.hosted),
        "registered": rendezvous.is_some_and(|report| report.registered_for.is_some()),
        "metrics": scraped.map(|it| it.to_string()),
    }))
}

fn history_words(disk: Option<&(Health, usize)>) -> String {
    match disk {
        None => "history: in memory only".into(),
        Some((
            Health {
                error: Some(error), ..
            },
            waiting,
        )) => format!(
            "history: FAILS ({}), {waiting} messages wait on disk",
            Printable::text(&error.to_string())
        ),
        Some((_, 1)) => "history: on disk, 1 message waits there for its peer".into(),
        Some((_, waiting)) => format!("history: on disk, {waiting} messages wait there for peers"),
    }
}

fn history_state(disk: Option<&(Health, usize)>) -> &'static str {
    match disk {
        None => "off",
        Some((health, _)) if health.error.is_some() => "fails",
        Some(_) => "on",
    }
}

fn rendezvous_words(report: Option<&Report>) -> String {
    let Some(report) = report else {
        return "no rendezvous is used".into();
    };
    let Some(endpoint) = &report.endpoint else {
        return "looking for a rendezvous".into();
    };
    let hosted = if endpoint.hosted {
        " (hosted here)"
    } else {
        ""
    };
    let mut words = format!("rendezvous {}{hosted}", Printable::text(&endpoint.address));
    match (report.registered_for, report.seen) {
        (Some(since), Some(seen)) => {
            words += &format!(", registered as {seen} for {}", duration(since));
        }
        (Some(since), None) => words += &format!(", registered for {}", duration(since)),
        (None, _) => words += ", not registered",
    }
    if let Some(wait) = report.blocked_for {
        words += &format!(", blocked for {} more", duration(wait));
    }
    if let Some(error) = &report.last_error {
        words += &format!(", last error: {}", Printable::text(error));
    }
    words
}

/// A reply's data where there is nothing to say.
fn no_data() -> Value {
    Value::Object(serde_json::Map::new())
}

pub(super) fn cells<const N: usize>(words: [&str; N]) -> [String; N] {
    words.map(str::to_owned)
}

fn optional(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// Columns, two blanks apart.
pub(super) fn align<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths);
        let padded: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(peer: &str, status: Status) -> PeerRow {
        PeerRow {
            peer: PeerId::parse(peer).unwrap(),
            status,
            address: Some("127.0.0.1:4001".parse().unwrap()),
            links: 1,
            queued: 0,
        }
    }

    #[test]
    fn peers_are_a_table_that_can_be_narrowed_to_a_namespace() {
        let rows = || {
            vec![
                row("bob@lobby", Status::Connected),
                row("eve@CIC", Status::Stale),
            ]
        };
        let reply = peers(rows(), None, |_| None, Some(DiscoverReply::Asked));
        assert_eq!(
            reply.text(),
            "  PEER       STATUS     ADDRESS         QUEUED\n  \
             bob@lobby  connected  127.0.0.1:4001  0\n  \
             eve@CIC    stale      127.0.0.1:4001  0"
        );
        let reply = peers(rows(), Some("CIC"), |_| Some("ignored"), None);
        assert!(reply.text().contains("stale, ignored"), "{reply:?}");
        assert_eq!(reply.data["peers"].as_array().unwrap().len(), 1);
        assert_eq!(reply.data["peers"][0]["status"], "stale");
    }

    #[test]
    fn empty_tables_say_so() {
        assert_eq!(links(Vec::new()).text(), "  no connection is open");
    }
}

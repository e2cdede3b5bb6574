//! What `/history` answers. Pure.

use jiff::Zoned;
use serde_json::{Value, json};

use super::{
    days::Days,
    json::{message, milliseconds},
    render::Renderer,
    replies::Reply,
    style::{duration, time_of_day},
};
use crate::{
    actors::recent::{RecentEntry, RecentFact},
    wire::printable::Printable,
};

/// `/history`; what is of another day than today stands below its day.
pub fn history(entries: &[RecentEntry], renderer: &Renderer, now: &Zoned) -> Reply {
    let data: Vec<Value> = entries.iter().flat_map(history_data).collect();
    let data = json!({ "entries": data });
    if entries.is_empty() {
        return Reply::line("nothing yet").with(data);
    }
    let mut days = Days::since(now);
    let shown = entries.iter().map(|entry| {
        let at = entry.at.to_zoned(now.time_zone().clone());
        let lines = match &entry.what {
            RecentFact::Received(texts) => renderer.received(texts, &at),
            RecentFact::Sent(message) => {
                let to = &message.to;
                let text = Printable::text(&message.text);
                format!("{} -> {to} #{} {text}", time_of_day(&at), message.number)
            }
            RecentFact::Delivered(message, rtt) => {
                let (number, to, rtt) = (message.number, &message.to, duration(*rtt));
                format!("{} #{number} delivered to {to} in {rtt}", time_of_day(&at))
            }
        };
        match days.turn(&at) {
            Some(day) => format!("{}\n{lines}", renderer.style.dim(day)),
            None => lines,
        }
    });
    let lines = shown.flat_map(|lines| lines.split('\n').map(str::to_owned).collect::<Vec<_>>());
    Reply::lines(lines.collect()).with(data)
}

fn history_data(entry: &RecentEntry) -> Vec<Value> {
    let at = format!("{:.3}", entry.at);
    let more = |what: &str, mut data: Value| {
        data["what"] = what.into();
        data["at"] = at.as_str().into();
        data
    };
    match &entry.what {
        RecentFact::Received(received) => {
            let texts = received.texts.iter();
            texts
                .map(|text| more("message", message(received, text)))
                .collect()
        }
        RecentFact::Sent(message) => vec![more(
            "sent",
            json!({"to": message.to.to_wire(), "number": message.number, "text": message.text,
                "msg_id": message.msg_id}),
        )],
        RecentFact::Delivered(message, rtt) => vec![more(
            "delivered",
            json!({"to": message.to.to_wire(), "number": message.number, "msg_id": message.msg_id,
                "rtt_ms": milliseconds(*rtt)}),
        )],
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        frontends::cli::style::Style, proto::outgoing::OwnMessage, wire::destination::Destination,
    };

    fn shown(entries: &[RecentEntry]) -> String {
        let renderer = Renderer {
            style: Style { color: false },
        };
        let now = "2026-01-03T12:00:00[UTC]".parse().unwrap();
        history(entries, &renderer, &now).text()
    }

    #[test]
    fn an_empty_history_says_so() {
        assert_eq!(shown(&[]), "  nothing yet");
    }

    #[test]
    fn what_is_of_another_day_stands_below_it() {
        let sent = |at: &str| RecentEntry {
            at: at.parse().unwrap(),
            what: RecentFact::Sent(Arc::new(OwnMessage {
                msg_id: uuid::Uuid::nil(),
                number: 1,
                to: Destination::Everyone,
                text: "hi".into(),
                reference: None,
            })),
        };
        let entries = [sent("2026-01-02T23:59:59Z"), sent("2026-01-03T00:00:01Z")];
        assert_eq!(
            shown(&entries),
            "  ---------- Friday, 2 January 2026 ----------\n  23:59:59 -> * #1 hi\n  \
             ---------- Saturday, 3 January 2026 ----------\n  00:00:01 -> * #1 hi"
        );
        assert_eq!(shown(&entries[1..]), "  00:00:01 -> * #1 hi");
    }
}

//! What `/history` answers. Pure.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{
    json::{message, milliseconds},
    render::Renderer,
    replies::Reply,
    style::{duration, time_of_day},
};
use crate::{
    actors::recent::{RecentEntry, RecentFact},
    wire::printable::Printable,
};

/// `/history`
pub fn history(entries: &[RecentEntry], renderer: &Renderer) -> Reply {
    let data: Vec<Value> = entries.iter().flat_map(history_data).collect();
    let data = json!({ "entries": data });
    if entries.is_empty() {
        return Reply::line("nothing yet").with(data);
    }
    let shown = entries.iter().map(|entry| {
        let at = entry.at.to_zoned(TimeZone::system());
        match &entry.what {
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
    use super::*;
    use crate::frontends::cli::style::Style;

    #[test]
    fn an_empty_history_says_so() {
        let renderer = Renderer {
            style: Style { color: false },
        };
        assert_eq!(history(&[], &renderer).text(), "  nothing yet");
    }
}

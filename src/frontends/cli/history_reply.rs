//! What `/history`, `/search` and `/why` answer: messages that were kept, each on a line with what became of it. Pure.

use jiff::Zoned;
use serde_json::{Value, json};

use super::{
    days::Days,
    json::{kind, milliseconds},
    life::{self, fate_words},
    render::Renderer,
    replies::Reply,
    style::{Style, time_of_day},
};
use crate::{
    store::rows::{Life, Row},
    wire::{destination::Destination, printable::Printable},
};

/// `/history`; what is of another day than today stands below its day.
pub fn history(rows: &[Row], renderer: &Renderer, now: &Zoned) -> Reply {
    messages(rows, renderer, now, "nothing yet")
}

/// `/search`
pub fn search(rows: &[Row], renderer: &Renderer, now: &Zoned) -> Reply {
    messages(rows, renderer, now, "no message has these words")
}

/// `/why`
pub fn why(life: &Life, now: &Zoned) -> Reply {
    let step = |step: &crate::store::rows::Step| json!({"at": format!("{:.3}", step.at), "what": step.what.name(), "detail": step.detail});
    let steps: Vec<Value> = life.steps.iter().map(step).collect();
    let data =
        json!({"message": data_of(&life.row), "steps": steps, "verdict": life::verdict(life)});
    Reply::lines(life::words(life, now.time_zone())).with(data)
}

fn messages(rows: &[Row], renderer: &Renderer, now: &Zoned, none: &str) -> Reply {
    let data: Vec<Value> = rows.iter().map(data_of).collect();
    let data = json!({ "entries": data });
    if rows.is_empty() {
        return Reply::line(none).with(data);
    }
    let mut days = Days::since(now);
    let mut lines = Vec::new();
    for row in rows {
        let at = row.at.to_zoned(now.time_zone().clone());
        lines.extend(days.turn(&at).map(|day| renderer.style.dim(day)));
        lines.push(row_line(row, renderer.style, &at));
    }
    Reply::lines(lines).with(data)
}

/// A message on one line: as it was shown, and what became of it.
fn row_line(row: &Row, style: Style, at: &Zoned) -> String {
    let (time, text) = (time_of_day(at), Printable::text(&row.text));
    let Some(fate) = &row.fate else {
        let sign = match &row.to {
            Destination::Peer(_) => "->".to_owned(),
            to => to.to_string(),
        };
        let from = row.peer.as_ref().map(|peer| style.sender(peer));
        return format!("{time} {sign} [{}] {text}", from.unwrap_or_default());
    };
    let note = style.dim(format!("({})", fate_words(fate, &row.to)));
    format!("{time} -> {} #{} {text}  {note}", row.to, fate.number)
}

/// A message as programs get it.
fn data_of(row: &Row) -> Value {
    let at = format!("{:.3}", row.at);
    let Some(fate) = &row.fate else {
        return json!({"what": "message", "at": at, "from": row.peer.as_ref().map(|it| it.as_str()),
            "kind": kind(&row.to), "to": row.to.to_wire(), "text": row.text, "msg_id": row.msg_id,
            "address": row.address});
    };
    json!({"what": "sent", "at": at, "kind": kind(&row.to), "to": row.to.to_wire(), "text": row.text,
        "msg_id": row.msg_id, "number": fate.number, "ref": fate.reference,
        "state": fate.state.name(), "reason": fate.reason,
        "rtt_ms": fate.rtt.map(milliseconds), "peers": fate.peers})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        frontends::cli::life::testing::{own, received},
        store::facts::State,
    };

    fn shown(rows: &[Row], now: &str) -> String {
        let renderer = Renderer {
            style: Style { color: false },
        };
        history(rows, &renderer, &now.parse().unwrap()).text()
    }

    const TODAY: &str = "2026-01-02T23:00:00[UTC]";

    #[test]
    fn an_empty_history_says_so() {
        assert_eq!(shown(&[], TODAY), "  nothing yet");
        let renderer = Renderer {
            style: Style { color: false },
        };
        let none = search(&[], &renderer, &TODAY.parse().unwrap());
        assert_eq!(none.text(), "  no message has these words");
    }

    #[test]
    fn received_messages_are_shown_as_they_were_and_on_one_line() {
        let rows = [received("me@X", "a\n\u{1b}[2J"), received("#X", "hi")];
        let lines = "  03:04:05 -> [alice@X] a ⏎ \\u{1b}[2J\n  03:04:05 #X [alice@X] hi";
        assert_eq!(shown(&rows, TODAY), lines);
    }

    #[test]
    fn what_is_of_another_day_stands_below_it() {
        assert_eq!(
            shown(&[received("*", "hi")], "2026-01-03T12:00:00[UTC]"),
            "  ---------- Friday, 2 January 2026 ----------\n  03:04:05 * [alice@X] hi"
        );
    }

    #[test]
    fn own_messages_say_what_became_of_them() {
        let rows = [own("bob@X", State::Delivered), own("bob@X", State::Queued)];
        let lines = shown(&rows, TODAY);
        let (delivered, queued) = lines.split_once('\n').unwrap();
        assert!(
            delivered.starts_with("  03:04:05 -> bob@X #12 "),
            "{delivered}"
        );
        assert!(delivered.contains("  (delivered in "), "{delivered}");
        assert!(queued.ends_with("  (queued)"), "{queued}");
    }

    #[test]
    fn programs_get_the_text_unaltered_and_the_state_by_the_name_of_its_event() {
        let data = data_of(&received("me@X", "a\n\u{1b}"));
        assert_eq!(
            (&data["what"], &data["text"]),
            (&"message".into(), &"a\n\u{1b}".into())
        );
        assert_eq!(data["at"], "2026-01-02T03:04:05.678Z");
        let data = data_of(&own("bob@X", State::TimedOut));
        assert_eq!(data["what"], "sent");
        assert_eq!(data["state"], "ack_timeout");
    }
}

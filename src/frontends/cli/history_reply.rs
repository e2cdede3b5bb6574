//! What `/history` and `/search` answer: the messages that were kept, each on a line. Pure.

use jiff::{Timestamp, Zoned, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    json::{kind, milliseconds},
    render::Renderer,
    replies::Reply,
    style::{Style, duration, time_of_day},
};
use crate::{
    store::{
        facts::State,
        rows::{Fate, Row},
    },
    wire::{destination::Destination, printable::Printable},
};

/// `/history`
pub fn history(rows: &[Row], renderer: &Renderer, now: Timestamp) -> Reply {
    messages(rows, renderer, now, "nothing yet")
}

/// `/search`
pub fn search(rows: &[Row], renderer: &Renderer, now: Timestamp) -> Reply {
    messages(rows, renderer, now, "no message has these words")
}

fn messages(rows: &[Row], renderer: &Renderer, now: Timestamp, none: &str) -> Reply {
    let data: Vec<Value> = rows.iter().map(data_of).collect();
    let data = json!({ "entries": data });
    if rows.is_empty() {
        return Reply::line(none).with(data);
    }
    let now = now.to_zoned(TimeZone::system());
    let line = |row: &Row| row_line(row, renderer.style, &now);
    Reply::lines(rows.iter().map(line).collect()).with(data)
}

/// A message on one line: as it was shown, and what became of it; with its day, unless that is today's.
pub fn row_line(row: &Row, style: Style, now: &Zoned) -> String {
    let time = time_of(row.at, now);
    let text = Printable::text(&row.text);
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

/// The time of day, behind the day if that is not today's.
pub(super) fn time_of(at: Timestamp, now: &Zoned) -> String {
    let at = at.to_zoned(now.time_zone().clone());
    match at.date() == now.date() {
        true => time_of_day(&at),
        false => format!("{} {}", at.date(), time_of_day(&at)),
    }
}

/// What became of an own message, in a few words.
pub(super) fn fate_words(fate: &Fate, to: &Destination) -> String {
    let reason = || Printable::text(fate.reason.as_deref().unwrap_or("unknown")).to_string();
    match (fate.state, to) {
        (State::Queued, _) => "queued".into(),
        (State::Sent, Destination::Peer(_)) => "sent".into(),
        (State::Sent, _) if fate.peers == 1 => "1 peer".into(),
        (State::Sent, _) => format!("{} peers", fate.peers),
        (State::Delivered, _) => match fate.rtt {
            Some(rtt) => format!("delivered in {}", duration(rtt)),
            None => "delivered".into(),
        },
        (State::TimedOut, _) => reason(),
        (State::Unconfirmed, _) => format!("sent, not confirmed: {}", reason()),
        (State::Failed, _) => format!("failed: {}", reason()),
    }
}

/// A state by the name of its event.
pub(super) fn state_name(state: State) -> &'static str {
    match state {
        State::Queued => "queued",
        State::Sent => "sent",
        State::Delivered => "delivered",
        State::TimedOut => "ack_timeout",
        State::Unconfirmed => "unconfirmed",
        State::Failed => "failed",
    }
}

/// A message as programs get it, in `/history`, `/search` and `/why`.
pub fn data_of(row: &Row) -> Value {
    let at = format!("{:.3}", row.at);
    let Some(fate) = &row.fate else {
        return json!({"what": "message", "at": at, "from": row.peer.as_ref().map(|it| it.as_str()),
            "kind": kind(&row.to), "to": row.to.to_wire(), "text": row.text, "msg_id": row.msg_id,
            "address": row.address});
    };
    json!({"what": "sent", "at": at, "kind": kind(&row.to), "to": row.to.to_wire(), "text": row.text,
        "msg_id": row.msg_id, "number": fate.number, "ref": fate.reference,
        "state": state_name(fate.state), "reason": fate.reason,
        "rtt_ms": fate.rtt.map(milliseconds), "peers": fate.peers})
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{store::facts::RowId, wire::identity::PeerId};

    fn received(to: &str, text: &str) -> Row {
        Row {
            row: RowId(1),
            at: "2026-01-02T03:04:05.678Z".parse().unwrap(),
            own: false,
            peer: Some(PeerId::parse("alice@CIC").unwrap()),
            to: Destination::parse(to).unwrap(),
            text: text.into(),
            msg_id: "m".into(),
            address: Some("127.0.0.1:4000".into()),
            fate: None,
        }
    }

    fn own(to: &str, state: State) -> Row {
        let reason = Some("it is so".to_owned());
        Row {
            own: true,
            fate: Some(Fate {
                number: 12,
                reference: None,
                state,
                reason: reason.filter(|_| !matches!(state, State::Queued | State::Sent)),
                rtt: (state == State::Delivered).then(|| Duration::from_micros(1312)),
                peers: 3,
                lost: 0,
            }),
            ..received(to, "hi")
        }
    }

    fn shown(row: &Row, now: &str) -> String {
        row_line(row, Style { color: false }, &now.parse().unwrap())
    }

    const TODAY: &str = "2026-01-02T23:00:00[UTC]";

    #[test]
    fn an_empty_history_says_so() {
        let renderer = Renderer {
            style: Style { color: false },
        };
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(history(&[], &renderer, now).text(), "  nothing yet");
        let none = "  no message has these words";
        assert_eq!(search(&[], &renderer, now).text(), none);
    }

    #[test]
    fn received_messages_are_shown_as_they_were_and_on_one_line() {
        let line = shown(&received("me@CIC", "a\n\u{1b}[2J"), TODAY);
        assert_eq!(line, "03:04:05 -> [alice@CIC] a ⏎ \\u{1b}[2J");
        let line = shown(&received("#CIC", "hi"), TODAY);
        assert_eq!(line, "03:04:05 #CIC [alice@CIC] hi");
        let line = shown(&received("*", "hi"), "2026-01-03T00:00:00[UTC]");
        assert_eq!(line, "2026-01-02 03:04:05 * [alice@CIC] hi");
    }

    #[test]
    fn own_messages_say_what_became_of_them() {
        for (to, state, words) in [
            ("bob@CIC", State::Queued, "queued"),
            ("bob@CIC", State::Sent, "sent"),
            ("*", State::Sent, "3 peers"),
            ("bob@CIC", State::Delivered, "delivered in 1.3 ms"),
            ("bob@CIC", State::TimedOut, "it is so"),
            (
                "bob@CIC",
                State::Unconfirmed,
                "sent, not confirmed: it is so",
            ),
            ("bob@CIC", State::Failed, "failed: it is so"),
        ] {
            let line = format!("03:04:05 -> {to} #12 hi  ({words})");
            assert_eq!(shown(&own(to, state), TODAY), line);
        }
    }

    #[test]
    fn programs_get_the_text_unaltered_and_the_state_by_the_name_of_its_event() {
        let data = data_of(&received("me@CIC", "a\n\u{1b}"));
        assert_eq!(
            (&data["what"], &data["text"]),
            (&"message".into(), &"a\n\u{1b}".into())
        );
        assert_eq!(data["at"], "2026-01-02T03:04:05.678Z");
        let data = data_of(&own("bob@CIC", State::TimedOut));
        assert_eq!(
            (&data["what"], &data["state"]),
            (&"sent".into(), &"ack_timeout".into())
        );
    }
}

//! What `/why` answers: one of our messages and all that happened to it, in order. Pure.

use jiff::{Timestamp, Zoned, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    history_reply::{data_of, row_line, time_of},
    render::Renderer,
    replies::Reply,
};
use crate::{
    store::{
        facts::State,
        rows::{Fate, Happened, Life, Step},
    },
    wire::{destination::Destination, printable::Printable},
};

/// `/why`
pub fn why(life: &Life, renderer: &Renderer, now: Timestamp) -> Reply {
    let now = now.to_zoned(TimeZone::system());
    let mut lines = vec![row_line(&life.row, renderer.style, &now)];
    lines.extend(life.steps.iter().map(|step| line_of(step, &now)));
    let next = life
        .row
        .fate
        .as_ref()
        .and_then(|fate| next_words(fate, &life.row.to));
    lines.extend(next.map(str::to_owned));
    let steps: Vec<Value> = life.steps.iter().map(step_data).collect();
    Reply::lines(lines).with(json!({"message": data_of(&life.row), "steps": steps}))
}

fn line_of(step: &Step, now: &Zoned) -> String {
    let detail = step
        .detail
        .as_deref()
        .map(|it| Printable::text(it).to_string());
    let words = match (step.what, detail) {
        (Happened::Sent, Some(address)) => format!("handed to the connection with {address}"),
        (Happened::LinkLost, _) => "that connection was lost before an acknowledgement".into(),
        (Happened::Delivered, _) => "acknowledged: it is with the peer".into(),
        (Happened::Unconfirmed, Some(reason)) => format!("not sent again: {reason}"),
        (Happened::Failed, Some(reason)) => format!("given up: {reason}"),
        (what, Some(detail)) => format!("{}: {detail}", name(what)),
        (what, None) => name(what).into(),
    };
    format!("{}  {words}", time_of(step.at, now))
}

/// What may still come.
fn next_words(fate: &Fate, to: &Destination) -> Option<&'static str> {
    match (fate.state, to) {
        (State::Queued, _) => Some("it waits on disk until the peer is connected"),
        (State::Sent, Destination::Peer(_)) => Some("its acknowledgement is waited for"),
        (State::Sent, _) => Some("nobody acknowledges a message to several peers"),
        (State::TimedOut | State::Unconfirmed, _) => Some("a late acknowledgement still counts"),
        (State::Delivered | State::Failed, _) => None,
    }
}

fn step_data(step: &Step) -> Value {
    json!({"at": format!("{:.3}", step.at), "what": name(step.what), "detail": step.detail})
}

/// What happened, by the name of its event.
fn name(what: Happened) -> &'static str {
    match what {
        Happened::Sent => "sent",
        Happened::LinkLost => "link_lost",
        Happened::Delivered => "delivered",
        Happened::TimedOut => "ack_timeout",
        Happened::Unconfirmed => "unconfirmed",
        Happened::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        frontends::cli::style::Style,
        store::{facts::RowId, rows::Row},
        wire::identity::PeerId,
    };

    #[test]
    fn the_life_of_a_message_is_told_in_order_with_what_may_still_come() {
        let peer = PeerId::parse("bob@CIC").unwrap();
        let at: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let step = |what, detail: Option<&str>| Step {
            at,
            what,
            detail: detail.map(str::to_owned),
        };
        let life = Life {
            row: Row {
                row: RowId(1),
                at,
                own: true,
                peer: Some(peer.clone()),
                to: Destination::Peer(peer),
                text: "hi".into(),
                msg_id: "m".into(),
                address: None,
                fate: Some(Fate {
                    number: 12,
                    reference: None,
                    state: State::Queued,
                    reason: None,
                    rtt: None,
                    peers: 1,
                    lost: 1,
                }),
            },
            steps: vec![
                step(Happened::Sent, Some("10.0.0.2:4000")),
                step(Happened::LinkLost, None),
            ],
        };
        let renderer = Renderer {
            style: Style { color: false },
        };
        let reply = why(&life, &renderer, at);
        assert!(reply.lines[0].ends_with("-> bob@CIC #12 hi  (queued)"));
        assert!(reply.lines[1].ends_with("  handed to the connection with 10.0.0.2:4000"));
        assert!(reply.lines[2].ends_with("  that connection was lost before an acknowledgement"));
        assert_eq!(
            reply.lines[3],
            "it waits on disk until the peer is connected"
        );
        assert_eq!(reply.data["steps"][1]["what"], "link_lost");
        assert_eq!(reply.data["message"]["number"], 12);
    }
}

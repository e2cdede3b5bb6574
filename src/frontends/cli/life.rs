//! What became of one of our messages, in plain words: for `papo why` and `/why`. Pure.

use jiff::tz::TimeZone;

use super::style::duration;
use crate::{
    store::{
        facts::State,
        rows::{Fate, Happened, Life, Step},
    },
    wire::{destination::Destination, printable::Printable},
};

/// The whole life, a line for each step, and a verdict at the end.
pub fn words(life: &Life, zone: &TimeZone) -> Vec<String> {
    let Some(fate) = &life.row.fate else {
        return vec!["this message is not one of ours".into()];
    };
    let text = Printable::text(&life.row.text);
    let mut lines = vec![
        format!("-> {} #{} {text}", life.row.to, fate.number),
        format!("{}  accepted", time(life.row.at, zone)),
    ];
    lines.extend(life.steps.iter().map(|step| step_words(step, zone)));
    lines.push(verdict(life));
    lines
}

/// How it stands, and what comes next.
pub fn verdict(life: &Life) -> String {
    let to = &life.row.to;
    let Some(fate) = &life.row.fate else {
        return "received".into();
    };
    let links = links(&life.steps);
    match (fate.state, to) {
        (State::Sent, Destination::Everyone | Destination::Namespace(_)) => format!(
            "sent to {}; a message to several peers is not acknowledged",
            peers(fate.peers)
        ),
        (State::Queued, _) if links == 0 => {
            format!("{to} was not connected yet: it waits on disk and is sent when {to} returns")
        }
        (State::Queued | State::Sent, _) if fate.lost > 0 => format!(
            "{to} accepted the connection but never acknowledged; sent on {}, {} lost; again when {to} returns",
            on_links(links),
            fate.lost
        ),
        (State::Queued | State::Sent, _) => {
            format!(
                "under way to {to}, sent on {}; not acknowledged yet",
                on_links(links)
            )
        }
        (State::Delivered, _) => delivered(fate, to),
        (State::TimedOut, _) => format!(
            "{to} has not acknowledged ({}); it is not sent again, a late answer still counts",
            reason(fate)
        ),
        (State::Unconfirmed, _) => format!(
            "sent on {}, never confirmed by {to}: {}; it is not sent again",
            on_links(links),
            reason(fate)
        ),
        (State::Failed, _) => format!("{to} did not get it: {}", reason(fate)),
    }
}

/// What became of an own message, in a few words behind its line.
pub fn fate_words(fate: &Fate, to: &Destination) -> String {
    match (fate.state, to) {
        (State::Sent, Destination::Everyone | Destination::Namespace(_)) => peers(fate.peers),
        (State::Delivered, _) => match fate.rtt {
            Some(rtt) => format!("delivered in {}", duration(rtt)),
            None => "delivered".into(),
        },
        (State::TimedOut, _) => reason(fate),
        (State::Unconfirmed, _) => format!("sent, not confirmed: {}", reason(fate)),
        (State::Failed, _) => format!("failed: {}", reason(fate)),
        (State::Queued | State::Sent, _) => fate.state.name().into(),
    }
}

fn delivered(fate: &Fate, to: &Destination) -> String {
    let rtt = fate
        .rtt
        .map_or(String::new(), |rtt| format!(" in {}", duration(rtt)));
    match fate.lost {
        0 => format!("delivered: {to} acknowledged it{rtt}"),
        lost => format!(
            "delivered: {to} acknowledged it{rtt}, after {} lost",
            on_links(lost.into())
        ),
    }
}

fn step_words(step: &Step, zone: &TimeZone) -> String {
    let detail = step
        .detail
        .as_deref()
        .map(|it| Printable::text(it).to_string());
    let detail = detail.unwrap_or_default();
    let words = match step.what {
        Happened::Sent => format!("sent on the connection with {detail}"),
        Happened::LinkLost => "that connection was lost before it was acknowledged".into(),
        Happened::Delivered => "acknowledged".into(),
        Happened::TimedOut => detail,
        Happened::Unconfirmed => format!("not sent again: {detail}"),
        Happened::Failed => format!("given up: {detail}"),
    };
    format!("{}  {words}", time(step.at, zone))
}

fn links(steps: &[Step]) -> u64 {
    let sent = steps.iter().filter(|step| step.what == Happened::Sent);
    sent.count() as u64
}

fn on_links(links: u64) -> String {
    match links {
        1 => "1 link".into(),
        links => format!("{links} links"),
    }
}

fn peers(count: u32) -> String {
    match count {
        1 => "1 peer".into(),
        count => format!("{count} peers"),
    }
}

fn reason(fate: &Fate) -> String {
    Printable::text(fate.reason.as_deref().unwrap_or("no reason was noted")).to_string()
}

fn time(at: jiff::Timestamp, zone: &TimeZone) -> String {
    let at = at.to_zoned(zone.clone());
    at.strftime("%Y-%m-%d %H:%M:%S.%3f").to_string()
}

#[cfg(test)]
pub(crate) mod testing {
    //! Messages for the tests of what shows them.

    use std::time::Duration;

    use super::*;
    use crate::{
        store::{facts::RowId, rows::Row},
        wire::identity::PeerId,
    };

    /// One from alice.
    pub fn received(to: &str, text: &str) -> Row {
        Row {
            row: RowId(1),
            at: "2026-01-02T03:04:05.678Z".parse().unwrap(),
            own: false,
            peer: Some(PeerId::parse("alice@X").unwrap()),
            to: Destination::parse(to).unwrap(),
            text: text.into(),
            msg_id: "m".into(),
            address: Some("127.0.0.1:4000".into()),
            fate: None,
        }
    }

    /// One of ours.
    pub fn own(to: &str, state: State) -> Row {
        let has_reason = !matches!(state, State::Queued | State::Sent | State::Delivered);
        Row {
            own: true,
            address: None,
            fate: Some(Fate {
                number: 12,
                reference: None,
                state,
                reason: has_reason.then(|| "so it is".to_owned()),
                rtt: (state == State::Delivered).then(|| Duration::from_micros(1312)),
                peers: 3,
                lost: 0,
            }),
            ..received(to, "hi")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::own, *};

    fn life(to: &str, state: State, lost: u32, steps: &[Happened]) -> Life {
        let mut row = own(to, state);
        row.fate.as_mut().unwrap().lost = lost;
        let step = |what: &Happened| Step {
            at: row.at,
            what: *what,
            detail: Some("10.0.0.1:4000\u{1b}".into()),
        };
        Life {
            steps: steps.iter().map(step).collect(),
            row,
        }
    }

    #[test]
    fn the_verdict_says_how_it_stands_and_what_comes_next() {
        use Happened::{LinkLost, Sent};
        for (state, lost, steps, expected) in [
            (
                State::Queued,
                0,
                &[][..],
                "bob@X was not connected yet: it waits on disk and is sent when bob@X returns",
            ),
            (
                State::Sent,
                0,
                &[Sent],
                "under way to bob@X, sent on 1 link; not acknowledged yet",
            ),
            (
                State::Sent,
                2,
                &[Sent, LinkLost, Sent, LinkLost],
                "bob@X accepted the connection but never acknowledged; sent on 2 links, 2 lost; again when bob@X returns",
            ),
            (
                State::Delivered,
                0,
                &[Sent],
                "delivered: bob@X acknowledged it in 1.3 ms",
            ),
            (
                State::Delivered,
                1,
                &[Sent, LinkLost, Sent],
                "delivered: bob@X acknowledged it in 1.3 ms, after 1 link lost",
            ),
            (
                State::TimedOut,
                0,
                &[Sent],
                "bob@X has not acknowledged (so it is); it is not sent again, a late answer still counts",
            ),
            (
                State::Unconfirmed,
                0,
                &[Sent],
                "sent on 1 link, never confirmed by bob@X: so it is; it is not sent again",
            ),
            (State::Failed, 0, &[], "bob@X did not get it: so it is"),
        ] {
            assert_eq!(verdict(&life("bob@X", state, lost, steps)), expected);
        }
        let published = life("*", State::Sent, 0, &[]);
        assert_eq!(
            verdict(&published),
            "sent to 3 peers; a message to several peers is not acknowledged"
        );
    }

    #[test]
    fn a_life_is_told_in_order_and_safe_to_show() {
        let steps = [Happened::Sent, Happened::LinkLost];
        let lines = words(&life("bob@X", State::Sent, 1, &steps), &TimeZone::UTC);
        assert_eq!(
            lines[..4],
            [
                "-> bob@X #12 hi",
                "2026-01-02 03:04:05.678  accepted",
                "2026-01-02 03:04:05.678  sent on the connection with 10.0.0.1:4000\\u{1b}",
                "2026-01-02 03:04:05.678  that connection was lost before it was acknowledged",
            ]
        );
        assert_eq!(lines.len(), 5);
    }
}

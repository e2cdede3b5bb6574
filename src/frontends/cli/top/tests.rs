use super::*;
use crate::frontends::cli::{
    terminal::Page,
    top::{Rates, Totals},
};

fn peer_line(peer: &str, recent_ms: &[f64]) -> PeerLine {
    let last = recent_ms.last().copied();
    PeerLine {
        peer: peer.into(),
        status: if last.is_some() { "connected" } else { "stale" }.into(),
        address: last.map(|_| "127.0.0.1:4001".into()),
        queued: 3,
        rtt_ms: last,
        p95_ms: last,
        recent_ms: recent_ms.into(),
    }
}

fn top() -> Top {
    let actor = |name: &str, restarts, backoff_ms| ActorLine {
        actor: name.into(),
        restarts,
        backoff_ms,
    };
    Top {
        peer_id: "alice@CIC".into(),
        up_ms: 90_000.0,
        inbound: 1,
        outbound: 2,
        under_way: 4,
        ack_ms: 1.5,
        totals: Totals {
            sent: 10,
            delivered: 6,
            received: 7,
            ..Totals::default()
        },
        rates: Some(Rates {
            lines_in: 12.0,
            lines_out: 3.4,
            bytes_in: 1_234.0,
            bytes_out: 56.0,
        }),
        peers: vec![
            peer_line("bob@CIC", &[1.0, 8.0, 2.0]),
            peer_line("carol@UnB", &[]),
        ],
        actors: vec![actor("ping", 0, None), actor("router", 2, Some(1_500.0))],
    }
}

#[test]
fn everything_stands_in_its_place() {
    let expected = [
        "alice@CIC  up 2 min",
        "peers     1 of 2 connected; links 1 in, 2 out",
        "messages  10 sent, 6 delivered, 4 under way; 7 received; ACK after 1.5 ms on average",
        "rates     lines 12/s in, 3/s out; bytes 1.2 kB/s in, 56 B/s out",
        "",
        "PEER       STATUS     ADDRESS         QUEUED  RTT     P95     RECENT",
        "bob@CIC    connected  127.0.0.1:4001  3       2.0 ms  2.0 ms  ▁█▂",
        "carol@UnB  stale      -               3       -       -",
        "",
        "ACTOR   RESTARTS  BACK IN",
        "ping    0         -",
        "router  2         1.5 s",
    ];
    assert_eq!(draw(&top(), 100, 100), expected);
    assert_eq!(draw(&top(), 100, expected.len()), expected);
}

#[test]
fn no_row_is_too_many_and_none_too_wide_on_any_screen() {
    let mut top = top();
    top.peers = (0..50)
        .map(|n| peer_line(&format!("é{n}@日本語"), &[1.0]))
        .collect();
    for (columns, rows) in [
        (0, 0),
        (1, 1),
        (10, 3),
        (20, 9),
        (40, 12),
        (80, 24),
        (300, 100),
    ] {
        let lines = draw(&top, columns, rows);
        assert!(lines.len() <= rows, "{columns}x{rows}: {lines:?}");
        for line in lines {
            let width: usize = line.chars().map(width).sum();
            assert!(width <= columns, "{columns}x{rows}: {line:?}");
        }
    }
}

#[test]
fn peers_that_have_no_room_are_counted_and_the_actors_stay() {
    let mut top = top();
    top.peers = (0..50)
        .map(|n| peer_line(&format!("p{n}@CIC"), &[1.0]))
        .collect();
    let lines = draw(&top, 100, 14);
    assert_eq!(lines.len(), 14);
    assert!(lines[6].starts_with("p0@CIC"), "{lines:?}");
    assert!(lines[8].starts_with("p2@CIC"), "{lines:?}");
    assert_eq!(lines[9], "47 more");
    assert!(lines[13].starts_with("router"), "{lines:?}");
}

#[test]
fn names_of_strangers_are_shown_harmless() {
    let mut top = top();
    top.peers = vec![peer_line("a\u{1b}[31m@\u{202e}x", &[])];
    top.peers[0].status = "\u{1b}[2J".into();
    for line in draw(&top, 200, 50) {
        assert!(
            !line.chars().any(|c| c.is_control() || c == '\u{202e}'),
            "{line:?}"
        );
    }
}

#[test]
fn numbers_that_cannot_be_do_no_harm() {
    let mut top = top();
    (top.up_ms, top.ack_ms) = (f64::NAN, -1.0);
    top.peers[0].rtt_ms = Some(f64::INFINITY);
    top.peers[0].recent_ms = vec![f64::MAX, -1.0];
    assert_eq!(draw(&top, 100, 100).len(), 12);
}

#[test]
fn the_page_fills_the_screen_and_its_last_row_says_how_to_return() {
    for (held, foot) in [
        (0, "q returns to the chat"),
        (1, "q returns to the chat, where 1 line waits"),
        (9, "q returns to the chat, where 9 lines wait"),
    ] {
        let rows = top().rows(80, 20, held);
        assert_eq!((rows.len(), rows[19].as_str()), (20, foot));
    }
    assert_eq!(top().rows(5, 1, 0), ["q ret"]);
}

#[test]
fn what_is_seen_can_be_sent_to_another_program() {
    let text = serde_json::to_string(&top()).unwrap();
    assert_eq!(serde_json::from_str::<Top>(&text).unwrap(), top());
}

#[test]
fn rates_are_what_came_since_the_last_look() {
    let (mut before, mut now) = (Totals::default(), Totals::default());
    (before.lines_in, now.lines_in) = (10, 30);
    (before.bytes_out, now.bytes_out) = (10, 5);
    let rates = now.since(&before, 2.0).unwrap();
    assert_eq!((rates.lines_in, rates.bytes_out), (10.0, 0.0));
    assert_eq!(now.since(&before, 0.0), None);
}

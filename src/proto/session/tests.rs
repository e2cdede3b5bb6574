//! Two sessions, or one against lines as existing clients write them; the clock is an argument.

use proptest::prelude::*;

use super::*;

pub(super) const STAMP: &str = "2026-01-01T00:00:00Z";

pub(super) fn id(text: &str) -> PeerId {
    PeerId::parse(text).unwrap()
}

pub(super) struct Rig {
    pub(super) session: Session,
    start: Instant,
}

impl Rig {
    pub(super) fn new(direction: Direction, dialled: Option<&str>) -> Self {
        let start = Instant::now();
        let timeout = Duration::from_secs(5);
        let session = Session::new(id("me@X"), direction, dialled.map(id), timeout, start);
        Self { session, start }
    }

    /// An accepted link after its HELLO.
    pub(super) fn open() -> Self {
        let mut rig = Self::new(Direction::Inbound, None);
        rig.line(r#"{"type":"HELLO","peer_id":"bob@X","features":["ack"]}"#);
        rig
    }

    pub(super) fn at(&self, seconds: u64) -> Moment<'static> {
        Moment {
            now: self.start + Duration::from_secs(seconds),
            timestamp: STAMP,
        }
    }

    pub(super) fn line(&mut self, line: &str) -> Outputs {
        self.line_at(0, line)
    }

    pub(super) fn line_at(&mut self, seconds: u64, line: &str) -> Outputs {
        let mut out = Outputs::default();
        let at = self.at(seconds);
        self.session.line(at, line.as_bytes(), &mut out);
        out
    }

    pub(super) fn tick(&mut self, seconds: u64) -> Outputs {
        let mut out = Outputs::default();
        let now = self.at(seconds).now;
        self.session.tick(now, &mut out);
        out
    }

    /// The peer's stream ends, and what is queued is written.
    pub(super) fn end_of_stream(&mut self) -> Option<CloseReason> {
        let mut out = Outputs::default();
        let now = self.at(0).now;
        self.session.end_of_stream(now, None, &mut out);
        self.written(out)
    }

    /// What is queued is written.
    pub(super) fn written(&mut self, mut out: Outputs) -> Option<CloseReason> {
        if out.finish_writing {
            self.session.finished_writing(&mut out);
        }
        out.closed
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_hello_is_answered_and_opens_an_accepted_link() {
    let mut rig = Rig::new(Direction::Inbound, None);
    let out =
        rig.line(r#"{"type":"HELLO","peer_id":"bob@X","version":1,"features":["ack","stream"]}"#);
    assert!(text(&out.prompt).starts_with(r#"{"type":"HELLO_OK","peer_id":"me@X""#));
    let features = Features {
        ack: true,
        stream: true,
    };
    assert_eq!(out.opened, Some((id("bob@X"), features)));
}

#[test]
fn anything_but_a_hello_first_closes_an_accepted_link_without_an_answer() {
    let firsts = [
        "POST / HTTP/1.1",
        r#"{"type":"PING","msg_id":"1"}"#,
        r#"{"type":"HELLO"}"#,
        r#"{"type":"HELLO","peer_id":"nameonly"}"#,
        "[]",
    ];
    for first in firsts {
        let out = Rig::new(Direction::Inbound, None).line(first);
        assert_eq!(out.closed, Some(CloseReason::NotAPeer), "{first}");
        assert!(out.prompt.is_empty() && out.acks.is_empty(), "{first}");
    }
}

#[test]
fn a_dialled_link_says_hello_and_is_open_after_hello_ok_also_if_that_names_us_or_nobody() {
    let odd = r#","peer_id":"nameonly""#;
    for named in [r#","peer_id":"bob@X""#, r#","peer_id":"me@X""#, odd, ""] {
        let mut rig = Rig::new(Direction::Outbound, Some("bob@X"));
        let mut out = Outputs::default();
        let now = rig.at(0).now;
        rig.session.start(now, &mut out);
        assert!(text(&out.prompt).starts_with(r#"{"type":"HELLO","peer_id":"me@X""#));
        let out = rig.line(&format!(r#"{{"type":"HELLO_OK"{named},"version":1.0}}"#));
        assert_eq!(out.opened.map(|(peer, _)| peer), Some(id("bob@X")));
    }
}

#[test]
fn who_answers_under_a_third_id_is_not_the_peer_that_was_dialled() {
    let mut rig = Rig::new(Direction::Outbound, Some("bob@X"));
    let out = rig.line(r#"{"type":"HELLO_OK","peer_id":"eve@Y"}"#);
    assert_eq!(out.closed, Some(CloseReason::SomeoneElse(id("eve@Y"))));
    assert_eq!(out.opened, None);
}

#[test]
fn a_bare_address_takes_its_id_from_hello_ok_and_our_own_is_ourselves() {
    let mut rig = Rig::new(Direction::Outbound, None);
    let out = rig.line(r#"{"type":"HELLO_OK","peer_id":"eve@Y"}"#);
    assert_eq!(out.opened.map(|(peer, _)| peer), Some(id("eve@Y")));
    let mut rig = Rig::new(Direction::Outbound, None);
    let out = rig.line(r#"{"type":"HELLO_OK","peer_id":"me@X"}"#);
    assert_eq!(out.closed, Some(CloseReason::Ourselves));
}

#[test]
fn a_refused_dial_says_so() {
    let rejected = |words: &str| Some(CloseReason::Rejected(words.into()));
    let mut rig = Rig::new(Direction::Outbound, Some("bob@X"));
    assert_eq!(rig.end_of_stream(), rejected(""));
    let mut rig = Rig::new(Direction::Outbound, Some("bob@X"));
    let out = rig.line(r#"{"type":"HELLO_REJECT","reason":"duplicate"}"#);
    assert_eq!(out.closed, rejected("duplicate"));
    let mut rig = Rig::new(Direction::Outbound, Some("bob@X"));
    let out = rig.line("HTTP/1.1 400 Bad Request");
    assert_eq!(out.closed, Some(CloseReason::NotAPeer));
}

#[test]
fn hello_reject_behind_hello_ok_closes_the_link_as_refused() {
    let mut rig = Rig::new(Direction::Outbound, Some("bob@X"));
    rig.line(r#"{"type":"HELLO_OK","peer_id":"bob@X"}"#);
    let out = rig.line(r#"{"type":"HELLO_REJECT","reason":"duplicate"}"#);
    assert_eq!(out.closed, Some(CloseReason::Rejected("duplicate".into())));
}

#[test]
fn the_handshake_has_a_deadline() {
    let mut rig = Rig::new(Direction::Inbound, None);
    assert_eq!(rig.tick(4).closed, None);
    let reason = CloseReason::HandshakeTimeout(Duration::from_secs(5));
    assert_eq!(rig.tick(5).closed, Some(reason));
    assert_eq!(rig.tick(6).closed, None, "an end is told once");
}

#[test]
fn a_send_is_shown_and_acknowledged_unless_it_says_not_to() {
    for (require_ack, acked) in [
        (r#","require_ack":null"#, true),
        ("", true),
        (r#","require_ack":false"#, false),
    ] {
        let mut rig = Rig::open();
        let out = rig.line(&format!(
            r#"{{"type":"SEND","msg_id":"m1","payload":"hi"{require_ack}}}"#
        ));
        assert_eq!(out.texts.len(), 1);
        assert_eq!(out.texts.get(0).unwrap().audience, None);
        assert_eq!(!out.acks.is_empty(), acked, "{require_ack}");
        if acked {
            assert!(text(&out.acks).contains(r#""type":"ACK","msg_id":"m1""#));
        }
    }
}

#[test]
fn a_publication_names_its_audience_as_clients_write_it() {
    let everyone = Destination::Everyone;
    let cic = Destination::Namespace("CIC".into());
    let cases = [
        (r#","dst":"*""#, Some(&everyone)),
        ("", Some(&everyone)),
        (r#","dst":null"#, Some(&everyone)),
        (r#","dst":"eve@Y""#, Some(&everyone)),
        (r##","dst":"#CIC""##, Some(&cic)),
        (r#","dst":"CIC""#, Some(&cic)),
        (r#","dst":"me@X""#, None),
    ];
    for (dst, audience) in cases {
        let out = Rig::open().line(&format!(
            r#"{{"type":"PUB","msg_id":"1","payload":"x"{dst}}}"#
        ));
        assert_eq!(out.texts.get(0).unwrap().audience, audience, "{dst}");
        assert!(out.acks.is_empty());
    }
}

#[test]
fn a_ping_is_answered_with_its_id_and_a_pong_gives_the_round_trip() {
    let mut rig = Rig::open();
    let out = rig.line(r#"{"type":"PING","msg_id":"p1","timestamp":"2025-10-27T10:00:00"}"#);
    assert!(text(&out.prompt).contains(r#""type":"PONG","msg_id":"p1""#));
    let mut out = Outputs::default();
    let ping = Uuid::from_u128(7);
    let at = rig.at(0);
    rig.session.ping(at, ping, &mut out);
    assert!(text(&out.prompt).contains("PING"));
    let out = rig.line_at(3, &format!(r#"{{"type":"PONG","msg_id":"{ping}"}}"#));
    assert_eq!(out.rtts, [Duration::from_secs(3)]);
    let out = rig.line_at(4, &format!(r#"{{"type":"PONG","msg_id":"{ping}"}}"#));
    assert_eq!(
        (out.rtts.len(), out.ignored),
        (0, 1),
        "a second PONG is a stray"
    );
}

#[test]
fn what_is_no_message_is_ignored_counted_and_keeps_the_link() {
    let strays = [
        "no json",
        "[1]",
        r#"{"type":"WHAT"}"#,
        r#"{"type":"SEND"}"#,
        r#"{"type":"PONG","msg_id":"x"}"#,
        r#"{"type":"HELLO_OK"}"#,
        r#"{"type":"BYE_OK"}"#,
    ];
    let mut rig = Rig::open();
    for stray in strays {
        let out = rig.line(stray);
        assert_eq!((out.ignored, out.closed), (1, None), "{stray}");
    }
    let mut out = Outputs::default();
    let at = rig.at(0);
    rig.session.line(
        at,
        b"{\"type\":\"SEND\",\"msg_id\":\"1\",\"payload\":\"\xff\"}",
        &mut out,
    );
    assert_eq!(
        out.texts.get(0).unwrap().payload,
        "\u{fffd}",
        "invalid UTF-8 is read lossily"
    );
}

#[test]
fn a_second_hello_is_answered_again() {
    let out = Rig::open().line(r#"{"type":"HELLO","peer_id":"bob@X"}"#);
    assert!(text(&out.prompt).contains("HELLO_OK"));
    assert_eq!((out.opened, out.closed), (None, None));
}

#[test]
fn an_overlong_message_id_is_never_repeated_back() {
    let long = "é".repeat(MSG_ID_BYTES_MAX);
    for kind in ["PING", "SEND", "PUB"] {
        let out = Rig::open().line(&format!(
            r#"{{"type":"{kind}","msg_id":"{long}","payload":"x"}}"#
        ));
        assert!(out.prompt.is_empty() && out.acks.is_empty() && out.texts.is_empty());
        assert_eq!(out.ignored, 1, "{kind}");
    }
}

#[test]
fn a_stranger_under_our_own_name_is_answered_and_told_so() {
    let mut rig = Rig::new(Direction::Inbound, None);
    let out = rig.line(r#"{"type":"HELLO","peer_id":"me@X"}"#);
    let said = text(&out.prompt);
    assert!(said.contains("HELLO_OK") && said.contains(r#""reason":"name in use""#));
    assert_eq!(out.opened, None);
    assert_eq!(rig.tick(2).closed, Some(CloseReason::NameInUse));
}

proptest! {
    #[test]
    fn any_bytes_never_panic_and_an_end_is_told_at_most_once(
        lines in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..60),
                "\\{\"type\":\"(HELLO|HELLO_OK|PING|PONG|SEND|ACK|PUB|BYE|BYE_OK|HELLO_REJECT)\",\"peer_id\":\"a@b\",\"msg_id\":\"1\",\"payload\":\"x\"\\}"
                    .prop_map(String::into_bytes),
            ],
            0..20,
        ),
        dialled in any::<bool>(),
    ) {
        let direction = if dialled { Direction::Outbound } else { Direction::Inbound };
        let mut rig = Rig::new(direction, dialled.then_some("a@b"));
        let mut ends = 0;
        for line in lines {
            let mut out = Outputs::default();
            let at = rig.at(0);
            rig.session.line(at, &line, &mut out);
            ends += usize::from(out.closed.is_some());
            prop_assert!(out.prompt.is_ascii() && out.acks.is_ascii());
        }
        let mut out = Outputs::default();
        let now = rig.at(0).now;
        rig.session.end_of_stream(now, None, &mut out);
        rig.session.finished_writing(&mut out);
        ends += usize::from(out.closed.is_some());
        prop_assert_eq!(ends, 1);
    }
}

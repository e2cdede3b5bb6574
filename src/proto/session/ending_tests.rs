//! How sessions end, against lines as existing clients write them; the clock is an argument.

use super::tests::{Rig, text};
use super::*;

#[test]
fn a_bye_is_answered_then_writing_ends_and_the_link_two_seconds_later() {
    let mut rig = Rig::open();
    let out = rig.line(r#"{"type":"BYE","reason":"lunch"}"#);
    assert!(text(&out.prompt).contains(r#""type":"BYE_OK","msg_id":"""#));
    assert!(out.finish_writing);
    assert_eq!(rig.tick(1).closed, None);
    let left = CloseReason::PeerLeft("lunch".into());
    assert_eq!(rig.tick(2).closed, Some(left.clone()));
    let mut rig = Rig::open();
    let out = rig.line(r#"{"type":"BYE","reason":"lunch"}"#);
    assert_eq!(rig.written(out), None);
    assert_eq!(rig.end_of_stream(), Some(left));
}

#[test]
fn a_fin_of_the_peer_ends_the_link_once_our_answers_are_written() {
    let mut rig = Rig::open();
    let mut out = Outputs::default();
    let now = rig.at(0).now;
    rig.session.end_of_stream(now, None, &mut out);
    assert_eq!((out.finish_writing, out.closed), (true, None));
    let mut out = Outputs::default();
    rig.session.finished_writing(&mut out);
    assert_eq!(out.closed, Some(CloseReason::EndOfStream));
    let mut rig = Rig::open();
    rig.session
        .end_of_stream(now, None, &mut Outputs::default());
    assert_eq!(rig.tick(2).closed, Some(CloseReason::EndOfStream));
}

#[test]
fn a_broken_stream_ends_the_link_at_once_in_every_phase() {
    let broken = || Some("reset".to_owned());
    let mut rig = Rig::open();
    let now = rig.at(0).now;
    let mut out = Outputs::default();
    rig.session.end_of_stream(now, broken(), &mut out);
    assert_eq!(out.closed, Some(CloseReason::Broken("reset".into())));
    let mut rig = Rig::open();
    rig.line(r#"{"type":"BYE"}"#);
    let mut out = Outputs::default();
    rig.session.end_of_stream(now, broken(), &mut out);
    assert_eq!(out.closed, Some(CloseReason::PeerLeft(String::new())));
}

#[test]
fn a_bye_ends_the_link_once_both_sides_have_ended_their_stream() {
    for peer_first in [true, false] {
        let mut rig = Rig::open();
        rig.line(r#"{"type":"BYE"}"#);
        let now = rig.at(0).now;
        let mut ends = Vec::new();
        for step in 0..2 {
            let mut out = Outputs::default();
            match peer_first == (step == 0) {
                true => rig.session.end_of_stream(now, None, &mut out),
                false => rig.session.finished_writing(&mut out),
            }
            ends.push(out.closed.is_some());
        }
        assert_eq!(ends, [false, true]);
    }
}

#[test]
fn texts_in_front_of_a_bye_are_acknowledged_before_bye_ok() {
    let mut rig = Rig::open();
    let mut out = Outputs::default();
    let at = rig.at(0);
    for line in [
        r#"{"type":"SEND","msg_id":"m1","payload":"x"}"#,
        r#"{"type":"BYE"}"#,
    ] {
        rig.session.line(at, line.as_bytes(), &mut out);
    }
    let lines = text(&out.acks);
    assert!(lines.find(r#""ACK""#).unwrap() < lines.find(r#""BYE_OK""#).unwrap());
    assert!(out.prompt.is_empty() && out.finish_writing);
}

#[test]
fn what_is_acknowledged_behind_a_bye_counts_and_no_text_does() {
    let mut rig = Rig::open();
    rig.line(r#"{"type":"BYE"}"#);
    let out = rig.line(r#"{"type":"ACK","msg_id":"m1"}"#);
    assert_eq!(out.acked, ["m1"]);
    let out = rig.line(r#"{"type":"SEND","msg_id":"1","payload":"x"}"#);
    assert!(out.texts.is_empty() && out.acks.is_empty());
}

#[test]
fn whoever_came_under_our_own_name_says_nothing_to_us() {
    let mut rig = Rig::new(Direction::Inbound, None);
    rig.line(r#"{"type":"HELLO","peer_id":"me@X"}"#);
    for line in [
        r#"{"type":"SEND","msg_id":"1","payload":"x"}"#,
        r#"{"type":"PUB","msg_id":"1","payload":"x"}"#,
        r#"{"type":"ACK","msg_id":"1"}"#,
    ] {
        let out = rig.line(line);
        assert!(out.texts.is_empty() && out.acks.is_empty() && out.acked.is_empty());
        assert_eq!(out.ignored, 1);
    }
    let out = rig.line(r#"{"type":"BYE_OK"}"#);
    assert_eq!(rig.written(out), Some(CloseReason::NameInUse));
}

#[test]
fn our_bye_waits_for_bye_ok_in_whatever_form_or_for_two_seconds() {
    let ends: [fn(&mut Rig) -> Option<CloseReason>; 4] = [
        |rig| {
            let out = rig.line(r#"{"type":"BYE_OK","msg_id":"new"}"#);
            rig.written(out)
        },
        |rig| {
            let out = rig.line(r#"{"type":"BYE_OK"}"#);
            rig.written(out)
        },
        Rig::end_of_stream,
        |rig| rig.tick(2).closed,
    ];
    for end in ends {
        let mut rig = Rig::open();
        let mut out = Outputs::default();
        let now = rig.at(0).now;
        rig.session
            .leave(now, CloseReason::WeLeft, Uuid::from_u128(1), &mut out);
        assert!(text(&out.prompt).contains(r#""src":"me@X","dst":"bob@X","reason":"quit""#));
        assert_eq!(out.closed, None);
        assert_eq!(end(&mut rig), Some(CloseReason::WeLeft));
    }
}

#[test]
fn who_has_our_hello_hears_bye_and_nobody_else_before_the_link_is_open() {
    let leave = |rig: &mut Rig| {
        let mut out = Outputs::default();
        let now = rig.at(0).now;
        rig.session
            .leave(now, CloseReason::WeLeft, Uuid::nil(), &mut out);
        out
    };
    let dial = || Rig::new(Direction::Outbound, Some("bob@X"));
    for mut silent in [dial(), Rig::new(Direction::Inbound, None)] {
        let out = leave(&mut silent);
        assert_eq!(
            (out.prompt, out.closed),
            (vec![], Some(CloseReason::WeLeft))
        );
    }
    let mut rig = dial();
    let now = rig.at(0).now;
    rig.session.start(now, &mut Outputs::default());
    let out = leave(&mut rig);
    assert!(text(&out.prompt).contains(r#""type":"BYE""#) && out.closed.is_none());
    let late = rig.line(r#"{"type":"HELLO_OK","peer_id":"bob@X"}"#);
    assert!(late.opened.is_none());
    let out = rig.line(r#"{"type":"BYE_OK"}"#);
    assert_eq!(rig.written(out), Some(CloseReason::WeLeft));
}

#[test]
fn what_comes_behind_our_bye_before_hello_ok_is_of_no_peer() {
    let mut rig = Rig::new(Direction::Outbound, Some("bob@X"));
    let now = rig.at(0).now;
    rig.session.start(now, &mut Outputs::default());
    rig.session.leave(
        now,
        CloseReason::WeLeft,
        Uuid::nil(),
        &mut Outputs::default(),
    );
    for line in [
        r#"{"type":"SEND","msg_id":"1","payload":"x"}"#,
        r#"{"type":"BYE"}"#,
        r#"{"type":"ACK","msg_id":"1"}"#,
    ] {
        let out = rig.line(line);
        assert!(out.texts.is_empty() && out.acks.is_empty() && out.acked.is_empty());
    }
}

#[test]
fn byes_that_cross_end_the_link_on_both_sides() {
    let mut rig = Rig::open();
    let now = rig.at(0).now;
    rig.session.leave(
        now,
        CloseReason::WeLeft,
        Uuid::nil(),
        &mut Outputs::default(),
    );
    let out = rig.line(r#"{"type":"BYE","msg_id":"b"}"#);
    assert!(text(&out.prompt).contains("BYE_OK") && out.finish_writing);
    assert_eq!(rig.written(out), None);
    assert_eq!(rig.end_of_stream(), Some(CloseReason::WeLeft));
}

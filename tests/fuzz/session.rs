//! A whole connection: any lines at any time, between time passing, PINGs, a leave, the end of the stream.

use std::time::{Duration, Instant};

use papo::{
    proto::{
        close::CloseReason,
        link::Direction,
        session::{Moment, Outputs, Session},
    },
    wire::{codec::LineBuffer, identity::PeerId, message::Line},
};
use uuid::Uuid;

use crate::{harness::Target, message::WORDS};

/// What an input may hold besides lines: a line of one such byte.
const TIME_PASSES: u8 = 1;
const WE_PING: u8 = 2;
const WE_LEAVE: u8 = 3;
const THEY_FINISH: u8 = 4;
const IT_BREAKS: u8 = 5;
const WE_HAVE_WRITTEN: u8 = 6;

#[test]
fn any_conversation_ends_once_and_is_answered_in_whole_lines() {
    let words: Vec<&'static str> = WORDS
        .iter()
        .copied()
        .chain([
            "\n",
            "\n\u{1}\n",
            "\n\u{2}\n",
            "\n\u{3}\n",
            "\n\u{4}\n",
            "\n\u{5}\n",
            "\n\u{6}\n",
        ])
        .collect();
    let target = Target {
        name: "session",
        words: words.leak(),
        cases: 2_500,
        check,
    };
    target.run();
}

pub fn check(input: &[u8]) {
    converse(input, Direction::Inbound, None);
    converse(input, Direction::Outbound, Some("bob@X"));
    converse(input, Direction::Outbound, None);
}

/// One connection and what it has done so far.
struct Conversation {
    session: Session,
    now: Instant,
    opened: bool,
    said_bye: bool,
    finished: bool,
    closed: Option<CloseReason>,
}

fn converse(input: &[u8], direction: Direction, dialled: Option<&str>) {
    let id = |text| PeerId::parse(text).unwrap();
    let now = Instant::now();
    let session = Session::new(
        id("me@X"),
        direction,
        dialled.map(id),
        Duration::from_secs(5),
        now,
    );
    let mut talk = Conversation {
        session,
        now,
        opened: false,
        said_bye: false,
        finished: false,
        closed: None,
    };
    talk.act(0, |session, at, out| session.start(at.now, out));
    let mut lines = LineBuffer::default();
    let mut heard: Vec<Vec<u8>> = Vec::new();
    let fits = lines.feed(input, |line| heard.push(line.to_vec())).is_ok();
    for line in &heard {
        talk.hear(line);
    }
    if !fits {
        talk.act(0, |session, _, out| {
            session.close(CloseReason::LineTooLong, out)
        });
    }
    talk.hear(&[IT_BREAKS]);
    assert!(
        talk.closed.is_some(),
        "a broken stream ends every connection"
    );
}

impl Conversation {
    fn hear(&mut self, line: &[u8]) {
        let length = line.len();
        match line {
            [TIME_PASSES] => {
                self.now += Duration::from_millis(700);
                self.act(0, |session, at, out| session.tick(at.now, out));
            }
            [WE_PING] => self.act(0, |session, at, out| {
                session.ping(at, Uuid::from_u128(7), out)
            }),
            [WE_LEAVE] => self.act(0, |session, at, out| {
                session.leave(at.now, CloseReason::WeLeft, Uuid::from_u128(8), out);
            }),
            [THEY_FINISH] => self.act(0, |session, at, out| {
                session.end_of_stream(at.now, None, out)
            }),
            [IT_BREAKS] => self.act(0, |session, at, out| {
                session.end_of_stream(at.now, Some("broken".into()), out);
            }),
            [WE_HAVE_WRITTEN] if self.finished => {
                self.act(0, |session, _, out| session.finished_writing(out));
            }
            _ => self.act(length, |session, at, out| session.line(at, line, out)),
        }
    }

    fn act(&mut self, heard: usize, act: impl FnOnce(&mut Session, Moment<'_>, &mut Outputs)) {
        let mut out = Outputs::default();
        let at = Moment {
            now: self.now,
            timestamp: "2026-01-01T00:00:00Z",
        };
        act(&mut self.session, at, &mut out);
        self.check(heard, &out);
    }

    fn check(&mut self, heard: usize, out: &Outputs) {
        let quiet = out.prompt.is_empty() && out.acks.is_empty() && out.texts.is_empty();
        assert!(
            self.closed.is_none() || (quiet && out.closed.is_none()),
            "it is over"
        );
        assert!(
            !self.finished || out.texts.is_empty(),
            "nothing behind the end"
        );
        assert!(out.opened.is_none() || !self.opened, "it opens once");
        self.opened |= out.opened.is_some();
        assert!(self.opened || (out.texts.is_empty() && out.acked.is_empty()));
        self.finished |= out.finish_writing;
        self.said_bye |= out.said_bye;
        // An answer repeats an id at most, which may have to be escaped.
        let answered = out.prompt.len() + out.acks.len();
        assert!(answered <= 6 * heard + 1024, "{answered} bytes for {heard}");
        self.check_lines(&out.prompt);
        self.check_lines(&out.acks);
        self.closed = self.closed.take().or(out.closed.clone());
    }

    fn check_lines(&self, bytes: &[u8]) {
        assert!(bytes.is_empty() || bytes.ends_with(b"\n"));
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            assert!(line.is_ascii());
            Line::parse(std::str::from_utf8(line).unwrap()).unwrap();
        }
    }
}

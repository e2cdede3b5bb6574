//! What real PyP2P clients do and leave undone, one by one.

use fastrand::Rng;

/// What becomes of a second link from a linked peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Second {
    Keep,
    Close,
    Reject,
    CloseOld,
}

/// When a SEND is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acks {
    AtOnce,
    After(u64),
    Never,
}

/// What a client does, and what not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Habits {
    /// Dials whom it discovers.
    pub dials: bool,
    pub second: Second,
    pub acks: Acks,
    /// Says each ACK twice.
    pub acks_twice: bool,
    /// Says so in its features.
    pub announces_acks: bool,
    pub drops_on_pub: bool,
    pub answers_bye: bool,
    pub answers_ping: bool,
    /// Reads one line of each segment and throws the rest away.
    pub one_line_a_segment: bool,
    /// Does not read at all once the link is open.
    pub never_reads: bool,
    /// Says nothing at all, or HELLO_OK after so many milliseconds.
    pub hello_ok_after: Option<u64>,
    /// Names the dialler in HELLO_OK.
    pub mirrors: bool,
    /// Closes a link that was silent for a minute.
    pub impatient: bool,
    /// Sends a text again under its id after 5 and 10 s.
    pub repeats: bool,
    /// Its message ids name the second.
    pub counts_seconds: bool,
}

impl Habits {
    /// Somebody's habits.
    pub fn of(rng: &mut Rng) -> Self {
        let mut one_in = |count: u8| rng.u8(0..count) == 0;
        let good = Self {
            dials: one_in(2),
            second: Second::Keep,
            acks: Acks::AtOnce,
            acks_twice: one_in(3),
            announces_acks: true,
            drops_on_pub: false,
            answers_bye: true,
            answers_ping: true,
            one_line_a_segment: one_in(2),
            never_reads: false,
            hello_ok_after: Some(0),
            mirrors: one_in(3),
            impatient: one_in(3),
            repeats: one_in(3),
            counts_seconds: one_in(3),
        };
        if one_in(3) {
            return good;
        }
        Self {
            drops_on_pub: one_in(4),
            answers_bye: !one_in(3),
            answers_ping: !one_in(3),
            never_reads: one_in(8),
            announces_acks: !one_in(6),
            second: [
                Second::Keep,
                Second::Close,
                Second::Reject,
                Second::CloseOld,
            ][rng.usize(0..4)],
            acks: [
                Acks::AtOnce,
                Acks::After(3_000),
                Acks::After(8_000),
                Acks::Never,
            ][rng.usize(0..4)],
            hello_ok_after: [Some(0), Some(500), Some(1_900), Some(6_000), None][rng.usize(0..5)],
            ..good
        }
    }

    /// Whether a node can be expected to be linked to it and to get its ACKs.
    pub fn are_good(&self) -> bool {
        self.second == Second::Keep
            && self.acks == Acks::AtOnce
            && self.announces_acks
            && !self.drops_on_pub
            && self.answers_ping
            && !self.never_reads
            && self.hello_ok_after == Some(0)
    }
}

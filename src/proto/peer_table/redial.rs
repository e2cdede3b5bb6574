//! When one target is dialled: at once, after a backoff, slowly, or not before it gives a reason.

use std::time::{Duration, Instant};

use crate::proto::{backoff::Backoff, close};

/// The limits of redialling (settings section `connection`; protocol text, section 4, *Dial*).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RedialLimits {
    /// The waits between attempts.
    pub backoff: Backoff,
    /// After so many failed attempts a target is stale.
    pub attempts_max: u32,
    /// How often a stale target is tried.
    pub stale_retry: Duration,
}

/// After so many refusals in a row a target is failed.
pub const REFUSALS_MAX: u32 = 5;

/// Who said BYE is not dialled for this long, whatever its record does.
pub const AFTER_BYE: Duration = Duration::from_secs(10);

/// A message for who does not answer, or left, is a reason to dial this long after the last dial or link ended. Shorter
/// than such a message waits.
const WANTED_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// A link that lived this long was a success: its loss is followed by a dial at once. Shorter ones count as attempts,
/// so that a peer which accepts and closes is not dialled in a loop.
const STABLE_AFTER: Duration = Duration::from_secs(2);

/// What dialling has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No reason to dial.
    Idle,
    /// To be dialled at this time.
    Due(Instant),
    /// A dial is under way.
    Dialling,
    /// Does not answer; tried again at this time.
    Stale(Instant),
    /// Answers, but not as a peer, or refused us again and again.
    Failed,
    /// Said BYE; dialled only for a reason.
    Left,
}

/// The dialling of one target.
#[derive(Debug, Clone)]
pub struct Redial {
    state: State,
    attempts: u32,
    refusals: u32,
    /// When the last dial, or link, ended.
    ended: Option<Instant>,
    /// Who said BYE is not dialled before, whatever the reason.
    not_before: Option<Instant>,
}

impl Redial {
    /// A target without a reason to dial it.
    pub fn idle() -> Self {
        Self {
            state: State::Idle,
            attempts: 0,
            refusals: 0,
            ended: None,
            not_before: None,
        }
    }

    /// What dialling has come to.
    pub fn state(&self) -> State {
        self.state
    }

    /// Failed attempts since the last success.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// When the target is to be dialled, if at all.
    pub fn due_at(&self) -> Option<Instant> {
        match self.state {
            State::Due(at) | State::Stale(at) => Some(at),
            _ => None,
        }
    }

    /// A new reason: a record that is new, has moved or was renewed, or `/reconnect`.
    pub fn renew(&mut self, now: Instant) {
        if self.state == State::Dialling {
            return;
        }
        self.state = self.due(now);
        self.attempts = 0;
        self.refusals = 0;
    }

    /// A message waits for the target. Waits that are under way count, and however many messages come, they are a
    /// reason to dial only so often.
    pub fn want(&mut self, now: Instant) {
        if matches!(self.state, State::Due(_) | State::Dialling) {
            return;
        }
        let again = self.ended.map(|ended| ended + WANTED_AGAIN_AFTER);
        self.state = self.due(again.map_or(now, |again| again.max(now)));
    }

    /// Another way to the target is gone: this one is tried at `at`, and slowly.
    pub fn retry_at(&mut self, at: Instant) {
        self.state = State::Stale(at);
    }

    /// A dial begins.
    pub fn dial(&mut self) {
        self.state = State::Dialling;
        self.attempts = self.attempts.saturating_add(1);
    }

    /// A link to the target is open, whoever dialled. It forgives no refusal yet: some clients refuse behind HELLO_OK.
    pub fn opened(&mut self) {
        self.state = State::Idle;
        self.not_before = None;
    }

    /// The last link, or the dial, ended. `lived` is how long a link was open, none if it never was.
    pub fn ended(
        &mut self,
        now: Instant,
        reason: close::Redial,
        lived: Option<Duration>,
        limits: &RedialLimits,
        random: f64,
    ) {
        match lived {
            Some(lived) if lived >= STABLE_AFTER => (self.attempts, self.refusals) = (0, 0),
            // It does answer: its dials may slow down, but it is not stale.
            Some(_) => self.attempts = self.attempts.min(limits.attempts_max.saturating_sub(1)),
            None => {}
        }
        self.ended = Some(now);
        if lived.is_none() && self.state == State::Left {
            // The dial was under way when the target came by itself, and left.
            return;
        }
        self.state = match reason {
            close::Redial::AtOnce if self.attempts == 0 => State::Due(now),
            close::Redial::AtOnce | close::Redial::Backoff => self.retry(now, limits, random),
            close::Redial::Refused => self.refused(now, limits, random),
            close::Redial::WhenRenewed => self.left(now),
            close::Redial::Failed => State::Failed,
            close::Redial::Never => State::Idle,
        };
    }

    fn left(&mut self, now: Instant) -> State {
        self.not_before = Some(now + AFTER_BYE);
        State::Left
    }

    fn due(&self, at: Instant) -> State {
        State::Due(self.not_before.map_or(at, |not_before| not_before.max(at)))
    }

    fn retry(&self, now: Instant, limits: &RedialLimits, random: f64) -> State {
        if self.attempts >= limits.attempts_max {
            return State::Stale(now + limits.stale_retry);
        }
        self.due(now + limits.backoff.delay(self.attempts, random))
    }

    fn refused(&mut self, now: Instant, limits: &RedialLimits, random: f64) -> State {
        self.refusals += 1;
        if self.refusals >= REFUSALS_MAX {
            return State::Failed;
        }
        self.due(now + limits.backoff.delay(self.refusals, random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::close::Redial as After;

    const LIMITS: RedialLimits = RedialLimits {
        backoff: Backoff {
            base: Duration::from_secs(1),
            factor: 2.0,
            cap: Duration::from_secs(60),
        },
        attempts_max: 5,
        stale_retry: Duration::from_secs(300),
    };

    fn ended(redial: &mut Redial, now: Instant, reason: After, lived: Option<u64>) {
        let lived = lived.map(Duration::from_secs);
        redial.ended(now, reason, lived, &LIMITS, 0.0);
    }

    #[test]
    fn failed_dials_back_off_and_end_stale_which_is_tried_slowly() {
        let now = Instant::now();
        let mut redial = Redial::idle();
        redial.renew(now);
        let mut waits = Vec::new();
        for _ in 0..6 {
            redial.dial();
            ended(&mut redial, now, After::Backoff, None);
            waits.push(redial.due_at().unwrap().duration_since(now).as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 300, 300]);
        assert!(matches!(redial.state(), State::Stale(_)));
        redial.renew(now);
        assert_eq!(redial.state(), State::Due(now));
    }

    #[test]
    fn a_lost_link_is_redialled_at_once_and_one_that_breaks_at_once_again_is_not() {
        let now = Instant::now();
        let mut redial = Redial::idle();
        redial.opened();
        ended(&mut redial, now, After::AtOnce, Some(60));
        assert_eq!(redial.state(), State::Due(now));
        for wait in [1, 2, 4, 8, 8, 8] {
            redial.dial();
            redial.opened();
            ended(&mut redial, now, After::AtOnce, Some(0));
            assert_eq!(redial.state(), State::Due(now + Duration::from_secs(wait)));
        }
    }

    #[test]
    fn after_a_bye_a_reason_counts_but_not_within_ten_seconds() {
        let now = Instant::now();
        let mut redial = Redial::idle();
        redial.opened();
        ended(&mut redial, now, After::WhenRenewed, Some(60));
        assert_eq!(redial.due_at(), None);
        redial.renew(now + Duration::from_secs(3));
        assert_eq!(redial.due_at(), Some(now + AFTER_BYE));
        redial.renew(now + Duration::from_secs(4));
        assert_eq!(
            redial.due_at(),
            Some(now + AFTER_BYE),
            "not for two, either"
        );
    }

    #[test]
    fn a_dial_that_fails_after_the_target_came_and_left_changes_nothing() {
        let now = Instant::now();
        let mut redial = Redial::idle();
        redial.dial();
        redial.opened();
        ended(&mut redial, now, After::WhenRenewed, Some(1));
        ended(&mut redial, now, After::Refused, None);
        assert_eq!(redial.state(), State::Left);
    }

    #[test]
    fn five_refusals_in_a_row_are_a_failure() {
        let now = Instant::now();
        let mut redial = Redial::idle();
        for _ in 0..4 {
            redial.dial();
            ended(&mut redial, now, After::Refused, None);
            assert!(matches!(redial.state(), State::Due(at) if at > now));
        }
        redial.dial();
        ended(&mut redial, now, After::Refused, None);
        assert_eq!(redial.state(), State::Failed);
        assert_eq!(redial.due_at(), None);
    }

    #[test]
    fn refusals_behind_a_handshake_count_and_a_link_that_lasted_forgives_them() {
        let now = Instant::now();
        let mut redial = Redial::idle();
        for wait in [1, 2, 4, 8] {
            redial.dial();
            redial.opened();
            ended(&mut redial, now, After::Refused, Some(0));
            assert_eq!(redial.state(), State::Due(now + Duration::from_secs(wait)));
        }
        redial.opened();
        ended(&mut redial, now, After::Refused, Some(60));
        assert_eq!(redial.state(), State::Due(now + Duration::from_secs(1)));
    }

    #[test]
    fn messages_for_who_does_not_answer_do_not_dial_it_ever_faster() {
        let now = Instant::now();
        let mut redial = Redial::idle();
        redial.want(now);
        assert_eq!(
            redial.state(),
            State::Due(now),
            "nothing is known against it"
        );
        for _ in 0..5 {
            redial.dial();
            ended(&mut redial, now, After::Backoff, None);
            let before = redial.state();
            redial.want(now);
            if matches!(before, State::Due(_)) {
                assert_eq!(redial.state(), before, "the backoff holds");
            }
        }
        let next = now + WANTED_AGAIN_AFTER;
        assert_eq!(redial.state(), State::Due(next), "it is stale");
        redial.dial();
        ended(&mut redial, next, After::Backoff, None);
        assert_eq!(redial.state(), State::Stale(next + LIMITS.stale_retry));
    }

    #[test]
    fn a_reason_does_not_start_a_second_dial() {
        let now = Instant::now();
        let mut redial = Redial::idle();
        redial.dial();
        redial.renew(now);
        assert_eq!(redial.state(), State::Dialling);
    }
}

//! What waits to be drawn: the bounded queue between everyone who writes to the terminal and the
//! terminal's own thread.
//!
//! Replies wait for room, chat that comes in does not: beyond its bound it is counted instead of
//! kept. Replies have room of their own, so a flood of chat cannot hold them up.

use std::{collections::VecDeque, pin::pin};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{attention::Alert, page::PageSlot, screen::Output};

/// Lines of chat that may wait; 16 frames' worth.
const CHAT_LINES_MAX: usize = 4096;
/// Bytes of chat that may wait.
const CHAT_BYTES_MAX: usize = 1 << 20;
/// Lines that may wait in all; above the bound of the chat only replies get in.
const LINES_MAX: usize = CHAT_LINES_MAX + 256;
/// Bytes that may wait in all.
const BYTES_MAX: usize = CHAT_BYTES_MAX + (256 << 10);

/// The queue and the last word on prompt and status.
#[derive(Debug)]
pub struct Queue {
    state: Mutex<State>,
    filled: Notify,
    room: Notify,
    /// What has the whole screen meanwhile.
    pub page: PageSlot,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Output>,
    /// Of what waits: the lines and their bytes. The marks between them are at most one more.
    lines: usize,
    bytes: usize,
    prompt: String,
    status: Option<String>,
    /// The newest that nobody has taken; an older one is not worth a second bell.
    alert: Option<Alert>,
    phase: Phase,
}

/// How far the terminal's life has come.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub enum Phase {
    /// Lines come and are drawn.
    #[default]
    Open,
    /// What waits is drawn, then the terminal is given back.
    Closing,
    /// Nothing is drawn any more; lines vanish.
    Closed,
}

impl Queue {
    /// An empty queue.
    pub fn new(prompt: String) -> Self {
        let state = Mutex::new(State {
            prompt,
            ..State::default()
        });
        Self {
            state,
            filled: Notify::new(),
            room: Notify::new(),
            page: PageSlot::default(),
        }
    }

    /// Something outside of the queue is to be drawn anew.
    pub fn ring(&self) {
        self.filled.notify_one();
    }

    /// How many lines wait, with those that were only counted.
    pub fn held(&self) -> u64 {
        let state = self.state.lock();
        let lines = |output: &Output| match output {
            Output::Line(_) | Output::News(_) => 1,
            Output::Skipped(count) => *count,
            Output::Clear => 0,
        };
        state.waiting.iter().map(lines).sum()
    }

    /// Puts a line in, waiting for room. Once the terminal is closed the line vanishes.
    pub async fn push(&self, line: String) {
        let mut line = Some(Output::Line(line));
        loop {
            let mut room = pin!(self.room.notified());
            room.as_mut().enable();
            line = self.state.lock().offer(line, LINES_MAX, BYTES_MAX);
            if line.is_none() {
                return self.filled.notify_one();
            }
            room.await;
        }
    }

    /// Puts a line, or news, in if there is room, else counts it as skipped.
    pub fn push_or_skip(&self, line: Output) {
        let mut state = self.state.lock();
        if state
            .offer(Some(line), CHAT_LINES_MAX, CHAT_BYTES_MAX)
            .is_some()
        {
            state.skip();
        }
        drop(state);
        self.filled.notify_one();
    }

    /// Puts the wish for an empty screen in; what waits before it need not be drawn any more.
    pub fn clear(&self) {
        let mut state = self.state.lock();
        if state.phase == Phase::Open {
            state.empty();
            state.waiting.push_back(Output::Clear);
        }
        drop(state);
        self.filled.notify_one();
        self.room.notify_waiters();
    }

    /// The prompt from now on.
    pub fn set_prompt(&self, prompt: String) {
        self.state.lock().prompt = prompt;
        self.filled.notify_one();
    }

    /// The status row from now on.
    pub fn set_status(&self, status: Option<String>) {
        self.state.lock().status = status;
        self.filled.notify_one();
    }

    /// Something for the user alone came.
    pub fn alert(&self, alert: Alert) {
        self.state.lock().alert = Some(alert);
        self.filled.notify_one();
    }

    /// What came for the user alone since the last time.
    pub fn take_alert(&self) -> Option<Alert> {
        self.state.lock().alert.take()
    }

    /// Goes on to a later phase; never back.
    pub fn enter(&self, phase: Phase) {
        let mut state = self.state.lock();
        if phase > state.phase {
            state.phase = phase;
        }
        if phase == Phase::Closed {
            state.empty();
        }
        drop(state);
        self.filled.notify_one();
        self.room.notify_waiters();
    }

    /// The phase now.
    pub fn phase(&self) -> Phase {
        self.state.lock().phase
    }

    /// Waits until something was put in, set or entered. For the terminal's thread alone.
    pub async fn changed(&self) {
        self.filled.notified().await;
    }

    /// Whether output waits.
    pub fn is_waiting(&self) -> bool {
        !self.state.lock().waiting.is_empty()
    }

    /// Takes at most `count` outputs, oldest first.
    pub fn take(&self, count: usize) -> Vec<Output> {
        let mut state = self.state.lock();
        let count = count.min(state.waiting.len());
        let taken: Vec<Output> = state.waiting.drain(..count).collect();
        for output in &taken {
            if let Some(bytes) = bytes_of(output) {
                state.lines -= 1;
                state.bytes -= bytes;
            }
        }
        drop(state);
        self.room.notify_waiters();
        taken
    }

    /// Prompt and status now.
    pub fn face(&self) -> (String, Option<String>) {
        let state = self.state.lock();
        (state.prompt.clone(), state.status.clone())
    }
}

impl State {
    /// Gives the line back if there is no room. Where no line waits there is room for any.
    fn offer(&mut self, line: Option<Output>, lines: usize, bytes: usize) -> Option<Output> {
        let line = line?;
        let length = bytes_of(&line).unwrap_or(0);
        let fits = self.lines < lines && self.bytes + length <= bytes;
        if self.phase == Phase::Closed {
            return None;
        }
        if !fits && self.lines > 0 {
            return Some(line);
        }
        self.lines += 1;
        self.bytes += length;
        self.waiting.push_back(line);
        None
    }

    fn empty(&mut self) {
        self.waiting.clear();
        self.lines = 0;
        self.bytes = 0;
    }

    fn skip(&mut self) {
        match self.waiting.back_mut() {
            Some(Output::Skipped(count)) => *count += 1,
            _ => self.waiting.push_back(Output::Skipped(1)),
        }
    }
}

/// The bytes of a line; none for a mark between lines.
fn bytes_of(output: &Output) -> Option<usize> {
    match output {
        Output::Line(line) | Output::News(line) => Some(line.len()),
        Output::Skipped(_) | Output::Clear => None,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn line(text: &str) -> Output {
        Output::Line(text.to_owned())
    }

    fn full() -> Queue {
        let queue = Queue::new(String::new());
        (0..CHAT_LINES_MAX).for_each(|n| queue.push_or_skip(line(&n.to_string())));
        queue
    }

    #[test]
    fn lines_come_out_in_their_order() {
        let queue = Queue::new(String::new());
        queue.push_or_skip(line("one"));
        assert_eq!(queue.push("two".into()).now_or_never(), Some(()));
        queue.push_or_skip(line("three"));
        assert_eq!(queue.take(2), [line("one"), line("two")]);
        assert!(queue.is_waiting());
        assert_eq!(queue.take(9), [line("three")]);
        assert!(!queue.is_waiting());
    }

    #[test]
    fn what_is_held_back_is_counted_also_what_found_no_room() {
        let queue = full();
        queue.push_or_skip(line("lost"));
        queue.push_or_skip(line("lost"));
        assert_eq!(queue.held(), CHAT_LINES_MAX as u64 + 2);
        queue.clear();
        assert_eq!(queue.held(), 0);
    }

    #[test]
    fn chat_over_the_bound_is_counted_where_it_is_missing() {
        let queue = full();
        queue.push_or_skip(line("lost"));
        queue.push_or_skip(line("lost"));
        assert_eq!(queue.push("reply".into()).now_or_never(), Some(()));
        queue.push_or_skip(line("lost"));
        queue.take(CHAT_LINES_MAX - 1);
        let expected = [
            line("4095"),
            Output::Skipped(2),
            line("reply"),
            Output::Skipped(1),
        ];
        assert_eq!(queue.take(9), expected);
    }

    #[test]
    fn a_flood_of_chat_leaves_room_for_replies_which_are_never_lost() {
        let queue = full();
        for _ in CHAT_LINES_MAX..LINES_MAX {
            assert_eq!(queue.push("reply".into()).now_or_never(), Some(()));
        }
        let mut waiting = pin!(queue.push("late".into()));
        assert_eq!(waiting.as_mut().now_or_never(), None);
        queue.take(1);
        queue.push_or_skip(line("chat"));
        assert_eq!(waiting.now_or_never(), Some(()));
        let rest = queue.take(usize::MAX);
        assert_eq!(rest.last(), Some(&line("late")));
    }

    #[test]
    fn bytes_are_bounded_too_but_one_line_always_fits() {
        let queue = Queue::new(String::new());
        queue.push_or_skip(line(&"x".repeat(2 * BYTES_MAX)));
        queue.push_or_skip(line("lost"));
        assert_eq!(queue.push("waits".into()).now_or_never(), None);
        assert_eq!(queue.take(9).len(), 2);
        assert_eq!(queue.push("fits".into()).now_or_never(), Some(()));
        assert_eq!(queue.take(9), [line("fits")]);
    }

    #[test]
    fn clearing_drops_what_waits_and_makes_room() {
        let queue = full();
        queue.clear();
        queue.push_or_skip(line("after"));
        assert_eq!(queue.take(9), [Output::Clear, line("after")]);
    }

    #[test]
    fn a_closed_queue_lets_nobody_wait() {
        let queue = full();
        (0..256).for_each(|_| queue.push("reply".into()).now_or_never().unwrap());
        let mut waiting = pin!(queue.push("late".into()));
        assert_eq!(waiting.as_mut().now_or_never(), None);
        queue.enter(Phase::Closed);
        queue.enter(Phase::Closing);
        assert_eq!(queue.phase(), Phase::Closed);
        assert_eq!(waiting.now_or_never(), Some(()));
        queue.push_or_skip(line("late"));
        assert!(!queue.is_waiting());
    }

    #[test]
    fn whoever_draws_hears_of_every_change() {
        let queue = Queue::new("a> ".into());
        let heard = |queue: &Queue| queue.changed().now_or_never().is_some();
        assert!(!heard(&queue));
        queue.push_or_skip(line("x"));
        assert!(heard(&queue));
        assert!(!heard(&queue));
        queue.set_prompt("b> ".into());
        assert!(heard(&queue));
        queue.set_status(Some("busy".into()));
        assert!(heard(&queue));
        assert_eq!(queue.face(), ("b> ".into(), Some("busy".into())));
        queue.clear();
        assert!(heard(&queue));
        let alert = Alert::default();
        queue.alert(alert.clone());
        assert!(heard(&queue));
        assert_eq!(queue.take_alert(), Some(alert));
        assert_eq!(queue.take_alert(), None);
        queue.enter(Phase::Closing);
        assert!(heard(&queue));
    }
}

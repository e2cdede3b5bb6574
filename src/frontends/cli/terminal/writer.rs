//! The handle through which everyone writes to the terminal.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::timeout};

use super::{
    attention::Alert,
    driver::restore,
    page::Page,
    queue::{Phase, Queue},
    screen::Output,
};

/// How long closing waits for a terminal that takes no bytes (a stopped or lost connection).
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// Writes above the line being typed. Cheap to clone; order is kept over all clones.
///
/// A line is sanitised text; of control sequences only colours (SGR) reach the terminal.
#[derive(Debug, Clone)]
pub struct TerminalWriter {
    queue: Arc<Queue>,
    done: watch::Receiver<()>,
}

impl TerminalWriter {
    pub(super) fn new(queue: Arc<Queue>, done: watch::Receiver<()>) -> Self {
        Self { queue, done }
    }

    /// Shows a line of our own: replies, errors. Waits for room, is never skipped. After
    /// [`TerminalWriter::close`], or when the terminal is gone, the line vanishes.
    pub async fn print(&self, line: String) {
        self.queue.push(line).await;
    }

    /// Shows a line that came in from others. When too many wait it is only counted, and
    /// `  N lines skipped` stands in its place.
    pub fn try_print(&self, line: String) {
        self.queue.push_or_skip(Output::Line(line));
    }

    /// The same for a line that somebody wants to read: above the first one that comes while nobody looks stands a
    /// mark.
    pub fn try_print_news(&self, line: String) {
        self.queue.push_or_skip(Output::News(line));
    }

    /// Tells the user that a text is for them, unless they look anyway.
    pub fn alert(&self, alert: Alert) {
        self.queue.alert(alert);
    }

    /// The prompt from now on, with its blank at the end.
    pub fn set_prompt(&self, prompt: String) {
        self.queue.set_prompt(prompt);
    }

    /// A row above the prompt from now on, cut to the terminal's width; `None` for no row.
    pub fn set_status(&self, status: Option<String>) {
        self.queue.set_status(status);
    }

    /// Gives the whole screen to a page until the user leaves it with `q`. What is printed meanwhile waits.
    pub fn open_page(&self, page: Arc<dyn Page>) {
        self.queue.page.open(page);
        self.queue.ring();
    }

    /// Shows a newer state of the page; false if it was left, or the terminal is closed.
    pub fn update_page(&self, page: Arc<dyn Page>) -> bool {
        let is_open = self.queue.phase() == Phase::Open && self.queue.page.update(page);
        self.queue.ring();
        is_open
    }

    /// Clears the screen; the line being typed stays.
    pub fn clear(&self) {
        self.queue.clear();
    }

    /// Draws all that was printed, gives the terminal back and returns then; after two seconds
    /// also if the terminal takes nothing.
    pub async fn close(&self) {
        self.queue.enter(Phase::Closing);
        let mut done = self.done.clone();
        // The sender never sends: it is dropped when the terminal's thread has ended.
        if timeout(CLOSE_WAIT, done.changed()).await.is_err() {
            self.queue.enter(Phase::Closed);
            restore();
        }
    }
}

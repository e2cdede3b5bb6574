//! Where lines go: the terminal's screen, or standard output with every line flushed.

use std::{
    io::{self, Write},
    thread,
    time::Duration,
};

use tokio::sync::{mpsc, oneshot};

use super::terminal::TerminalWriter;

/// Lines that may wait for standard output; then whoever causes them waits.
const LINES_MAX: usize = 1024;

/// How long the end of the program waits for standard output.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// Where lines go. Cloning is cheap; the order is that of the calls.
#[derive(Clone)]
pub enum Output {
    /// Above the line being typed.
    Terminal(TerminalWriter),
    /// Standard output.
    Pipe(mpsc::Sender<Item>),
}

/// What the thread of standard output gets.
pub enum Item {
    /// One or more lines, without the last newline.
    Lines(String),
    /// Tells when everything before it is written.
    Flush(oneshot::Sender<()>),
}

impl Output {
    /// Starts writing to `sink`; the receiver tells when it takes nothing any more (a closed pipe).
    pub fn pipe(sink: impl Write + Send + 'static) -> (Self, oneshot::Receiver<()>) {
        let (items, queue) = mpsc::channel(LINES_MAX);
        let (broken, is_broken) = oneshot::channel();
        thread::spawn(move || write_all(queue, sink, broken));
        (Self::Pipe(items), is_broken)
    }

    /// Shows lines of our own: they wait for room and are never skipped.
    pub async fn print(&self, lines: String) {
        match self {
            Self::Terminal(terminal) => terminal.print(lines).await,
            // The thread lives as long as the process.
            Self::Pipe(items) => drop(items.send(Item::Lines(lines)).await),
        }
    }

    /// Shows lines that others caused, if there is room; otherwise a pipe gives them back and a terminal counts them.
    pub fn offer(&self, lines: String) -> Result<(), String> {
        match self {
            Self::Terminal(terminal) => {
                for line in lines.split('\n') {
                    terminal.try_print(line.to_owned());
                }
            }
            Self::Pipe(items) => {
                let sent = items.try_send(Item::Lines(lines));
                if let Err(mpsc::error::TrySendError::Full(Item::Lines(lines))) = sent {
                    return Err(lines);
                }
            }
        }
        Ok(())
    }

    /// Waits until everything is written, for a short time at most, and gives the terminal back.
    pub async fn close(&self) {
        match self {
            Self::Terminal(terminal) => terminal.close().await,
            Self::Pipe(items) => {
                let (flush, flushed) = oneshot::channel();
                let close = async {
                    if items.send(Item::Flush(flush)).await.is_ok() {
                        // An error means that the thread has ended.
                        drop(flushed.await);
                    }
                };
                if tokio::time::timeout(CLOSE_WAIT, close).await.is_err() {
                    tracing::debug!("Standard output takes nothing: its last lines are lost");
                }
            }
        }
    }
}

/// Writes until all senders are gone. Flushes whenever nothing waits, so every line is out at once and a flood costs
/// few system calls. After an error it goes on taking lines, so that nobody waits for it.
fn write_all(mut queue: mpsc::Receiver<Item>, sink: impl Write, broken: oneshot::Sender<()>) {
    let mut sink = io::BufWriter::with_capacity(64 * 1024, sink);
    let mut broken = Some(broken);
    while let Some(item) = queue.blocking_recv() {
        let written = match item {
            Item::Lines(lines) if broken.is_some() => writeln!(sink, "{lines}"),
            Item::Lines(_) => Ok(()),
            Item::Flush(done) => {
                let flushed = sink.flush();
                if done.send(()).is_err() {
                    tracing::trace!("Nobody waits for the end of the output any more");
                }
                flushed
            }
        };
        let flushed = match queue.is_empty() {
            true => written.and_then(|()| sink.flush()),
            false => written,
        };
        if flushed.is_err() {
            // Dropping the sender is the message.
            drop(broken.take());
        }
    }
}

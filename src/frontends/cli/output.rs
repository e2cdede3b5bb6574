//! Where lines go: the terminal's screen, or standard output.

use std::{io::Write, sync::Arc, time::Duration};

use tokio::sync::oneshot;
use uuid::Uuid;

use super::{client_lines::ClientLines, pipe::Pipe, terminal::TerminalWriter};

/// How long the end of the program waits for standard output.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// Where lines go. Cloning is cheap; the order is that of the calls.
#[derive(Clone)]
pub enum Output {
    /// Above the line being typed.
    Terminal(TerminalWriter),
    /// Standard output.
    Pipe(Pipe),
    /// A client of the control socket.
    Client(ClientLines),
}

impl Output {
    /// Starts writing to `sink`; the receiver tells when it takes nothing any more (a closed pipe).
    pub fn pipe(sink: impl Write + Send + 'static) -> (Self, oneshot::Receiver<()>) {
        let (pipe, is_broken) = Pipe::start(sink);
        (Self::Pipe(pipe), is_broken)
    }

    /// Shows lines of our own: they wait for room and are never skipped.
    pub async fn print(&self, lines: String) {
        match self {
            Self::Terminal(terminal) => terminal.print(lines).await,
            Self::Pipe(pipe) => pipe.put(lines).await,
            Self::Client(client) => client.put(lines).await,
        }
    }

    /// A client's own messages are told apart by their ids, so that its `ref` comes back to it alone; elsewhere the
    /// message carries its `ref`, which this gives back.
    pub fn claim(&self, msg_id: Uuid, reference: Option<Arc<str>>) -> Option<Arc<str>> {
        match self {
            Self::Client(client) => {
                client.claim(msg_id, reference);
                None
            }
            Self::Terminal(_) | Self::Pipe(_) => reference,
        }
    }

    /// A message that was claimed was not accepted.
    pub fn disclaim(&self, msg_id: Uuid) {
        if let Self::Client(client) = self {
            client.disclaim(msg_id);
        }
    }

    /// Shows lines that others caused, if there is room; otherwise a pipe gives them back and a terminal counts them.
    pub fn offer(&self, lines: String) -> Result<(), String> {
        match self {
            Self::Terminal(terminal) => {
                for line in lines.split('\n') {
                    terminal.try_print(line.to_owned());
                }
                Ok(())
            }
            Self::Pipe(pipe) => pipe.offer(lines),
            // Its events come through ControlActor.
            Self::Client(_) => Ok(()),
        }
    }

    /// The same for texts that somebody wants to read.
    pub fn offer_news(&self, lines: String) -> Result<(), String> {
        match self {
            Self::Terminal(terminal) => {
                for line in lines.split('\n') {
                    terminal.try_print_news(line.to_owned());
                }
                Ok(())
            }
            Self::Pipe(_) | Self::Client(_) => self.offer(lines),
        }
    }

    /// Waits until everything is written, for a short time at most, and gives the terminal back.
    pub async fn close(&self) {
        match self {
            Self::Terminal(terminal) => terminal.close().await,
            Self::Client(client) => client.close(),
            Self::Pipe(pipe) => {
                if tokio::time::timeout(CLOSE_WAIT, pipe.flush())
                    .await
                    .is_err()
                {
                    tracing::debug!("Standard output takes nothing: its last lines are lost");
                }
            }
        }
    }
}

//! From the user's lines to CliActor: all that were typed together at once, kept until they are answered.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::{
    actors::door::Door,
    frontends::cli::{
        actor::{Answer, TypedLines},
        input::Typed,
        session::{Fatal, Outcome, Progress, Session},
        terminal::TerminalInput,
    },
    node::NodeHandle,
};

/// Where lines come from.
pub(super) enum Input {
    Terminal(mpsc::Receiver<TerminalInput>),
    Pipe(mpsc::Receiver<Vec<Typed>>),
    None,
}

/// What ended the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Quit,
    InputEnded,
    Signal,
    OutputClosed,
    Fatal(Fatal),
}

/// Reads lines and hands them to CliActor, keeping them until they are answered.
pub(super) struct Feed {
    pub door: Door<TypedLines>,
    pub session: Arc<Session>,
}

impl Feed {
    /// Until the input ends or the user wants to leave.
    pub async fn run(self, input: Input) -> End {
        match input {
            Input::None => std::future::pending().await,
            Input::Pipe(mut lines) => {
                while let Some(together) = lines.recv().await {
                    if self.hand_over(together).await == Outcome::Quit {
                        return End::Quit;
                    }
                }
                End::InputEnded
            }
            Input::Terminal(mut inputs) => {
                while let Some(input) = inputs.recv().await {
                    let TerminalInput::Line(line) = input else {
                        return End::Quit;
                    };
                    if self.hand_over(vec![Typed::Line(line)]).await == Outcome::Quit {
                        return End::Quit;
                    }
                }
                End::Quit
            }
        }
    }

    async fn hand_over(&self, mut lines: Vec<Typed>) -> Outcome {
        let mut together = lines.len();
        while !lines.is_empty() {
            let (answer, answered) = Answer::new();
            let progress = Arc::new(Progress::default());
            let count = together.min(lines.len());
            let typed = TypedLines {
                lines: lines[..count].into(),
                progress: Arc::clone(&progress),
                answer,
            };
            self.door.tell(typed).await;
            let over = match answered.await {
                Ok(Outcome::Quit) => return Outcome::Quit,
                Ok(Outcome::Done) => count,
                Err(_) => {
                    // Those that were not begun are run one by one: one of them may be the reason.
                    together = 1;
                    self.complain(&progress, count).await
                }
            };
            lines.drain(..over);
        }
        Outcome::Done
    }

    /// Running so many lines failed: those that were begun get an error for their answer, and are over.
    async fn complain(&self, progress: &Progress, count: usize) -> usize {
        let (answered, begun) = progress.get();
        let over = if count == 1 { 1 } else { begun };
        for _ in answered..over {
            let hint = "type it again; the log has the details";
            self.session
                .complain("internal", "internal error: the line was not run", hint)
                .await;
        }
        over
    }
}

/// Gives messages under way their time: all of it at the end of the input, an ACK timeout after `/quit`.
pub(super) async fn settle(end: &End, node: &NodeHandle) {
    match end {
        End::InputEnded => node.settled(None).await,
        End::Quit => node.settled(Some(node.facts().ack_timeout)).await,
        End::Signal | End::OutputClosed | End::Fatal(_) => {}
    }
}

//! From the user's lines to CliActor: each is kept until it is answered.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::{
    actors::door::Door,
    frontends::cli::{
        actor::{Answer, TypedLine},
        input::Typed,
        session::{Fatal, Outcome, Session},
        terminal::TerminalInput,
    },
    node::NodeHandle,
};

/// Where lines come from.
pub(super) enum Input {
    Terminal(mpsc::Receiver<TerminalInput>),
    Pipe(mpsc::Receiver<Typed>),
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

/// Reads lines and hands each to CliActor, keeping it until it is answered.
pub(super) struct Feed {
    pub door: Door<TypedLine>,
    pub session: Arc<Session>,
}

impl Feed {
    /// Until the input ends or the user wants to leave.
    pub async fn run(self, input: Input) -> End {
        match input {
            Input::None => std::future::pending().await,
            Input::Pipe(mut lines) => {
                while let Some(line) = lines.recv().await {
                    if self.hand_over(line).await == Outcome::Quit {
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
                    if self.hand_over(Typed::Line(line)).await == Outcome::Quit {
                        return End::Quit;
                    }
                }
                End::Quit
            }
        }
    }

    async fn hand_over(&self, line: Typed) -> Outcome {
        let (answer, answered) = Answer::new();
        self.door.tell(TypedLine { line, answer }).await;
        match answered.await {
            Ok(outcome) => outcome,
            Err(_) => {
                let hint = "type it again; the log has the details";
                self.session
                    .complain("internal", "internal error: the line was not run", hint)
                    .await;
                Outcome::Done
            }
        }
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

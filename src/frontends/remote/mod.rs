//! How `papo send` and its like reach a node: over the control socket of one that runs, else over a node of their own
//! that lives as long as the command. Both speak the lines of `docs/json-events.md`.

mod find;
mod own_node;

use std::io;

use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, Lines, ReadHalf, WriteHalf,
};

use self::own_node::OwnNode;
use super::exit::Exit;
use crate::{args::Invocation, paths::Places, settings::Settings};

/// Anything that carries lines both ways.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A node that takes commands and tells events.
pub struct Remote {
    lines: Lines<BufReader<ReadHalf<Box<dyn Stream>>>>,
    writer: WriteHalf<Box<dyn Stream>>,
    own: Option<OwnNode>,
}

impl Remote {
    /// The running node that is meant, or one of our own; an error is told already. Gets the events of its own messages
    /// only.
    pub async fn open(
        invocation: &Invocation,
        settings: Settings,
        places: Places,
    ) -> Result<Self, Exit> {
        let running = find::running_node(invocation, &settings, &places).await;
        let (stream, own): (Box<dyn Stream>, _) = match running {
            Some(stream) => (Box::new(stream), None),
            None => {
                let (own, stream) = OwnNode::start(invocation, settings, places).await?;
                (Box::new(stream), Some(own))
            }
        };
        let mut remote = Self::over(stream, own);
        // If it is gone by now, the first answer that is missing tells.
        drop(
            remote
                .say(&json!({"command": "events", "argument": "own"}))
                .await,
        );
        Ok(remote)
    }

    /// The running node that is meant, if there is one.
    pub async fn of_running(
        invocation: &Invocation,
        settings: &Settings,
        places: &Places,
    ) -> Option<Self> {
        let stream = find::running_node(invocation, settings, places).await?;
        Some(Self::over(Box::new(stream), None))
    }

    fn over(stream: Box<dyn Stream>, own: Option<OwnNode>) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self {
            lines: BufReader::new(reader).lines(),
            writer,
            own,
        }
    }

    /// Gives a command.
    pub async fn say(&mut self, command: &Value) -> io::Result<()> {
        let line = format!("{command}\n");
        self.writer.write_all(line.as_bytes()).await
    }

    /// The next event or answer; none when the node has ended. Nothing is lost when this is dropped.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            let line = self.lines.next_line().await.ok()??;
            if let Ok(event) = serde_json::from_str(&line) {
                return Some(event);
            }
        }
    }

    /// Asks something and waits for the answer with this `ref`; what comes before it is left out.
    pub async fn ask(&mut self, command: &str, reference: &str) -> Option<Value> {
        let asked = json!({"command": command, "ref": reference});
        self.say(&asked).await.ok()?;
        loop {
            let answer = self.next().await?;
            if answer["ref"] == reference && answer["event"] == "reply" {
                return Some(answer);
            }
        }
    }

    /// Leaves the running node, or ends the one of our own in order.
    pub async fn close(self) {
        drop((self.lines, self.writer));
        if let Some(own) = self.own {
            own.stop().await;
        }
    }
}

//! The command `/top` in a session: a page on a terminal, one answer in a pipe.

use std::time::Duration;

use super::{Sample, draw, gather, page};
use crate::{
    frontends::cli::{output::Output, replies::Reply, session::Session, terminal::TerminalWriter},
    node::{NodeError, NodeHandle},
};

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

impl Session {
    /// Opens the page, which needs no answer; in a pipe answers once.
    pub(in crate::frontends::cli) async fn top(&self) -> Result<Option<Reply>, NodeError> {
        let (top, sample) = gather(&self.node, None).await?;
        match self.output() {
            Output::Terminal(terminal) => {
                terminal.open_page(page(top));
                let refreshing = refresh(self.node.clone(), terminal.clone(), sample);
                // It ends when the page is left, or with the terminal.
                drop(actix_rt::spawn(refreshing));
                Ok(None)
            }
            Output::Pipe(_) | Output::Client(_) => {
                let lines = draw(&top, usize::MAX, usize::MAX).into_iter();
                let reply = Reply::lines(lines.filter(|line| !line.is_empty()).collect());
                let data = serde_json::to_value(top).unwrap_or_default();
                Ok(Some(reply.with(data)))
            }
        }
    }
}

async fn refresh(node: NodeHandle, terminal: TerminalWriter, mut before: Sample) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        // While an actor is away the last look stands.
        if let Ok((top, sample)) = gather(&node, Some(before)).await {
            before = sample;
            if !terminal.update_page(page(top)) {
                return;
            }
        }
    }
}

//! What is kept fresh beside the terminal: what Tab offers, and the row above the prompt.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::{
    completer::PeerCompleter,
    status_row::{Facts, row},
    style::Style,
    terminal::TerminalWriter,
};
use crate::node::{NodeError, NodeHandle};

/// How old it may be.
const RENEW: Duration = Duration::from_millis(500);

/// Renews it until the task is aborted; the row only with a terminal to show it on.
pub fn follow(
    node: NodeHandle,
    completer: PeerCompleter,
    shown_on: Option<(TerminalWriter, Style)>,
) -> JoinHandle<()> {
    actix_rt::spawn(async move {
        loop {
            // An actor between two incarnations: all stays as it is.
            if let Ok(facts) = look(&node, &completer).await
                && let Some((terminal, style)) = &shown_on
            {
                terminal.set_status(Some(row(&facts, *style)));
            }
            tokio::time::sleep(RENEW).await;
        }
    })
}

async fn look(node: &NodeHandle, completer: &PeerCompleter) -> Result<Facts, NodeError> {
    let peers = node.peers().await?;
    let rendezvous = node.rendezvous().await?;
    let outbox = node.unsettled() + node.disk().map_or(0, |(_, waiting)| waiting);
    let facts = Facts::new(&node.facts().own, &peers, rendezvous.as_ref(), outbox);
    let known = peers.into_iter().map(|row| row.peer).collect();
    completer.renew(known, &node.filters().list());
    Ok(facts)
}

//! What the sending of a text answers. Pure.

use std::time::Duration;

use serde_json::json;

use super::replies::{self, Reply};
use crate::actors::router::{Published, Recipients};

/// The answer to a text that was accepted; none where the event of the sending is the answer.
pub fn sent_reply(
    published: &Published,
    to: &Recipients,
    wait: Option<Duration>,
    json: bool,
) -> Option<Reply> {
    let to = replies::recipients(to);
    let mut lines = Vec::new();
    if published.waiting {
        let seconds = wait.unwrap_or_default().as_secs();
        lines.push(format!("waiting up to {seconds} s for {to}"));
    }
    for peer in &published.skipped {
        lines.push(format!(
            "not sent to {peer}: its queue is full, it does not read fast enough"
        ));
    }
    let skipped: Vec<&str> = published.skipped.iter().map(|peer| peer.as_str()).collect();
    let data = json!({"peers": published.peers, "waiting": published.waiting, "skipped": skipped});
    // On a terminal the event of the sending is the answer.
    let is_told = json || !lines.is_empty();
    is_told.then(|| Reply::lines(lines).with(data))
}

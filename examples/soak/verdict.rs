//! What the books say in the end: which texts are complete, which were cut short by a kill, which are lost. Pure.

use std::time::{Duration, Instant};

use crate::ledger::{End, Goal, Ledger, Life, Text};

/// A direct text between two nodes that live has ended after this time: the wait for a peer that has just come (15 s),
/// and the ACK timeout behind it (5 s).
const END_MAX: Duration = Duration::from_secs(20);

/// A kill that is farther away than this has nothing to do with a publication, or with an acknowledged text.
const NEAR: Duration = Duration::from_secs(2);

/// The sums.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Direct texts: delivered, and shown exactly once.
    pub direct_complete: usize,
    /// Direct texts whose sender or receiver was killed before the end, or was not there at the beginning.
    pub direct_cut: usize,
    /// Publications that were shown exactly once by as many as it was told.
    pub public_complete: usize,
    /// Publications near a kill.
    pub public_cut: usize,
    /// How often complete publications were shown.
    pub public_shown: usize,
    /// What is lost, shown twice, or shown by the wrong ones.
    pub losses: Vec<String>,
}

enum Fate {
    Complete,
    Cut,
    Lost(String),
}

impl Verdict {
    /// Checks the books when everything has ended.
    pub fn of(ledger: &Ledger) -> Self {
        let mut verdict = Self::default();
        for (number, text) in ledger.texts.iter().enumerate() {
            let direct = matches!(text.goal, Goal::Node(..));
            match (fate(ledger, text), direct) {
                (Fate::Complete, true) => verdict.direct_complete += 1,
                (Fate::Cut, true) => verdict.direct_cut += 1,
                (Fate::Complete, false) => {
                    verdict.public_complete += 1;
                    verdict.public_shown += text.shown.len();
                }
                (Fate::Cut, false) => verdict.public_cut += 1,
                (Fate::Lost(why), _) => verdict.losses.push(format!("text {number}: {why}")),
            }
        }
        verdict
    }
}

fn fate(ledger: &Ledger, text: &Text) -> Fate {
    let mut once = text.shown.clone();
    once.sort_unstable();
    once.dedup();
    if once.len() != text.shown.len() {
        return Fate::Lost(format!("shown twice by one process: {:?}", text.shown));
    }
    match text.goal {
        Goal::Node(node, to) => direct(ledger, text, node, to),
        Goal::Everyone(peers) => public(ledger, text, peers),
    }
}

fn direct(ledger: &Ledger, text: &Text, node: usize, to: Option<Life>) -> Fate {
    if text
        .shown
        .iter()
        .any(|life| ledger.lives[*life].node != node)
    {
        return Fate::Lost("shown by another node than the one it was for".into());
    }
    let end = text.end.map(|(_, end)| end);
    if end == Some(End::Delivered) && !text.shown.is_empty() {
        return Fate::Complete;
    }
    let Some(to) = to else { return Fate::Cut };
    let until = match text.end {
        Some((at, End::Delivered)) => at + NEAR,
        Some((at, _)) => at,
        None => text.at + END_MAX,
    };
    if [text.from, to]
        .iter()
        .any(|life| was_killed(ledger, *life, until))
    {
        return Fate::Cut;
    }
    let (from, to) = (place(ledger, text.from), place(ledger, to));
    let told = end.map_or("nothing".into(), |end| format!("{end:?}"));
    let shown = text.shown.len();
    Fate::Lost(format!(
        "{from} to {to}, both alive: told {told}, shown {shown} times"
    ))
}

fn public(ledger: &Ledger, text: &Text, peers: Option<u64>) -> Fate {
    if peers == Some(text.shown.len() as u64) {
        return Fate::Complete;
    }
    let near = |at: Instant| at + NEAR > text.at && at < text.at + NEAR;
    let is_cut = match peers {
        Some(_) => ledger.lives.iter().filter_map(|it| it.killed).any(near),
        // It waits for the first peer, and then for its turn.
        None => was_killed(ledger, text.from, text.at + END_MAX),
    };
    if is_cut {
        return Fate::Cut;
    }
    let (from, shown) = (place(ledger, text.from), text.shown.len());
    Fate::Lost(format!(
        "{from} to everyone: told {peers:?} peers, shown by {shown}"
    ))
}

fn was_killed(ledger: &Ledger, life: Life, until: Instant) -> bool {
    ledger.lives[life].killed.is_some_and(|at| at <= until)
}

fn place(ledger: &Ledger, life: Life) -> String {
    let name = crate::NAMES[ledger.lives[life].node];
    format!("{name} (process {life})")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Alice and bob are ready, and one text was sent from alice: to bob, or to everyone.
    fn sent(to: Option<usize>) -> (Ledger, Instant) {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        for node in [0, 1] {
            let life = ledger.born(node);
            ledger.event(life, &json!({"event": "ready"}), now);
        }
        ledger.sending(0, to, now);
        (ledger, now)
    }

    fn told(ledger: &mut Ledger, event: &str, at: Instant) {
        ledger.event(0, &json!({"event": event, "ref": "0", "peers": 1}), at);
    }

    fn shown(ledger: &mut Ledger, life: Life, at: Instant) {
        ledger.event(life, &json!({"event": "message", "text": "0 words"}), at);
    }

    fn sums(ledger: &Ledger) -> [usize; 5] {
        let it = Verdict::of(ledger);
        [
            it.direct_complete,
            it.direct_cut,
            it.public_complete,
            it.public_cut,
            it.losses.len(),
        ]
    }

    #[test]
    fn delivered_and_shown_once_is_complete() {
        let (mut ledger, now) = sent(Some(1));
        told(&mut ledger, "delivered", now);
        assert_eq!(sums(&ledger), [0, 0, 0, 0, 1], "not shown yet");
        shown(&mut ledger, 1, now);
        assert_eq!(sums(&ledger), [1, 0, 0, 0, 0]);
        shown(&mut ledger, 1, now);
        assert_eq!(sums(&ledger), [0, 0, 0, 0, 1], "shown twice");
    }

    #[test]
    fn a_text_that_ends_badly_between_living_nodes_is_lost() {
        for end in ["failed", "unconfirmed", "ack_timeout", "error"] {
            let (mut ledger, now) = sent(Some(1));
            shown(&mut ledger, 1, now);
            told(&mut ledger, end, now + SECOND);
            ledger.killed(1, now + 2 * SECOND);
            assert_eq!(sums(&ledger), [0, 0, 0, 0, 1], "{end}");
        }
    }

    #[test]
    fn a_kill_before_the_end_excuses() {
        let (mut ledger, now) = sent(Some(1));
        ledger.killed(1, now + SECOND);
        told(&mut ledger, "failed", now + 2 * SECOND);
        assert_eq!(sums(&ledger), [0, 1, 0, 0, 0]);
    }

    #[test]
    fn a_kill_long_after_a_text_was_due_does_not_excuse() {
        let (mut ledger, now) = sent(Some(1));
        ledger.killed(1, now + END_MAX + SECOND);
        assert_eq!(sums(&ledger), [0, 0, 0, 0, 1]);
    }

    #[test]
    fn a_text_to_a_node_that_was_not_there_may_fail() {
        let (mut ledger, now) = sent(Some(2));
        told(&mut ledger, "failed", now);
        assert_eq!(sums(&ledger), [0, 1, 0, 0, 0]);
    }

    #[test]
    fn a_publication_is_shown_by_as_many_as_it_was_told_unless_a_kill_is_near() {
        let (mut ledger, now) = sent(None);
        told(&mut ledger, "sent", now);
        assert_eq!(sums(&ledger), [0, 0, 0, 0, 1], "shown by nobody");
        ledger.killed(1, now + SECOND);
        assert_eq!(sums(&ledger), [0, 0, 0, 1, 0]);
        shown(&mut ledger, 1, now);
        assert_eq!(sums(&ledger), [0, 0, 1, 0, 0]);
    }

    #[test]
    fn only_a_late_ack_may_follow_a_last_state() {
        let (mut ledger, now) = sent(Some(1));
        for event in ["ack_timeout", "delivered"] {
            told(&mut ledger, event, now);
            assert!(ledger.faults.is_empty(), "{event}");
        }
        told(&mut ledger, "delivered", now);
        assert_eq!(ledger.faults.len(), 1);
    }
}

//! The load of one process: direct texts to every other node and publications, at a steady pace.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{NAMES, board::Board, fleet::id, ledger::Life, process::Input};

/// Time between two texts to the same node.
const PACE: Duration = Duration::from_millis(20);

/// One publication for so many rounds of direct texts.
const PUBLISH_EVERY: u64 = 5;

/// One text in so many is long.
const LONG_EVERY: u64 = 10;

/// Sends until it is told to stop or the process is gone.
pub fn start(
    board: Arc<Board>,
    node: usize,
    life: Life,
    input: Input,
    stop: Arc<AtomicBool>,
) -> JoinHandle<()> {
    thread::spawn(move || {
        let (mut next, mut round) = (Instant::now(), 0);
        while !stop.load(Ordering::Relaxed) && send_round(&board, node, life, &input, round).is_ok()
        {
            (next, round) = (next + PACE, round + 1);
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    })
}

fn send_round(board: &Board, node: usize, life: Life, input: &Input, round: u64) -> io::Result<()> {
    let mut lines = String::new();
    let others = (0..NAMES.len()).filter(|it| *it != node).map(Some);
    let everyone = round.is_multiple_of(PUBLISH_EVERY).then_some(None);
    for to in others.chain(everyone) {
        let number = board.state().ledger.sending(life, to, Instant::now());
        let filling = if (number as u64).is_multiple_of(LONG_EVERY) {
            4000
        } else {
            50
        };
        let text = format!("{number} {}", "x".repeat(filling));
        let reference = number.to_string();
        let command = match to {
            Some(to) => {
                json!({"command": "msg", "to": id(NAMES[to]), "text": text, "ref": reference})
            }
            None => json!({"command": "pub", "to": "*", "text": text, "ref": reference}),
        };
        lines += &format!("{command}\n");
    }
    let mut input = input.lock().map_err(|_| io::ErrorKind::BrokenPipe)?;
    input.write_all(lines.as_bytes())
}

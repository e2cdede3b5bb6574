//! The texts that were cut out of the line, for Ctrl-Y and Alt-Y. Lives in memory only.

use std::collections::VecDeque;

/// Cuts remembered; the oldest goes first.
const KILLS_MAX: usize = 16;

/// On which side of the cursor the cut text stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Before the cursor: cutting on puts more in front.
    Before,
    /// Behind the cursor: cutting on puts more behind.
    Behind,
}

/// A ring of cut texts, the newest in front.
#[derive(Debug, Default)]
pub struct KillRing {
    kills: VecDeque<String>,
}

impl KillRing {
    /// Keeps a cut text as the newest.
    pub fn push(&mut self, text: String) {
        self.kills.push_front(text);
        self.kills.truncate(KILLS_MAX);
    }

    /// Adds to the newest cut: several cuts in a row come back as one text.
    pub fn extend(&mut self, text: &str, side: Side) {
        match (self.kills.front_mut(), side) {
            (Some(newest), Side::Before) => newest.insert_str(0, text),
            (Some(newest), Side::Behind) => newest.push_str(text),
            (None, _) => self.push(text.to_owned()),
        }
    }

    /// The newest cut.
    pub fn newest(&self) -> Option<&str> {
        self.kills.front().map(String::as_str)
    }

    /// Turns the ring: the second newest becomes the newest, the newest the oldest.
    pub fn rotate(&mut self) {
        if !self.kills.is_empty() {
            self.kills.rotate_left(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_in_a_row_join_on_the_side_they_came_from() {
        let mut ring = KillRing::default();
        ring.extend("b", Side::Behind);
        ring.extend("a", Side::Before);
        ring.extend("c", Side::Behind);
        assert_eq!(ring.newest(), Some("abc"));
    }

    #[test]
    fn the_ring_turns_and_forgets_the_oldest() {
        let mut ring = KillRing::default();
        for number in 0..=KILLS_MAX {
            ring.push(number.to_string());
        }
        ring.rotate();
        assert_eq!(ring.newest(), Some("15"));
        for _ in 1..KILLS_MAX {
            ring.rotate();
        }
        assert_eq!(ring.newest(), Some("16"));
    }

    #[test]
    fn an_empty_ring_turns_too() {
        let mut ring = KillRing::default();
        ring.rotate();
        assert_eq!(ring.newest(), None);
    }
}

//! The lines typed before, and where in them the user stands. Knows nothing of files: see
//! `history_file` for how the lines outlive a session.

use std::collections::VecDeque;

/// Lines remembered, in memory and in the file; the oldest goes first.
pub const HISTORY_LINES_MAX: usize = 1000;

/// Which way to look from a remembered line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Towards lines typed earlier.
    Older,
    /// Towards lines typed later.
    Newer,
}

/// At most [`HISTORY_LINES_MAX`] lines, oldest first, no line twice in a row.
#[derive(Debug, Default)]
pub struct History {
    lines: VecDeque<String>,
    at: Option<usize>,
    draft: String,
}

impl History {
    /// A history of the given lines, oldest first.
    pub fn new(lines: impl IntoIterator<Item = String>) -> Self {
        let mut history = Self::default();
        for line in lines {
            history.push(&line);
        }
        history
    }

    /// Remembers a line and goes back to the draft. `false` if it is the last one again.
    pub fn push(&mut self, line: &str) -> bool {
        self.leave();
        if self.lines.back().is_some_and(|last| last == line) {
            return false;
        }
        if self.lines.len() == HISTORY_LINES_MAX {
            self.lines.pop_front();
        }
        self.lines.push_back(line.to_owned());
        true
    }

    /// Goes back to the draft without giving it out.
    pub fn leave(&mut self) {
        self.at = None;
        self.draft.clear();
    }

    /// The line one step away. Stepping off the draft keeps `current` as the draft; stepping
    /// behind the newest line gives it back. `None` at either end.
    pub fn step(&mut self, way: Way, current: &str) -> Option<&str> {
        match (way, self.at) {
            (Way::Older, None) => {
                self.at = Some(self.lines.len().checked_sub(1)?);
                self.draft = current.to_owned();
            }
            (Way::Older, Some(at)) => self.at = Some(at.checked_sub(1)?),
            (Way::Newer, None) => return None,
            (Way::Newer, Some(at)) => self.at = Some(at + 1).filter(|at| *at < self.lines.len()),
        }
        Some(self.at.map_or(&self.draft, |at| &self.lines[at]))
    }

    /// A remembered line.
    pub fn line(&self, index: usize) -> Option<&str> {
        self.lines.get(index).map(String::as_str)
    }

    /// The index behind the newest line.
    pub fn end(&self) -> usize {
        self.lines.len()
    }

    /// The nearest line that holds `words`, from index `from` on (not itself, except that the way
    /// older begins below it), and where in the line they stand.
    pub fn find(&self, words: &str, from: usize, way: Way) -> Option<(usize, usize)> {
        let found = |index: usize| self.lines[index].find(words).map(|offset| (index, offset));
        match way {
            Way::Older => (0..from.min(self.lines.len())).rev().find_map(found),
            Way::Newer => (from.saturating_add(1)..self.lines.len()).find_map(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(lines: &[&str]) -> History {
        History::new(lines.iter().map(|line| (*line).to_owned()))
    }

    #[test]
    fn the_draft_comes_back_below_the_newest_line() {
        let mut history = history(&["one", "two"]);
        assert_eq!(history.step(Way::Newer, "draft"), None);
        assert_eq!(history.step(Way::Older, "draft"), Some("two"));
        assert_eq!(history.step(Way::Older, "two, edited"), Some("one"));
        assert_eq!(history.step(Way::Older, "one"), None);
        assert_eq!(history.step(Way::Newer, "one"), Some("two"));
        assert_eq!(history.step(Way::Newer, "two"), Some("draft"));
        assert_eq!(history.step(Way::Newer, "draft"), None);
    }

    #[test]
    fn a_line_twice_in_a_row_is_remembered_once() {
        let mut history = history(&["one", "one", "two"]);
        assert!(!history.push("two"));
        assert!(history.push("one"));
        assert_eq!(history.end(), 3);
    }

    #[test]
    fn the_oldest_line_makes_room() {
        let mut history = History::new((0..=HISTORY_LINES_MAX).map(|n| n.to_string()));
        assert_eq!(history.end(), HISTORY_LINES_MAX);
        assert_eq!(history.line(0), Some("1"));
        assert_eq!(history.step(Way::Older, ""), Some("1000"));
    }

    #[test]
    fn finding_goes_both_ways() {
        let history = history(&["/msg bob", "hello bob", "/peers"]);
        assert_eq!(history.find("bob", history.end(), Way::Older), Some((1, 6)));
        assert_eq!(history.find("bob", 1, Way::Older), Some((0, 5)));
        assert_eq!(history.find("bob", 0, Way::Older), None);
        assert_eq!(history.find("bob", 0, Way::Newer), Some((1, 6)));
        assert_eq!(history.find("bob", 1, Way::Newer), None);
        assert_eq!(history.find("bob", usize::MAX, Way::Newer), None);
    }

    #[test]
    fn an_empty_history_has_nothing_to_step_to() {
        let mut history = History::default();
        assert_eq!(history.step(Way::Older, "draft"), None);
        assert_eq!(history.step(Way::Newer, "draft"), None);
    }
}

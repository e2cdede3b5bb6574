//! Ctrl-R: finding a line typed before while typing what it holds. Decides what a key does to the
//! search; the editor decides what becomes of the line.

use unicode_segmentation::UnicodeSegmentation;

use super::{
    history::{History, Way},
    keymap::{Command, Key},
};

/// Bytes one may look for.
const QUERY_BYTES_MAX: usize = 256;

/// What a key did to the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It goes on.
    GoOn,
    /// It goes on, but there is nothing (more) to find.
    NotFound,
    /// It is over and the line is as before.
    Cancel,
    /// It is over, the line found is taken over, and the key still has to do its work there.
    Accept,
}

/// A search that is going on.
#[derive(Debug, Default)]
pub struct Search {
    query: String,
    hit: Option<Hit>,
    failed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Hit {
    index: usize,
    offset: usize,
}

impl Search {
    /// What stands in the prompt's place.
    pub fn label(&self) -> String {
        let failed = if self.failed {
            "nothing found"
        } else {
            "search"
        };
        format!("({failed})`{}': ", self.query)
    }

    /// The line found and the grapheme in it where the words begin.
    pub fn found<'h>(&self, history: &'h History) -> Option<(&'h str, usize)> {
        let hit = self.hit?;
        let line = history.line(hit.index)?;
        let starts = line.grapheme_indices(true).map(|(start, _)| start);
        Some((
            line,
            starts
                .take_while(|start| *start <= hit.offset)
                .last()
                .unwrap_or(0),
        ))
    }

    /// Lets a key work on the search.
    pub fn key(&mut self, key: Key, history: &History) -> Step {
        match (key, Command::of(key)) {
            (_, Some(Command::Search(way))) => self.next(way, history),
            (_, Some(Command::Insert(c))) => self.type_more(c, history),
            (Key::Backspace | Key::Ctrl('h'), _) => self.type_less(history),
            (_, Some(Command::Cancel | Command::Interrupt)) => Step::Cancel,
            (_, Some(_)) => Step::Accept,
            (_, None) => Step::GoOn,
        }
    }

    fn type_more(&mut self, c: char, history: &History) -> Step {
        if c.is_control() || self.query.len() + c.len_utf8() > QUERY_BYTES_MAX {
            return Step::NotFound;
        }
        self.query.push(c);
        let from = self.hit.map_or(history.end(), |hit| hit.index + 1);
        self.settle(history.find(&self.query, from, Way::Older))
    }

    fn type_less(&mut self, history: &History) -> Step {
        self.query.pop();
        self.hit = None;
        self.failed = false;
        match self.query.is_empty() {
            true => Step::GoOn,
            false => self.settle(history.find(&self.query, history.end(), Way::Older)),
        }
    }

    /// The next line that holds the words and is not the one shown.
    fn next(&mut self, way: Way, history: &History) -> Step {
        if self.query.is_empty() {
            return Step::NotFound;
        }
        let shown = self.found(history).map(|(line, _)| line);
        let mut from = self.hit.map_or(history.end(), |hit| hit.index);
        loop {
            match history.find(&self.query, from, way) {
                Some((index, _)) if history.line(index) == shown => from = index,
                found => return self.settle(found),
            }
        }
    }

    /// Nothing found leaves the last hit in place.
    fn settle(&mut self, found: Option<(usize, usize)>) -> Step {
        self.failed = found.is_none();
        match found {
            Some((index, offset)) => self.hit = Some(Hit { index, offset }),
            None => return Step::NotFound,
        }
        Step::GoOn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(keys: &[Key], step: Step, label: &str, found: Option<(&str, usize)>) {
        let lines = [
            "/msg bob hi",
            "/peers",
            "hello bob",
            "/msg bob hi",
            "hello bob",
        ];
        let history = History::new(lines.map(str::to_owned));
        let mut search = Search::default();
        let last = keys.iter().map(|key| search.key(*key, &history)).last();
        assert_eq!(last, Some(step), "{keys:?}");
        assert_eq!(search.label(), label, "{keys:?}");
        assert_eq!(search.found(&history), found, "{keys:?}");
    }

    const R: Key = Key::Ctrl('r');
    const S: Key = Key::Ctrl('s');
    const B: Key = Key::Char('b');
    const O: Key = Key::Char('o');

    #[test]
    fn typing_narrows_and_ctrl_r_goes_on_to_another_line() {
        check(&[B], Step::GoOn, "(search)`b': ", Some(("hello bob", 6)));
        check(
            &[O, B],
            Step::GoOn,
            "(search)`ob': ",
            Some(("hello bob", 7)),
        );
        check(
            &[B, R],
            Step::GoOn,
            "(search)`b': ",
            Some(("/msg bob hi", 5)),
        );
        check(
            &[B, R, S],
            Step::GoOn,
            "(search)`b': ",
            Some(("hello bob", 6)),
        );
    }

    #[test]
    fn nothing_found_keeps_the_last_hit() {
        let z = Key::Char('z');
        check(
            &[B, z],
            Step::NotFound,
            "(nothing found)`bz': ",
            Some(("hello bob", 6)),
        );
        check(
            &[B, z, Key::Backspace],
            Step::GoOn,
            "(search)`b': ",
            Some(("hello bob", 6)),
        );
        check(
            &[B, S],
            Step::NotFound,
            "(nothing found)`b': ",
            Some(("hello bob", 6)),
        );
        check(&[R], Step::NotFound, "(search)`': ", None);
    }

    #[test]
    fn other_keys_end_the_search() {
        check(
            &[B, Key::Ctrl('g')],
            Step::Cancel,
            "(search)`b': ",
            Some(("hello bob", 6)),
        );
        check(
            &[B, Key::Escape],
            Step::Cancel,
            "(search)`b': ",
            Some(("hello bob", 6)),
        );
        check(
            &[B, Key::Enter],
            Step::Accept,
            "(search)`b': ",
            Some(("hello bob", 6)),
        );
        check(
            &[B, Key::Left],
            Step::Accept,
            "(search)`b': ",
            Some(("hello bob", 6)),
        );
        check(
            &[B, Key::Alt('q')],
            Step::GoOn,
            "(search)`b': ",
            Some(("hello bob", 6)),
        );
    }

    #[test]
    fn what_one_looks_for_is_bounded() {
        let mut search = Search::default();
        let history = History::default();
        for _ in 0..2 * QUERY_BYTES_MAX {
            search.key(Key::Char('x'), &history);
        }
        assert_eq!(search.query.len(), QUERY_BYTES_MAX);
    }
}

//! The line editor: a pure machine, keys in, actions out. Keeps the line, the history, the cut
//! texts and whatever the user is in the middle of. Knows nothing of terminals or time.

use std::{mem, ops::Range, sync::Arc};

use super::{
    completion::{Completer, Outcome, complete},
    history::{History, Way},
    keymap::{Command, Key},
    kill_ring::{KillRing, Side},
    line::{LINE_BYTES_MAX, Line, Motion},
    paste::Paste,
    search::{Search, Step},
};

/// What the user asked for beyond a changed line.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Lines for the node.
    Submit {
        /// The lines, none of them blank.
        lines: Vec<String>,
        /// Those of them that are new in the history, for its file.
        remembered: Vec<String>,
    },
    /// Ctrl-C on an empty line.
    Interrupt,
    /// Ctrl-D on an empty line.
    EndOfInput,
    /// Ctrl-Z.
    Suspend,
    /// Ctrl-L.
    ClearScreen,
    /// The key could not be obeyed.
    Bell,
}

/// What the screen shows of the editor.
#[derive(Debug, PartialEq, Eq)]
pub struct View<'a> {
    /// Stands in the prompt's place.
    pub label: Option<String>,
    /// The line.
    pub text: &'a str,
    /// The cursor in it, in bytes.
    pub cursor: usize,
    /// What Tab offers.
    pub candidates: &'a [String],
    /// Why something was refused.
    pub hint: Option<&'a str>,
}

/// The editor. Made once for each terminal.
pub struct Editor {
    line: Line,
    history: History,
    kills: KillRing,
    completer: Arc<dyn Completer>,
    mode: Mode,
    chain: Chain,
    candidates: Vec<String>,
    hint: Option<String>,
}

/// What the next key means.
#[derive(Debug, Default)]
enum Mode {
    #[default]
    Typing,
    Searching(Search),
    /// Lines that were pasted wait for a yes.
    Asking(Vec<String>),
}

/// What the last key was, for keys that go on from there.
#[derive(Debug, Default)]
enum Chain {
    #[default]
    Broken,
    Killed,
    Yanked(Range<usize>),
}

impl Editor {
    /// An editor with an empty line.
    pub fn new(history: History, completer: Arc<dyn Completer>) -> Self {
        Self {
            line: Line::default(),
            history,
            kills: KillRing::default(),
            completer,
            mode: Mode::Typing,
            chain: Chain::Broken,
            candidates: Vec::new(),
            hint: None,
        }
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key) -> Option<Action> {
        self.hint = None;
        match mem::take(&mut self.mode) {
            Mode::Typing => self.obey(Command::of(key)?),
            Mode::Searching(search) => self.search_on(search, key),
            Mode::Asking(lines) => self.answer(lines, key),
        }
    }

    /// Takes a text that was pasted as one.
    pub fn paste(&mut self, text: &str) -> Option<Action> {
        match mem::take(&mut self.mode) {
            Mode::Typing => {}
            Mode::Searching(search) => self.accept(&search),
            asking => {
                self.mode = asking;
                return Some(Action::Bell);
            }
        }
        self.rest();
        match Paste::of(text, &self.line) {
            Paste::Inline(text) => self.insert(&text),
            Paste::Send { lines, rest } => Some(self.send_pasted(lines, &rest)),
            Paste::Ask(lines) => {
                self.mode = Mode::Asking(lines);
                None
            }
            Paste::Refused(why) => self.refuse(why),
        }
    }

    /// What there is to show.
    pub fn view(&self) -> View<'_> {
        let (text, cursor) = (self.line.text(), self.line.cursor());
        let view = View {
            label: None,
            text,
            cursor,
            candidates: &self.candidates,
            hint: self.hint.as_deref(),
        };
        match &self.mode {
            Mode::Typing => view,
            Mode::Searching(search) => {
                let (text, cursor) = search.found(&self.history).unwrap_or((text, cursor));
                View {
                    label: Some(search.label()),
                    text,
                    cursor,
                    ..view
                }
            }
            Mode::Asking(lines) => {
                let label = format!("send {} lines? y/n ", lines.len());
                View {
                    label: Some(label),
                    text: "",
                    cursor: 0,
                    ..view
                }
            }
        }
    }

    fn obey(&mut self, command: Command) -> Option<Action> {
        if command != Command::Complete {
            self.candidates.clear();
        }
        match (command, mem::take(&mut self.chain)) {
            (Command::Insert(c), _) => self.insert(c.encode_utf8(&mut [0; 4])),
            (Command::Go(motion), _) => self.go(motion),
            (Command::Erase(motion), _) => bell_unless(!self.line.remove(motion).is_empty()),
            (Command::Kill(motion), chain) => self.kill(motion, &chain),
            (Command::Yank, _) => self.yank(self.line.cursor()..self.line.cursor()),
            (Command::YankOlder, Chain::Yanked(range)) => {
                self.kills.rotate();
                self.yank(range)
            }
            (Command::YankOlder, _) => Some(Action::Bell),
            (Command::Transpose, _) => bell_unless(self.line.transpose()),
            (Command::Submit, _) => self.submit(),
            (Command::Recall(way), _) => self.recall(way),
            (Command::Search(_), _) => {
                self.mode = Mode::Searching(Search::default());
                None
            }
            (Command::Complete, _) => self.complete(),
            (Command::Cancel, _) => None,
            (Command::ClearScreen, _) => Some(Action::ClearScreen),
            (Command::Interrupt, _) => self.interrupt(),
            (Command::EndOfInput, _) if self.line.is_empty() => Some(Action::EndOfInput),
            (Command::EndOfInput, _) => bell_unless(!self.line.remove(Motion::Right).is_empty()),
            (Command::Suspend, _) => Some(Action::Suspend),
        }
    }

    fn insert(&mut self, text: &str) -> Option<Action> {
        if self.line.insert(text) {
            return None;
        }
        self.refuse(format!("a line holds at most {LINE_BYTES_MAX} bytes"))
    }

    fn refuse(&mut self, why: String) -> Option<Action> {
        self.hint = Some(why);
        Some(Action::Bell)
    }

    fn go(&mut self, motion: Motion) -> Option<Action> {
        self.line.go(motion);
        None
    }

    fn kill(&mut self, motion: Motion, chain: &Chain) -> Option<Action> {
        let before = self.line.cursor();
        let text = self.line.remove(motion);
        let side = if self.line.cursor() < before {
            Side::Before
        } else {
            Side::Behind
        };
        match chain {
            _ if text.is_empty() => return Some(Action::Bell),
            Chain::Killed => self.kills.extend(&text, side),
            _ => self.kills.push(text),
        }
        self.chain = Chain::Killed;
        None
    }

    fn yank(&mut self, range: Range<usize>) -> Option<Action> {
        let Some(text) = self.kills.newest() else {
            return Some(Action::Bell);
        };
        let start = range.start;
        if !self.line.replace(range, text) {
            return self.refuse(format!("a line holds at most {LINE_BYTES_MAX} bytes"));
        }
        self.chain = Chain::Yanked(start..self.line.cursor());
        None
    }

    fn submit(&mut self) -> Option<Action> {
        let line = self.line.take();
        if line.trim().is_empty() {
            self.history.leave();
            return None;
        }
        let remembered = self.remember(std::slice::from_ref(&line));
        Some(Action::Submit {
            lines: vec![line],
            remembered,
        })
    }

    fn remember(&mut self, lines: &[String]) -> Vec<String> {
        lines
            .iter()
            .filter(|line| self.history.push(line))
            .cloned()
            .collect()
    }

    fn recall(&mut self, way: Way) -> Option<Action> {
        let Some(line) = self.history.step(way, self.line.text()) else {
            return Some(Action::Bell);
        };
        self.line.set(line, usize::MAX);
        None
    }

    fn complete(&mut self) -> Option<Action> {
        self.candidates.clear();
        match complete(&mut self.line, self.completer.as_ref()) {
            Outcome::Completed => None,
            Outcome::Choose(candidates) => {
                self.candidates = candidates;
                None
            }
            Outcome::Nothing => Some(Action::Bell),
        }
    }

    /// Ctrl-C: the cleared line can be had back with Ctrl-Y.
    fn interrupt(&mut self) -> Option<Action> {
        if self.line.is_empty() {
            return Some(Action::Interrupt);
        }
        self.kills.push(self.line.take());
        self.history.leave();
        None
    }

    fn search_on(&mut self, mut search: Search, key: Key) -> Option<Action> {
        match search.key(key, &self.history) {
            Step::GoOn => {
                self.mode = Mode::Searching(search);
                None
            }
            Step::NotFound => {
                self.mode = Mode::Searching(search);
                Some(Action::Bell)
            }
            Step::Cancel => None,
            Step::Accept => {
                self.accept(&search);
                self.key(key)
            }
        }
    }

    fn accept(&mut self, search: &Search) {
        if let Some((line, cursor)) = search.found(&self.history) {
            self.line.set(line, cursor);
        }
    }

    fn answer(&mut self, lines: Vec<String>, key: Key) -> Option<Action> {
        match key {
            Key::Char('y' | 'Y') => {
                self.line.take();
                self.history.leave();
                Some(Action::Submit {
                    lines,
                    remembered: Vec::new(),
                })
            }
            Key::Char('n' | 'N') | Key::Escape | Key::Ctrl('c' | 'd' | 'g') => None,
            _ => {
                self.mode = Mode::Asking(lines);
                Some(Action::Bell)
            }
        }
    }

    fn send_pasted(&mut self, lines: Vec<String>, rest: &str) -> Action {
        let (_, behind) = self.line.halves();
        let line = format!("{rest}{behind}");
        self.line.set(&line, rest.len());
        let remembered = self.remember(&lines);
        Action::Submit { lines, remembered }
    }

    /// A key or a paste that has nothing to do with those before.
    fn rest(&mut self) {
        self.hint = None;
        self.candidates.clear();
        self.chain = Chain::Broken;
    }
}

fn bell_unless(done: bool) -> Option<Action> {
    (!done).then_some(Action::Bell)
}

#[cfg(test)]
mod tests;

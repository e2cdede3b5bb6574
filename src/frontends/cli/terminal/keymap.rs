//! Which key does what: the table of the readline keys this prompt knows.

use super::{history::Way, line::Motion};

/// A key as the terminal reports it, without the terminal's own encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// A printable character.
    Char(char),
    /// A letter with Ctrl, in lower case.
    Ctrl(char),
    /// A letter with Alt (or after Escape), in lower case.
    Alt(char),
    /// Enter.
    Enter,
    /// Tab.
    Tab,
    /// Backspace.
    Backspace,
    /// Backspace with Alt or Ctrl.
    WordBackspace,
    /// Delete.
    Delete,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Arrow left with Ctrl or Alt.
    WordLeft,
    /// Arrow right with Ctrl or Alt.
    WordRight,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Home.
    Home,
    /// End.
    End,
    /// Escape.
    Escape,
}

/// What the editor is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Type a character.
    Insert(char),
    /// Move the cursor.
    Go(Motion),
    /// Delete without keeping it.
    Erase(Motion),
    /// Cut: delete and keep it for [`Command::Yank`].
    Kill(Motion),
    /// Put the last cut text in.
    Yank,
    /// Replace the text just put in by the one cut before it.
    YankOlder,
    /// Exchange two characters.
    Transpose,
    /// Give the line to the node.
    Submit,
    /// Bring back a line typed before, or the draft.
    Recall(Way),
    /// Look for a line typed before, or for the next such line.
    Search(Way),
    /// Complete the word before the cursor.
    Complete,
    /// Leave what is going on: a search, a list, a question.
    Cancel,
    /// Clear the screen.
    ClearScreen,
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D.
    EndOfInput,
    /// Ctrl-Z.
    Suspend,
}

impl Command {
    /// What a key means; `None` for keys without a meaning here.
    pub fn of(key: Key) -> Option<Self> {
        match key {
            Key::Char(c) => Some(Self::Insert(c)),
            Key::Ctrl(letter) => Self::of_ctrl(letter),
            Key::Alt(letter) => Self::of_alt(letter),
            key => Some(Self::of_named(key)),
        }
    }

    fn of_ctrl(letter: char) -> Option<Self> {
        Some(match letter {
            'a' => Self::Go(Motion::Start),
            'b' => Self::Go(Motion::Left),
            'c' => Self::Interrupt,
            'd' => Self::EndOfInput,
            'e' => Self::Go(Motion::End),
            'f' => Self::Go(Motion::Right),
            'g' => Self::Cancel,
            'h' => Self::Erase(Motion::Left),
            'i' => Self::Complete,
            'j' | 'm' => Self::Submit,
            'k' => Self::Kill(Motion::End),
            'l' => Self::ClearScreen,
            'n' => Self::Recall(Way::Newer),
            'p' => Self::Recall(Way::Older),
            'r' => Self::Search(Way::Older),
            's' => Self::Search(Way::Newer),
            't' => Self::Transpose,
            'u' => Self::Kill(Motion::Start),
            'w' => Self::Kill(Motion::BlankLeft),
            'y' => Self::Yank,
            'z' => Self::Suspend,
            _ => return None,
        })
    }

    fn of_alt(letter: char) -> Option<Self> {
        Some(match letter {
            'b' => Self::Go(Motion::WordLeft),
            'd' => Self::Kill(Motion::WordRight),
            'f' => Self::Go(Motion::WordRight),
            'y' => Self::YankOlder,
            _ => return None,
        })
    }

    fn of_named(key: Key) -> Self {
        match key {
            Key::Enter => Self::Submit,
            Key::Tab => Self::Complete,
            Key::Backspace => Self::Erase(Motion::Left),
            Key::WordBackspace => Self::Kill(Motion::WordLeft),
            Key::Delete => Self::Erase(Motion::Right),
            Key::Left => Self::Go(Motion::Left),
            Key::Right => Self::Go(Motion::Right),
            Key::WordLeft => Self::Go(Motion::WordLeft),
            Key::WordRight => Self::Go(Motion::WordRight),
            Key::Up => Self::Recall(Way::Older),
            Key::Down => Self::Recall(Way::Newer),
            Key::Home => Self::Go(Motion::Start),
            Key::End => Self::Go(Motion::End),
            Key::Escape | Key::Char(_) | Key::Ctrl(_) | Key::Alt(_) => Self::Cancel,
        }
    }
}

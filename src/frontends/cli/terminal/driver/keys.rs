//! Reading keys: a thread over crossterm's reader, which decodes what terminals send.
//!
//! The thread is its own because that reader may block inside an unfinished sequence, which may
//! not hold up the drawing. crossterm's feature `use-dev-tty` is needed: its other reader leaves
//! keys behind when many come at once, and spins for ever once the terminal is gone.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc;

use super::super::keymap::Key;

/// Keys read ahead of the editor; beyond that they stay in the terminal.
const KEYS_MAX: usize = 256;
/// How soon the thread notices that nobody wants keys any more.
const STOP_INTERVAL: Duration = Duration::from_millis(250);

/// What comes from the terminal.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    /// A key.
    Key(Key),
    /// A text that was pasted as one.
    Paste(String),
    /// The size has changed.
    Resize,
    /// The terminal got the focus, or lost it.
    Focus(bool),
}

/// The keys, as long as this is kept.
#[derive(Debug)]
pub struct Keys {
    typed: mpsc::Receiver<Typed>,
    stop: Arc<AtomicBool>,
}

impl Keys {
    /// Starts reading.
    pub fn read() -> io::Result<Self> {
        let (sender, typed) = mpsc::channel(KEYS_MAX);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let run = move || while read_next(&sender, &stopped).is_some() {};
        thread::Builder::new()
            .name("terminal keys".into())
            .spawn(run)?;
        Ok(Self { typed, stop })
    }

    /// The next key; `None` when there will be none any more.
    pub async fn next(&mut self) -> Option<Typed> {
        self.typed.recv().await
    }

    /// The next key if there is one already.
    pub fn next_now(&mut self) -> Option<Typed> {
        self.typed.try_recv().ok()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Reads one event; `None` when there is nothing or nobody left. What is not wanted any more is
/// left for the next reader.
fn read_next(sender: &mpsc::Sender<Typed>, stop: &AtomicBool) -> Option<()> {
    let ready = event::poll(STOP_INTERVAL).ok()?;
    if stop.load(Ordering::Relaxed) {
        return None;
    }
    if ready && let Some(typed) = typed(event::read().ok()?) {
        sender.blocking_send(typed).ok()?;
    }
    Some(())
}

fn typed(event: Event) -> Option<Typed> {
    match event {
        Event::Key(key) => key_of(key).map(Typed::Key),
        Event::Paste(text) => Some(Typed::Paste(text)),
        Event::Resize(..) => Some(Typed::Resize),
        Event::FocusGained => Some(Typed::Focus(true)),
        Event::FocusLost => Some(Typed::Focus(false)),
        Event::Mouse(_) => None,
    }
}

fn key_of(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    let alt = event.modifiers.contains(KeyModifiers::ALT);
    let modified = ctrl || alt;
    Some(match event.code {
        KeyCode::Char('h') if ctrl && alt => Key::WordBackspace,
        KeyCode::Char(_) if ctrl && alt => return None,
        KeyCode::Char(c) if ctrl => Key::Ctrl(c.to_ascii_lowercase()),
        KeyCode::Char(c) if alt => Key::Alt(c.to_ascii_lowercase()),
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Backspace if modified => Key::WordBackspace,
        KeyCode::Left if modified => Key::WordLeft,
        KeyCode::Right if modified => Key::WordRight,
        KeyCode::Enter => Key::Enter,
        KeyCode::Tab => Key::Tab,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Esc => Key::Escape,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lose_the_encoding_of_the_terminal() {
        let check = |code, modifiers, expected| {
            assert_eq!(
                key_of(KeyEvent::new(code, modifiers)),
                expected,
                "{code:?} {modifiers:?}"
            );
        };
        let (none, ctrl, alt) = (KeyModifiers::NONE, KeyModifiers::CONTROL, KeyModifiers::ALT);
        check(KeyCode::Char('a'), none, Some(Key::Char('a')));
        check(
            KeyCode::Char('A'),
            KeyModifiers::SHIFT,
            Some(Key::Char('A')),
        );
        check(KeyCode::Char('A'), ctrl, Some(Key::Ctrl('a')));
        check(KeyCode::Char('B'), alt, Some(Key::Alt('b')));
        check(KeyCode::Char('h'), ctrl | alt, Some(Key::WordBackspace));
        check(KeyCode::Char('x'), ctrl | alt, None);
        check(KeyCode::Backspace, alt, Some(Key::WordBackspace));
        check(KeyCode::Left, ctrl, Some(Key::WordLeft));
        check(KeyCode::Right, none, Some(Key::Right));
        check(KeyCode::F(1), none, None);
    }

    #[test]
    fn letting_go_of_a_key_is_no_key() {
        let mut event = KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE);
        event.kind = KeyEventKind::Release;
        assert_eq!(key_of(event), None);
    }
}

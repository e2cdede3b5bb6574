//! A page: something that takes the whole screen for a while, such as `/top`. Here is what it must be able to do, where
//! it lies, and the bytes of a frame; the loop is in `driver::page`. Pure.

use std::{fmt, sync::Arc};

use parking_lot::Mutex;

use super::keymap::Key;

/// What takes the whole screen. Drawn by the terminal's thread: it must not wait for anything.
pub trait Page: fmt::Debug + Send + Sync {
    /// Its rows for a screen of this size, each at most as wide, while so many lines wait for the return to the chat.
    /// Sanitised text.
    fn rows(&self, columns: usize, rows: usize, held: u64) -> Vec<String>;
}

/// Where the page lies that is shown.
#[derive(Debug, Default)]
pub struct PageSlot(Mutex<Option<Arc<dyn Page>>>);

impl PageSlot {
    /// Opens a page, or takes another one's place.
    pub fn open(&self, page: Arc<dyn Page>) {
        *self.0.lock() = Some(page);
    }

    /// Shows a newer state of the page; false if the user has left it.
    pub fn update(&self, page: Arc<dyn Page>) -> bool {
        let mut slot = self.0.lock();
        let is_open = slot.is_some();
        if is_open {
            *slot = Some(page);
        }
        is_open
    }

    /// Back to the chat.
    pub fn leave(&self) {
        *self.0.lock() = None;
    }

    /// The page, if one is open.
    pub fn get(&self) -> Option<Arc<dyn Page>> {
        self.0.lock().clone()
    }
}

/// Whether a key leaves the page.
pub fn leaves(key: Key) -> bool {
    matches!(
        key,
        Key::Char('q' | 'Q') | Key::Escape | Key::Ctrl('c' | 'd')
    )
}

/// The bytes that bring these rows to the screen, over what stood there.
pub fn frame(rows: &[String]) -> Vec<u8> {
    let mut out = Vec::from(b"\x1b[?2026h\x1b[H");
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(row.as_bytes());
        out.extend_from_slice(b"\x1b[K");
    }
    out.extend_from_slice(b"\x1b[J\x1b[?2026l");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Blank;

    impl Page for Blank {
        fn rows(&self, _: usize, rows: usize, _: u64) -> Vec<String> {
            vec![String::new(); rows]
        }
    }

    #[test]
    fn a_page_that_was_left_is_not_updated() {
        let slot = PageSlot::default();
        assert!(!slot.update(Arc::new(Blank)) && slot.get().is_none());
        slot.open(Arc::new(Blank));
        assert!(slot.update(Arc::new(Blank)) && slot.get().is_some());
        slot.leave();
        assert!(!slot.update(Arc::new(Blank)) && slot.get().is_none());
    }

    #[test]
    fn a_frame_clears_what_it_does_not_fill() {
        let frame = frame(&["one".into(), String::new()]);
        let text = String::from_utf8(frame).unwrap();
        assert_eq!(
            text,
            "\x1b[?2026h\x1b[Hone\x1b[K\r\n\x1b[K\x1b[J\x1b[?2026l"
        );
    }

    #[test]
    fn q_and_the_keys_of_leaving_leave() {
        for (key, expected) in [
            (Key::Char('q'), true),
            (Key::Char('Q'), true),
            (Key::Escape, true),
            (Key::Ctrl('c'), true),
            (Key::Ctrl('d'), true),
            (Key::Char('x'), false),
            (Key::Enter, false),
        ] {
            assert_eq!(leaves(key), expected, "{key:?}");
        }
    }
}

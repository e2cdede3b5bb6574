//! The terminal: a line editor and a screen on which what arrives stands above the line being
//! typed, which stays intact.

pub mod completion;
pub mod editor;
pub mod history;
pub mod history_file;
pub mod keymap;
pub mod kill_ring;
pub mod layout;
pub mod line;
pub mod paste;
pub mod screen;
pub mod search;
pub mod text;

//! The interactive command line, the pipe and the JSON event stream.

pub mod actor;
mod addressed;
pub mod command;
pub mod completer;
mod days;
mod errors;
mod filters;
pub mod fresh;
mod history_reply;
pub mod input;
pub mod json;
pub mod output;
mod pipe;
pub mod reader_gone;
pub mod render;
pub mod replies;
pub mod session;
mod showing;
pub mod status_row;
pub mod style;
pub mod terminal;

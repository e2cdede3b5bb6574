//! The interactive command line, the pipe and the JSON event stream.

pub mod actor;
pub mod command;
pub mod completer;
mod errors;
mod filters;
mod history_reply;
pub mod input;
pub mod json;
pub mod life;
pub mod output;
mod pipe;
pub mod reader_gone;
pub mod render;
pub mod replies;
pub mod session;
pub mod style;
pub mod terminal;
mod why_reply;

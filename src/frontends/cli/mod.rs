//! The interactive command line, the pipe and the JSON event stream.

pub mod actor;
mod addressed;
pub mod client_lines;
pub mod command;
pub mod completer;
mod days;
mod errors;
pub mod filters;
mod history_reply;
pub mod input;
pub mod json;
pub mod life;
pub mod output;
mod own_messages;
mod pipe;
pub mod reader_gone;
pub mod render;
pub mod replies;
mod resolve;
pub mod session;
mod showing;
pub mod spark;
pub mod status_row;
pub mod style;
pub mod terminal;
pub mod text_log;

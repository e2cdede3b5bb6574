//! The interactive command line, the pipe and the JSON event stream.

pub mod command;

//! How people and programs meet the node.

pub mod chat;
pub mod cli;
pub mod control;
pub mod exit;
pub mod history;
pub mod rendezvous;
mod signals;

//! How people and programs meet the node.

pub mod bot;
pub mod chat;
pub mod cli;
pub mod control;
pub mod doctor;
pub mod exit;
pub mod history;
pub mod remote;
pub mod rendezvous;
pub mod send;
mod signals;
mod start_error;

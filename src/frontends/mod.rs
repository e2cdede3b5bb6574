//! How people and programs meet the node.

pub mod cli;

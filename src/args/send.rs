//! `papo send`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{NodeOptions, time};

#[derive(Debug, Args)]
pub(super) struct SendOptions {
    #[command(flatten)]
    pub sending: Sending,
    #[command(flatten)]
    pub node: NodeOptions,
}

/// One message, and what is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Sending {
    /// To whom: a peer (bob, bob@CIC), '*' for everyone, '#CIC' for a namespace
    #[arg(value_name = "TO")]
    pub to: String,
    /// The text; - reads it from standard input
    #[arg(value_name = "TEXT")]
    pub text: String,
    /// What is waited for [default: delivered for a peer, sent for everyone and namespaces]
    #[arg(long, value_name = "STATE")]
    pub wait: Option<WaitFor>,
    /// The longest wait in all [default: 20s]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub timeout: Option<Duration>,
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WaitFor {
    /// It is on its way
    Sent,
    /// The peer has it
    Delivered,
}

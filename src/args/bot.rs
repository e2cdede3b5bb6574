//! `papo bot`.

use std::time::Duration;

use clap::Args;

use super::{NodeOptions, time};

#[derive(Debug, Args)]
pub(super) struct BotOptions {
    #[command(flatten)]
    pub traffic: Traffic,
    #[command(flatten)]
    pub node: NodeOptions,
}

/// Which messages are sent. Without a count and a duration they come until Ctrl-C.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Traffic {
    /// To whom: a peer (bob, bob@CIC), '*' for everyone, '#CIC' for a namespace
    #[arg(long, value_name = "TO")]
    pub to: String,
    /// Messages a second at most, as 50 or 50/s
    #[arg(long, value_name = "N/s", default_value = "10", value_parser = rate)]
    pub rate: f64,
    /// The number of messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Bytes of each text
    #[arg(long, value_name = "BYTES", default_value = "32", value_parser = clap::value_parser!(u32).range(1..=30_000))]
    pub size: u32,
    /// How long messages are sent
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub duration: Option<Duration>,
}

/// The fastest rate that can be asked for, in messages a second.
const RATE_MAX: f64 = 1e6;

fn rate(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    match number.parse() {
        Ok(rate) if rate > 1e-3 && rate <= RATE_MAX => Ok(rate),
        _ => Err(format!(
            "a rate is a number of messages a second up to {RATE_MAX}, such as 50/s"
        )),
    }
}

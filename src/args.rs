//! The command line: what may be typed, and what it says to the settings.
//!
//! Options that are settings become triples of key, value and option, so that the settings check them and name the
//! option in their errors. The few that are none stand beside them in [`Invocation`]. Starts nothing, prints nothing.

mod bot;
mod reading;
mod send;
mod shell;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

pub use clap_complete::Shell;

use self::{
    bot::BotOptions,
    reading::{HistoryOptions, WhyOptions},
    send::SendOptions,
};
pub use self::{
    bot::Traffic,
    reading::{Export, HistoryRequest},
    send::{Sending, WaitFor},
    shell::{completions, manual},
};
use crate::settings::{Argument, HostPort};

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// What to run.
    pub mode: Mode,
    /// The options that are settings, for [`crate::settings::Sources`].
    pub arguments: Vec<Argument>,
    /// `--config`.
    pub config_file: Option<PathBuf>,
    /// `--join`: nodes to link with at the start, in the order given.
    pub join: Vec<HostPort>,
    /// `--json`: events and answers as JSON, one object a line.
    pub json: bool,
    /// `--color`.
    pub color: Color,
}

/// What to run.
#[derive(Debug, Clone, PartialEq)]
pub enum Mode {
    /// A node with the prompt, or with commands from a pipe.
    Chat,
    /// A node without a prompt.
    Serve,
    /// A rendezvous server and no node.
    Rendezvous,
    /// Print the settings and end.
    Config,
    /// Print messages that were kept and end.
    History(HistoryRequest),
    /// Print what became of the message of this name and end.
    Why(String),
    /// Send one message and end.
    Send(Sending),
    /// Send messages one after the other and report.
    Bot(Traffic),
    /// Look for what keeps a node from working.
    Doctor,
    /// Print what a shell needs to complete the command line.
    Completions(Shell),
    /// Print the manual page.
    Man,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Invocation {
    /// Reads the command line, the name of the program first.
    ///
    /// # Errors
    /// What clap says: a usage error (exit code 2), or the text of `--help` or `--version` (exit code 0). Its
    /// `print()` writes it where it belongs and its `exit_code()` is the code to end with.
    pub fn parse(line: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let cli = Cli::try_parse_from(line)?;
        let before = cli.options;
        match cli.command {
            None => Self::of_node(Mode::Chat, before),
            Some(Command::Chat(after)) => Self::of_node(Mode::Chat, before.then(after)),
            Some(Command::Serve(after)) => Self::of_node(Mode::Serve, before.then(after)),
            Some(Command::Config(after)) => Self::of_node(Mode::Config, before.then(after)),
            Some(Command::Rendezvous(after)) => Self::of_server(before, after),
            Some(Command::History(after)) => {
                let (request, store) = after.request();
                Self::of_store("papo history", Mode::History(request), before, store.into())
            }
            Some(Command::Why(after)) => {
                let mode = Mode::Why(after.message);
                Self::of_store("papo why", mode, before, after.store.into())
            }
            Some(Command::Send(SendOptions { sending, node })) => {
                Self::of_node(Mode::Send(sending), before.then(node))
            }
            Some(Command::Bot(BotOptions { traffic, node })) => {
                Self::of_node(Mode::Bot(traffic), before.then(node))
            }
            Some(Command::Doctor(after)) => Self::of_node(Mode::Doctor, before.then(after)),
            Some(Command::Completions { shell }) => Self::of_node(Mode::Completions(shell), before),
            Some(Command::Man) => Self::of_node(Mode::Man, before),
        }
    }

    fn of_node(mode: Mode, options: NodeOptions) -> Result<Self, clap::Error> {
        if options.rendezvous.is_some() && options.no_rendezvous {
            return Err(conflict(
                "--rendezvous and --no-rendezvous exclude each other: give one of them",
            ));
        }
        let arguments = options.arguments();
        let NodeOptions {
            common,
            join,
            json,
            color,
            ..
        } = options;
        Ok(Self {
            mode,
            arguments,
            config_file: common.config,
            join,
            json,
            color: color.unwrap_or_default(),
        })
    }

    fn of_store(
        command: &str,
        mode: Mode,
        before: NodeOptions,
        after: NodeOptions,
    ) -> Result<Self, clap::Error> {
        if let Some(option) = before.first_for_running() {
            return Err(conflict(&format!(
                "{option} is for a node: {command} runs none"
            )));
        }
        Self::of_node(mode, before.then(after))
    }

    fn of_server(before: NodeOptions, after: CommonOptions) -> Result<Self, clap::Error> {
        if let Some(option) = before.first_for_nodes() {
            return Err(conflict(&format!(
                "{option} is for a node: papo rendezvous runs none"
            )));
        }
        let common = before.common.then(after);
        let arguments = common.arguments("rendezvous_server.listen", "rendezvous_server.port");
        let config_file = common.config;
        Ok(Self {
            mode: Mode::Rendezvous,
            arguments,
            config_file,
            join: Vec::new(),
            json: false,
            color: Color::Auto,
        })
    }
}

/// A node for peer-to-peer chat: every one is client and server at once, and no central server carries messages.
///
/// Without options it gives itself your login name and finds the other nodes of this machine.
#[derive(Debug, Parser)]
#[command(name = "papo", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: NodeOptions,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A node with a prompt (what runs without a command)
    Chat(NodeOptions),
    /// A node without a prompt, for services
    Serve(NodeOptions),
    /// A rendezvous server, where the nodes of a network find each other
    Rendezvous(CommonOptions),
    /// Show the settings in force and where each came from
    Config(NodeOptions),
    /// Show messages that were kept, also while the node runs
    History(HistoryOptions),
    /// Show what became of one of your messages
    Why(WhyOptions),
    /// Send one message; the exit code says what became of it
    Send(SendOptions),
    /// Send messages automatically; a report at the end
    Bot(BotOptions),
    /// Look for what keeps a node from working; one line of advice for each trouble
    Doctor(NodeOptions),
    /// Print a script that completes papo's command line
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

/// Options of everything that listens.
#[derive(Debug, Default, Args)]
struct CommonOptions {
    /// Address to accept connections on: an IP address, localhost or all
    #[arg(long, value_name = "HOST")]
    listen: Option<String>,
    /// TCP port to accept connections on, exactly this one; 0 takes any free one
    #[arg(long, value_name = "PORT")]
    port: Option<String>,
    /// Folder for what is kept between runs
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Read settings from this file too
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What to log: off, error, warn, info, debug or trace, also as info,peer=debug
    #[arg(long, value_name = "LEVEL")]
    log: Option<String>,
    /// Log to this file too
    #[arg(long, value_name = "FILE")]
    log_file: Option<String>,
}

/// Options of a node.
#[derive(Debug, Default, Args)]
struct NodeOptions {
    /// Your name in the chat [default: your login name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The group you register in; others see you as NAME@NAMESPACE [default: lobby]
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// The rendezvous server where nodes find each other [default: one on this machine]
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "no_rendezvous")]
    rendezvous: Option<String>,
    /// Use no rendezvous server: reach others with --join and /connect
    #[arg(long)]
    no_rendezvous: bool,
    /// Link with the node at this address; may be given several times
    #[arg(long, value_name = "HOST:PORT")]
    join: Vec<HostPort>,
    #[command(flatten)]
    common: CommonOptions,
    /// Print one JSON object a line instead of text
    #[arg(long)]
    json: bool,
    /// When to use colour
    #[arg(long, value_name = "WHEN")]
    color: Option<Color>,
}

const EXAMPLES: &str = "\
Examples:
  papo                                  chat on this machine: run it in two terminals
  papo --name bob                       the same under another name
  papo rendezvous                       let the nodes of a network find each other here
  papo --rendezvous 192.168.1.7:8080    use the rendezvous of another machine
  papo --join 192.168.1.7:4000          link with a node directly
  echo '/pub * hello' | papo            say one thing to everyone and leave
  papo history bob --search lunch       what bob and you said about it

Inside, /help lists the commands and /quit leaves.";

impl CommonOptions {
    /// These, but what `after` gives counts.
    fn then(self, after: Self) -> Self {
        Self {
            listen: after.listen.or(self.listen),
            port: after.port.or(self.port),
            data_dir: after.data_dir.or(self.data_dir),
            config: after.config.or(self.config),
            log: after.log.or(self.log),
            log_file: after.log_file.or(self.log_file),
        }
    }

    fn arguments(&self, listen: &'static str, port: &'static str) -> Vec<Argument> {
        let settings = [
            (listen, &self.listen, "--listen"),
            (port, &self.port, "--port"),
            ("node.data_dir", &self.data_dir, "--data-dir"),
            ("logging.level", &self.log, "--log"),
            ("logging.file", &self.log_file, "--log-file"),
        ];
        given(settings)
    }
}

impl NodeOptions {
    /// These, but what `after` gives counts; `--join` adds up.
    fn then(self, after: Self) -> Self {
        let mut join = self.join;
        join.extend(after.join);
        Self {
            name: after.name.or(self.name),
            namespace: after.namespace.or(self.namespace),
            rendezvous: after.rendezvous.or(self.rendezvous),
            no_rendezvous: after.no_rendezvous || self.no_rendezvous,
            join,
            common: self.common.then(after.common),
            json: after.json || self.json,
            color: after.color.or(self.color),
        }
    }

    fn arguments(&self) -> Vec<Argument> {
        // Whoever names a rendezvous, or wants none, overrides what a file says about the mode.
        let remote = self.rendezvous.as_ref().map(|_| "remote".to_owned());
        let off = self.no_rendezvous.then(|| "off".to_owned());
        let mut arguments = given([
            ("node.name", &self.name, "--name"),
            ("node.namespace", &self.namespace, "--namespace"),
            ("rendezvous.address", &self.rendezvous, "--rendezvous"),
            ("rendezvous.mode", &remote, "--rendezvous"),
            ("rendezvous.mode", &off, "--no-rendezvous"),
        ]);
        arguments.extend(self.common.arguments("node.listen", "node.port"));
        arguments
    }

    /// The first option given that only a running node can follow.
    fn first_for_running(&self) -> Option<&'static str> {
        let options = [
            ("--rendezvous", self.rendezvous.is_some()),
            ("--no-rendezvous", self.no_rendezvous),
            ("--join", !self.join.is_empty()),
            ("--listen", self.common.listen.is_some()),
            ("--port", self.common.port.is_some()),
        ];
        options
            .into_iter()
            .find_map(|(option, is_given)| is_given.then_some(option))
    }

    /// The first option given that only a node can follow.
    fn first_for_nodes(&self) -> Option<&'static str> {
        let options = [
            ("--name", self.name.is_some()),
            ("--namespace", self.namespace.is_some()),
            ("--rendezvous", self.rendezvous.is_some()),
            ("--no-rendezvous", self.no_rendezvous),
            ("--join", !self.join.is_empty()),
            ("--json", self.json),
            ("--color", self.color.is_some()),
        ];
        options
            .into_iter()
            .find_map(|(option, is_given)| is_given.then_some(option))
    }
}

fn given<const N: usize>(
    settings: [(&'static str, &Option<String>, &'static str); N],
) -> Vec<Argument> {
    let argument = |(key, value, option): (_, &Option<String>, _)| {
        Some(Argument {
            key,
            value: value.clone()?,
            option,
        })
    };
    settings.into_iter().filter_map(argument).collect()
}

fn conflict(text: &str) -> clap::Error {
    Cli::command().error(ErrorKind::ArgumentConflict, text)
}

/// A time as it is typed, `1500ms` or `5s`; without a unit in seconds.
fn time(text: &str) -> Result<Duration, String> {
    let is_number = text.bytes().all(|it| it.is_ascii_digit() || it == b'.');
    let time = match is_number {
        true => humantime::parse_duration(&format!("{text}s")),
        false => humantime::parse_duration(text),
    };
    match time {
        Ok(time) if time <= TIME_MAX => Ok(time),
        Ok(_) => Err("longer than a day".into()),
        Err(_) => Err("a time is written as 500ms, 5s or 2min".into()),
    }
}

/// The longest time that can be typed.
const TIME_MAX: Duration = Duration::from_secs(86_400);

//! What a front end talks through: the terminal or standard input and output, and the log beside them.

use std::{io, os::unix::fs::OpenOptionsExt, path::PathBuf, sync::Arc};

use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::{Chat, feed::Input};
use crate::{
    args::Mode,
    frontends::cli::{
        completer::PeerCompleter,
        input,
        output::Output,
        terminal::{self, TerminalOptions, echo_commands, echo_plainly},
    },
    logging::{self, LogControl, LogGuard, LogSetup},
    node::Node,
    paths::create_private,
    wire::printable::Printable,
};

/// What these modules warn of, events show as well.
const TOLD_BY_EVENTS: &[&str] = &[
    "papo::actors::router",
    "papo::node",
    "papo::logging::panics",
];

/// Warnings of the log that may wait for the screen.
const WARNINGS: usize = 64;

/// Where the front end's lines come from and go to.
pub(super) struct Ends {
    pub output: Output,
    pub broken: Option<oneshot::Receiver<()>>,
    pub input: Input,
    pub completer: Option<PeerCompleter>,
}

impl Chat {
    /// The terminal, if there is one and nobody asked for JSON; otherwise standard input and output.
    pub(super) fn open_ends(&self, node: &Node) -> io::Result<Ends> {
        let serve = self.invocation.mode == Mode::Serve;
        if !serve && !self.invocation.json && terminal::supported() {
            return self.open_terminal(node);
        }
        let (output, broken) = Output::pipe(io::stdout());
        let input = match serve {
            true => Input::None,
            false => Input::Pipe(input::read(io::stdin())),
        };
        Ok(Ends {
            output,
            broken: Some(broken),
            input,
            completer: None,
        })
    }

    fn open_terminal(&self, node: &Node) -> io::Result<Ends> {
        let completer = PeerCompleter::default();
        let history = node.places().prompt_history(node.own().as_str()).ok();
        let private = |path: &PathBuf| path.parent().is_some_and(|it| create_private(it).is_ok());
        let (writer, input) = terminal::start(TerminalOptions {
            prompt: format!("{}> ", Printable::id(node.own().name())),
            history_path: history.filter(private),
            completer: Arc::new(completer.clone()),
            echo: if self.color(true) { echo } else { plain_echo },
        })?;
        Ok(Ends {
            output: Output::Terminal(writer),
            broken: None,
            input: Input::Terminal(input),
            completer: Some(completer),
        })
    }

    /// On a terminal to a file, warnings above the prompt; otherwise to stderr. `--log-file` adds a file.
    pub(super) fn start_log(
        &self,
        node: &Node,
        interactive: bool,
    ) -> Result<(LogControl, LogGuard, mpsc::Receiver<String>), String> {
        let settings = &self.settings.logging;
        let (warn, warnings) = mpsc::channel(WARNINGS);
        let own = interactive.then(|| node.places().log_file(node.own().as_str()).ok());
        let mut files: Vec<PathBuf> = own.flatten().filter(is_writable).into_iter().collect();
        files.extend(
            settings
                .file
                .as_deref()
                .map(|file| node.places().expand(file)),
        );
        let setup = LogSetup {
            levels: settings.level.clone(),
            stderr: !interactive,
            files,
            turns: settings.turns(),
            warnings: interactive.then_some(warn),
            told_otherwise: TOLD_BY_EVENTS,
        };
        let (control, guard) = logging::start(setup).map_err(|error| error.to_string())?;
        logging::log_panics();
        Ok((control, guard, warnings))
    }
}

/// A command stands above its reply; a text comes back as the event of its sending and is not shown twice.
fn echo(prompt: &str, line: &str) -> Option<String> {
    echo_commands(prompt, line).filter(|_| !is_text(line))
}

/// The same without colours.
fn plain_echo(prompt: &str, line: &str) -> Option<String> {
    echo_plainly(prompt, line).filter(|_| !is_text(line))
}

fn is_text(line: &str) -> bool {
    ["/msg ", "/pub "]
        .iter()
        .any(|command| line.starts_with(command))
}

/// Shows warnings of the log above the prompt.
pub(super) fn print_warnings(
    mut warnings: mpsc::Receiver<String>,
    output: Output,
) -> JoinHandle<()> {
    actix_rt::spawn(async move {
        while let Some(line) = warnings.recv().await {
            // A pipe has its log on stderr; this is a terminal, which counts what it cannot show.
            drop(output.offer(line));
        }
    })
}

fn is_writable(file: &PathBuf) -> bool {
    let made = file
        .parent()
        .is_some_and(|folder| create_private(folder).is_ok());
    made && std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(file)
        .is_ok()
}

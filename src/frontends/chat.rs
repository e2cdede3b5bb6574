//! `papo chat` and `papo serve`: a node with a front end, from the first line to the exit code.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::cli::{
    actor::{Answer, CliActor, Outcome, ShowAll, TypedLine},
    completer::PeerCompleter,
    input::{self, Typed},
    json,
    output::Output,
    render::Renderer,
    session::{Fatal, Options, Session},
    style::Style,
    terminal::{self, TerminalInput, TerminalOptions, echo_commands},
};
use crate::{
    actors::{
        door::{Door, queue},
        events::NodeEvent,
        supervisor::supervise,
    },
    args::{Color, Invocation, Mode},
    logging::{self, LogControl, LogGuard, LogSetup},
    node::{Node, NodeHandle, RunningNode, StartError, restart_policy},
    paths::{Places, create_private},
    settings::Settings,
    wire::printable::Printable,
};

/// How the program ends (product text, *Exit codes*).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, also after one signal.
    Done,
    /// 1: a failure while running.
    Failure,
    /// 2: usage or settings.
    Usage,
    /// 7: the identity is in use.
    IdentityInUse,
    /// 130 or 143: a second Ctrl-C or SIGTERM.
    Killed(u8),
}

impl Exit {
    /// The number for the shell.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::IdentityInUse => 7,
            Self::Killed(code) => code,
        }
    }
}

/// Events that may wait for the front end.
const EVENTS: usize = 1024;

/// The most that an orderly end may take.
const STOP_LIMIT: Duration = Duration::from_secs(8);

/// Warnings of the log that may wait for the screen.
const WARNINGS: usize = 64;

/// Runs a node until it ends.
pub async fn run(invocation: Invocation, settings: Settings, places: Places) -> Exit {
    let signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => {
            return complain(
                &format!("signals cannot be handled: {error}"),
                Exit::Failure,
            );
        }
    };
    let joins = invocation.join.iter().map(|it| (it.host.clone(), it.port));
    let node = match Node::prepare(settings.clone(), places, joins.collect()).await {
        Ok(node) => node,
        Err(error @ StartError::Running { .. }) => {
            return complain(&error.to_string(), Exit::IdentityInUse);
        }
        Err(error @ (StartError::Identity(_) | StartError::HelloTooLong)) => {
            return complain(&error.to_string(), Exit::Usage);
        }
        Err(error) => return complain(&error.to_string(), Exit::Failure),
    };
    Chat {
        invocation,
        settings,
        signals,
    }
    .run(node)
    .await
}

struct Chat {
    invocation: Invocation,
    settings: Settings,
    signals: Signals,
}

/// Where the front end's lines come from and go to.
struct Ends {
    output: Output,
    broken: Option<oneshot::Receiver<()>>,
    input: Input,
    completer: Option<PeerCompleter>,
}

enum Input {
    Terminal(mpsc::Receiver<TerminalInput>),
    Pipe(mpsc::Receiver<Typed>),
    None,
}

/// What ended the session.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Quit,
    InputEnded,
    Signal,
    OutputClosed,
    Fatal(Fatal),
}

impl Chat {
    async fn run(mut self, node: Node) -> Exit {
        let ends = match self.open_ends(&node) {
            Ok(ends) => ends,
            Err(error) => {
                return complain(
                    &format!("the terminal cannot be used: {error}"),
                    Exit::Failure,
                );
            }
        };
        let interactive = matches!(ends.input, Input::Terminal(_));
        let (log, guard, warnings) = match self.start_log(&node, interactive) {
            Ok(log) => log,
            Err(error) => {
                ends.output.close().await;
                return complain(&error, Exit::Failure);
            }
        };
        let printing = print_warnings(warnings, ends.output.clone());
        let exit = self.run_logged(node, ends, log).await;
        printing.abort();
        drop::<LogGuard>(guard);
        exit
    }

    async fn run_logged(&mut self, node: Node, ends: Ends, log: LogControl) -> Exit {
        let Ends {
            output,
            broken,
            input,
            completer,
        } = ends;
        let (ways, inbox) = queue::<CliActor>(EVENTS);
        output.print(self.first_lines(&node)).await;
        let policy = restart_policy(&self.settings.supervision);
        let mut running = node.start(ways.door::<NodeEvent>()).await;
        running.handle.add_panic("cli", ways.door());
        let (fatal, fatals) = mpsc::channel(4);
        let interactive = matches!(input, Input::Terminal(_));
        let options = self.options(interactive);
        let session = Session::new(running.handle.clone(), output.clone(), options, log, fatal);
        let kept = Arc::clone(&session);
        drop(supervise(
            "cli",
            inbox,
            policy,
            running.reports.clone(),
            move |_, _| CliActor::new(Arc::clone(&kept)),
        ));
        let follow = completer.map(|completer| completer.follow(running.handle.clone()));
        let feed = Feed {
            door: ways.door(),
            session: Arc::clone(&session),
        };
        let mut feeding = actix_rt::spawn(feed.run(input));
        let end = self.wait(&mut feeding, broken, fatals, &mut running).await;
        let shown = ways.door();
        let stop = stop(&end, &mut running, &shown, &output);
        let exit = tokio::select! {
            exit = tokio::time::timeout(STOP_LIMIT, stop) => exit.unwrap_or(Exit::Done),
            code = self.signals.next() => Exit::Killed(code),
        };
        feeding.abort();
        follow.inspect(JoinHandle::abort);
        output.close().await;
        terminal::restore();
        let told = exit_of(&end);
        match exit {
            Exit::Killed(_) => exit,
            _ => told,
        }
    }

    /// Waits for whatever ends the session first.
    async fn wait(
        &mut self,
        feeding: &mut JoinHandle<End>,
        broken: Option<oneshot::Receiver<()>>,
        mut fatals: mpsc::Receiver<Fatal>,
        running: &mut RunningNode,
    ) -> End {
        let handle = running.handle.clone();
        let broken = async move {
            match broken {
                Some(broken) => drop(broken.await),
                None => std::future::pending().await,
            }
        };
        let read = async {
            let end = feeding.await.unwrap_or(End::InputEnded);
            settle(&end, &handle).await;
            end
        };
        tokio::select! {
            end = read => end,
            () = broken => End::OutputClosed,
            _ = self.signals.next() => End::Signal,
            Some(fatal) = fatals.recv() => End::Fatal(fatal),
            Some(actor) = running.gave_up.recv() => End::Fatal(Fatal::GaveUp(actor)),
        }
    }

    fn options(&self, interactive: bool) -> Options {
        Options {
            json: self.invocation.json,
            interactive,
            debug: std::env::var_os("PAPO_DEBUG").is_some_and(|value| value == "1"),
            renderer: Renderer {
                style: Style {
                    color: self.color(interactive),
                },
            },
        }
    }

    fn color(&self, interactive: bool) -> bool {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        match self.invocation.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => interactive && wanted && !self.invocation.json,
        }
    }

    fn open_ends(&self, node: &Node) -> io::Result<Ends> {
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
            echo,
        })?;
        Ok(Ends {
            output: Output::Terminal(writer),
            broken: None,
            input: Input::Terminal(input),
            completer: Some(completer),
        })
    }

    /// On a terminal to a file, warnings above the prompt; otherwise to stderr. `--log-file` adds a file.
    fn start_log(
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
            rotation: settings.rotate,
            keep: settings.keep,
            warnings: interactive.then_some(warn),
        };
        let (control, guard) = logging::start(setup).map_err(|error| error.to_string())?;
        logging::log_panics();
        Ok((control, guard, warnings))
    }

    /// The first line says all; the next ones what is worth knowing.
    fn first_lines(&self, node: &Node) -> String {
        let rendezvous = node.rendezvous();
        let listen = node.listen();
        if self.invocation.json {
            let rendezvous = rendezvous.map(|(address, _)| address);
            return json::ready(node.own(), &listen, rendezvous.as_deref(), Timestamp::now());
        }
        let listen: Vec<String> = listen.iter().map(ToString::to_string).collect();
        let rendezvous = match rendezvous {
            Some((address, true)) => format!("rendezvous {address} (hosted here)"),
            Some((address, false)) => format!("rendezvous {address}"),
            None => "no rendezvous".into(),
        };
        let private = if node.is_private() {
            " (this machine only)"
        } else {
            ""
        };
        let first = format!(
            "{}  listening on {}{private}  {rendezvous}",
            node.own(),
            listen.join(", ")
        );
        let mut lines = vec![first];
        lines.extend(node.notices());
        if self.invocation.mode == Mode::Chat {
            lines.push("/help lists the commands".into());
        }
        lines.join("\n")
    }
}

/// A command stands above its reply; a text comes back as the event of its sending and is not shown twice.
fn echo(prompt: &str, line: &str) -> Option<String> {
    let is_text = ["/msg ", "/pub "]
        .iter()
        .any(|command| line.starts_with(command));
    echo_commands(prompt, line).filter(|_| !is_text)
}

/// Reads lines and hands each to CliActor, keeping it until it is answered.
struct Feed {
    door: Door<TypedLine>,
    session: Arc<Session>,
}

impl Feed {
    async fn run(self, input: Input) -> End {
        match input {
            Input::None => std::future::pending().await,
            Input::Pipe(mut lines) => {
                while let Some(line) = lines.recv().await {
                    if self.hand_over(line).await == Outcome::Quit {
                        return End::Quit;
                    }
                }
                End::InputEnded
            }
            Input::Terminal(mut inputs) => {
                while let Some(input) = inputs.recv().await {
                    let TerminalInput::Line(line) = input else {
                        return End::Quit;
                    };
                    if self.hand_over(Typed::Line(line)).await == Outcome::Quit {
                        return End::Quit;
                    }
                }
                End::Quit
            }
        }
    }

    async fn hand_over(&self, line: Typed) -> Outcome {
        let (answer, answered) = Answer::new();
        self.door.tell(TypedLine { line, answer }).await;
        match answered.await {
            Ok(outcome) => outcome,
            Err(_) => {
                let hint = "type it again; the log has the details";
                self.session
                    .complain("internal", "internal error: the line was not run", hint)
                    .await;
                Outcome::Done
            }
        }
    }
}

/// Gives messages under way their time: all of it at the end of the input, an ACK timeout after `/quit`.
async fn settle(end: &End, node: &NodeHandle) {
    match end {
        End::InputEnded => node.settled(None).await,
        End::Quit => node.settled(Some(node.facts().ack_timeout)).await,
        End::Signal | End::OutputClosed | End::Fatal(_) => {}
    }
}

/// The orderly end: the node first, then what it still had to say.
async fn stop(
    end: &End,
    running: &mut RunningNode,
    shown: &Door<ShowAll>,
    output: &Output,
) -> Exit {
    running.stop().await;
    // An error means that nobody shows anything any more.
    if *end != End::OutputClosed && shown.ask(ShowAll).await.is_ok() {
        output.close().await;
    }
    Exit::Done
}

/// Says why the node ended, if its user did not end it.
fn exit_of(end: &End) -> Exit {
    match end {
        End::Fatal(Fatal::NameTaken) => {
            let words = "another node has this name: choose another --name";
            complain(words, Exit::IdentityInUse)
        }
        End::Fatal(Fatal::GaveUp(actor)) => {
            let words =
                format!("{actor} failed too often: the node ended; the log has the details");
            complain(&words, Exit::Failure)
        }
        _ => Exit::Done,
    }
}

fn print_warnings(mut warnings: mpsc::Receiver<String>, output: Output) -> JoinHandle<()> {
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
        .open(file)
        .is_ok()
}

/// Says on stderr why the program ends.
#[expect(
    clippy::print_stderr,
    reason = "the place where a front end speaks before it has an output"
)]
pub fn complain(words: &str, exit: Exit) -> Exit {
    eprintln!("papo: {words}");
    exit
}

/// Writes to standard output, where a closed pipe is an error and no panic.
pub fn say(text: &str) -> io::Result<()> {
    use io::Write;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.trim_end())?;
    out.flush()
}

/// The signals that end a node.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal; gives the exit code of a process that it ended at once.
    async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
            _ = self.hangup.recv() => 129,
        }
    }
}

//! `papo chat` and `papo serve`: a node with a front end, from the first line to the exit code.

mod ends;
mod feed;

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use self::{
    ends::{Ends, print_warnings},
    feed::{End, Feed, Input, settle},
};
use super::{
    cli::{
        actor::{CliActor, ShowAll},
        completer::PeerCompleter,
        fresh,
        json::Ready,
        output::Output,
        reader_gone::reader_gone,
        render::Renderer,
        session::{Fatal, Options, Session},
        style::Style,
        terminal,
        text_log::TextLog,
    },
    control::{ClientParts, Control, ControlSockets},
    exit::{Exit, complain},
    signals::Signals,
    start_error::exit_of_start,
};
use crate::{
    actors::{
        door::{Door, queue},
        events::Events,
        supervisor::supervise,
    },
    args::{Color, Invocation, Mode},
    logging::{LogControl, LogGuard},
    node::{Node, NodeHandle, RunningNode, restart_policy},
    paths::Places,
    proto::restart::RestartPolicy,
    settings::Settings,
};

/// Events that may wait for the front end.
const EVENTS: usize = 1024;

/// The most that an orderly end may take.
const STOP_LIMIT: Duration = Duration::from_secs(8);

/// Runs a node until it ends.
pub async fn run(invocation: Invocation, settings: Settings, places: Places) -> Exit {
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => {
            return complain(
                &format!("signals cannot be handled: {error}"),
                Exit::Failure,
            );
        }
    };
    let joins = invocation.join.iter().map(|it| (it.host.clone(), it.port));
    let prepare = Node::prepare(settings.clone(), places, joins.collect());
    let prepared = tokio::select! {
        prepared = prepare => prepared,
        // Nothing was registered yet, and what was hosted goes with the process.
        _ = signals.next() => return Exit::Done,
    };
    let node = match prepared {
        Ok(node) => node,
        Err(error) => return exit_of_start(&error),
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
        let sockets = ControlSockets::open(&node, self.settings.node.control.as_ref()).await;
        let ready = ready(&node, &sockets);
        output.print(self.first_lines(&node, &ready)).await;
        let policy = restart_policy(&self.settings.supervision);
        let events = Events::new(ways.door()).with_tap(sockets.tap());
        let text_log = self.text_log(&node);
        let mut running = node.start(events).await;
        running.handle.add_panic("cli", ways.door());
        let (fatal, fatals) = mpsc::channel(4);
        let control = control(sockets, ready, &running, &log, &fatal, policy);
        let interactive = matches!(input, Input::Terminal(_));
        let options = self.options(interactive, text_log.clone());
        let session = Session::new(running.handle.clone(), output.clone(), options, log, fatal);
        if interactive {
            session.show_past().await;
        }
        let kept = Arc::clone(&session);
        running.handle.metrics().restarts.watch("cli");
        drop(supervise(
            "cli",
            inbox,
            policy,
            running.reports.clone(),
            move |_, _| CliActor::new(Arc::clone(&kept)),
        ));
        let follow = completer.map(|it| self.follow(it, &running.handle, &output));
        let feed = Feed {
            door: ways.door(),
            session: Arc::clone(&session),
        };
        let mut feeding = actix_rt::spawn(feed.run(input));
        let end = self.wait(&mut feeding, broken, fatals, &mut running).await;
        let shown = ways.door();
        let stop = stop(&end, &mut running, &shown, &output, control);
        let exit = tokio::select! {
            exit = tokio::time::timeout(STOP_LIMIT, stop) => exit.unwrap_or(Exit::Done),
            code = self.signals.next() => Exit::Killed(code),
        };
        feeding.abort();
        follow.inspect(JoinHandle::abort);
        output.close().await;
        text_log.inspect(TextLog::close);
        terminal::restore();
        let told = exit_of(&end);
        match exit {
            Exit::Killed(_) => exit,
            _ => told,
        }
    }

    /// What is kept fresh beside a terminal.
    fn follow(
        &self,
        completer: PeerCompleter,
        node: &NodeHandle,
        output: &Output,
    ) -> JoinHandle<()> {
        let style = Style {
            color: self.color(true),
        };
        let shown_on = match output {
            Output::Terminal(terminal) if self.settings.prompt.status => {
                Some((terminal.clone(), style))
            }
            _ => None,
        };
        fresh::follow(node.clone(), completer, shown_on)
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
                Some(broken) => tokio::select! {
                    _ = broken => {}
                    () = reader_gone(io::stdout()) => {}
                },
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
            Some(fatal) = fatals.recv() => {
                assert!(fatal != Fatal::PanicOnRequest, "asked to panic");
                End::Fatal(fatal)
            }
            Some(actor) = running.gave_up.recv() => End::Fatal(Fatal::GaveUp(actor)),
        }
    }

    fn options(&self, interactive: bool, text_log: Option<TextLog>) -> Options {
        Options {
            json: self.invocation.json,
            interactive,
            debug: is_debugging(),
            renderer: Renderer {
                style: Style {
                    color: self.color(interactive),
                },
            },
            bell: self.settings.prompt.bell,
            text_log,
        }
    }

    /// The sessions as text, where the settings want them and a folder can be written.
    fn text_log(&self, node: &Node) -> Option<TextLog> {
        let folder = node.folder().filter(|_| self.settings.history.text_log)?;
        let port = node.listen().first().map_or(0, SocketAddr::port);
        let opened = TextLog::start(folder, port, &node.own().to_string());
        opened
            .inspect_err(|error| tracing::warn!(%error, "The text log cannot be written"))
            .ok()
    }

    pub(super) fn color(&self, interactive: bool) -> bool {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        match self.invocation.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => interactive && wanted && !self.invocation.json,
        }
    }

    /// The first line says all; the next ones what is worth knowing.
    fn first_lines(&self, node: &Node, ready: &Ready) -> String {
        if self.invocation.json {
            return ready.line(Timestamp::now());
        }
        let rendezvous = node.rendezvous();
        let listen = node.listen();
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
        lines.extend(ready.notices.iter().cloned());
        if self.invocation.mode == Mode::Chat {
            lines.push("/help lists the commands".into());
        }
        lines.join("\n")
    }
}

/// Whether `/debug` exists.
fn is_debugging() -> bool {
    std::env::var_os("PAPO_DEBUG").is_some_and(|value| value == "1")
}

/// What programs are told first.
fn ready(node: &Node, sockets: &ControlSockets) -> Ready {
    let notices = node.notices().into_iter();
    Ready {
        own: node.own().clone(),
        listen: node.listen(),
        rendezvous: node.rendezvous().map(|(address, _)| address),
        notices: notices.chain(sockets.notices().iter().cloned()).collect(),
        control: sockets.path().map(Path::to_owned),
        control_tcp: sockets.tcp_address(),
    }
}

/// Lets other programs in.
fn control(
    sockets: ControlSockets,
    ready: Ready,
    running: &RunningNode,
    log: &LogControl,
    fatal: &mpsc::Sender<Fatal>,
    policy: RestartPolicy,
) -> Control {
    let parts = ClientParts {
        node: running.handle.clone(),
        log: log.clone(),
        fatal: fatal.clone(),
        debug: is_debugging(),
        ready,
    };
    sockets.start(parts, policy, running.reports.clone())
}

/// The orderly end: the node first, then what it still had to say.
async fn stop(
    end: &End,
    running: &mut RunningNode,
    shown: &Door<ShowAll>,
    output: &Output,
    control: Control,
) -> Exit {
    running.stop().await;
    control.close().await;
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

//! A node that lives as long as one command: nobody sees its output, and its only client is that command.

use std::{io, sync::Arc};

use tokio::{io::DuplexStream, sync::mpsc};

use crate::{
    actors::{
        door::{Doorway, queue},
        events::Events,
        supervisor::supervise,
    },
    args::Invocation,
    frontends::{
        cli::{
            actor::CliActor,
            json::Ready,
            output::Output,
            render::Renderer,
            session::{Options, Session},
            style::Style,
        },
        control::{ClientParts, Control, ControlSockets},
        exit::{Exit, complain},
        start_error::exit_of_start,
    },
    logging::{self, LogControl, LogGuard, LogSetup},
    node::{Node, RunningNode, restart_policy},
    paths::Places,
    settings::{Bell, Port, Settings},
};

/// Events that may wait for the actor that shows them to nobody.
const EVENTS_MAX: usize = 1024;

/// Bytes on the way between the command and its node.
const BUFFER_BYTES: usize = 256 * 1024;

/// The running node.
pub(super) struct OwnNode {
    running: RunningNode,
    control: Control,
    _ways: Doorway<CliActor>,
    _guard: LogGuard,
}

impl OwnNode {
    /// Starts it; an error is told already. It listens on any port, so that it never takes a chosen one.
    pub(super) async fn start(
        invocation: &Invocation,
        mut settings: Settings,
        places: Places,
    ) -> Result<(Self, DuplexStream), Exit> {
        settings.node.port = Port::Any;
        settings.node.public_port = None;
        let (log, guard) = start_log(invocation, &settings, &places)?;
        let joins = invocation.join.iter().map(|it| (it.host.clone(), it.port));
        let node = Node::prepare(settings.clone(), places, joins.collect()).await;
        let node = node.map_err(|error| exit_of_start(&error))?;
        let ready = Ready {
            own: node.own().clone(),
            listen: node.listen(),
            rendezvous: node.rendezvous().map(|(address, _)| address),
            notices: node.notices(),
            control: None,
            control_tcp: None,
        };
        let policy = restart_policy(&settings.supervision);
        let sockets = ControlSockets::none();
        let (ways, inbox) = queue::<CliActor>(EVENTS_MAX);
        let running = node
            .start(Events::new(ways.door()).with_tap(sockets.tap()))
            .await;
        // Its name is taken by a living node, or a part of it was given up: the command then waits in vain, and says so.
        let (fatal, _) = mpsc::channel(1);
        let session = Session::new(
            running.handle.clone(),
            Output::pipe(io::sink()).0,
            options(),
            log.clone(),
            fatal.clone(),
        );
        let reports = running.reports.clone();
        drop(supervise("cli", inbox, policy, reports, move |_, _| {
            CliActor::new(Arc::clone(&session))
        }));
        let parts = ClientParts {
            node: running.handle.clone(),
            log,
            fatal,
            debug: false,
            ready,
        };
        let control = sockets.start(parts, policy, running.reports.clone());
        let (ours, its) = tokio::io::duplex(BUFFER_BYTES);
        control.attach(its);
        let node = Self {
            running,
            control,
            _ways: ways,
            _guard: guard,
        };
        Ok((node, ours))
    }

    /// Ends it in order.
    pub(super) async fn stop(mut self) {
        self.running.stop().await;
        self.control.close().await;
    }
}

fn options() -> Options {
    Options {
        json: true,
        interactive: false,
        debug: false,
        bell: Bell::Off,
        renderer: Renderer {
            style: Style { color: false },
        },
    }
}

/// Warnings to stderr, unless `--log` says otherwise.
fn start_log(
    invocation: &Invocation,
    settings: &Settings,
    places: &Places,
) -> Result<(LogControl, LogGuard), Exit> {
    let is_said = invocation
        .arguments
        .iter()
        .any(|it| it.key == "logging.level");
    let file = settings.logging.file.as_deref();
    let setup = LogSetup {
        levels: match is_said {
            true => settings.logging.level.clone(),
            false => "error".parse().unwrap_or_default(),
        },
        stderr: true,
        files: file.map(|file| places.expand(file)).into_iter().collect(),
        turns: settings.logging.turns(),
        warnings: None,
        told_otherwise: &[],
    };
    let started = logging::start(setup);
    logging::log_panics();
    started.map_err(|error| complain(&error.to_string(), Exit::Failure))
}

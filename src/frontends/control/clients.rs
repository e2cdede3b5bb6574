//! The clients of the control socket: for each a session of its own, a task that reads its commands, and one that
//! writes its lines. They lie outside of ControlActor, so that its panic ends none.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    sync::{Notify, mpsc},
    time::timeout,
};

use crate::{
    actors::events::{Listening, Tap},
    frontends::cli::{
        client_lines::ClientLines,
        input::{PartialLine, Typed},
        json::{self, Ready},
        output::Output,
        render::Renderer,
        session::{Fatal, Options, Outcome, Progress, Session},
        style::Style,
    },
    logging::LogControl,
    node::NodeHandle,
    settings::Bell,
};

/// Clients at a time; the next one is told so and closed.
pub const CLIENTS_MAX: usize = 16;

/// What a client's session is made of.
#[derive(Clone)]
pub struct ClientParts {
    /// The node.
    pub node: NodeHandle,
    /// The levels of its log.
    pub log: LogControl,
    /// Where a session tells that the node has to end.
    pub fatal: mpsc::Sender<Fatal>,
    /// Whether `/debug` exists.
    pub debug: bool,
    /// The first line.
    pub ready: Ready,
}

/// All clients. Cloning is cheap.
#[derive(Clone)]
pub(super) struct Clients(Arc<Shared>);

struct Shared {
    parts: ClientParts,
    tap: Tap,
    open: Mutex<HashMap<u64, ClientLines>>,
    numbers: AtomicU64,
    left: Notify,
}

/// One of the places; given back when it is dropped.
struct Place {
    clients: Clients,
    number: u64,
    _listening: Listening,
}

impl Clients {
    pub(super) fn new(parts: ClientParts, tap: Tap) -> Self {
        Self(Arc::new(Shared {
            parts,
            tap,
            open: Mutex::default(),
            numbers: AtomicU64::new(0),
            left: Notify::new(),
        }))
    }

    pub(super) fn node(&self) -> &NodeHandle {
        &self.0.parts.node
    }

    /// The ways out to all of them.
    pub(super) fn all(&self) -> Vec<ClientLines> {
        self.0.open.lock().values().cloned().collect()
    }

    /// Serves one client until it leaves or is closed. With `write_wait` it is closed when it takes nothing for so long.
    pub(super) async fn serve(
        self,
        reader: impl AsyncRead + Unpin,
        mut writer: impl AsyncWrite + Send + Unpin + 'static,
        write_wait: Option<Duration>,
    ) {
        let lines = ClientLines::default();
        let Some(_place) = self.enter(&lines) else {
            let line = too_many_clients();
            // One try: who cannot take a line is closed without it.
            drop(timeout(Duration::from_secs(1), writer.write_all(line.as_bytes())).await);
            return;
        };
        lines.put(self.0.parts.ready.line(Timestamp::now())).await;
        let writing = actix_rt::spawn(write(lines.clone(), writer, write_wait));
        tokio::select! {
            () = read(reader, self.session(&lines), &lines) => {}
            () = lines.ended() => {}
        }
        lines.close();
        // A panic there is told by the log; the client is gone either way.
        drop(writing.await);
    }

    /// Waits until none is left.
    pub(super) async fn gone(&self) {
        loop {
            let left = self.0.left.notified();
            if self.0.open.lock().is_empty() {
                return;
            }
            left.await;
        }
    }

    fn enter(&self, lines: &ClientLines) -> Option<Place> {
        let mut open = self.0.open.lock();
        if open.len() >= CLIENTS_MAX {
            return None;
        }
        let number = self.0.numbers.fetch_add(1, Ordering::Relaxed);
        open.insert(number, lines.clone());
        Some(Place {
            clients: self.clone(),
            number,
            _listening: self.0.tap.listen(),
        })
    }

    fn session(&self, lines: &ClientLines) -> Arc<Session> {
        let parts = self.0.parts.clone();
        let options = Options {
            json: true,
            interactive: false,
            debug: parts.debug,
            renderer: Renderer {
                style: Style { color: false },
            },
            bell: Bell::Off,
        };
        let output = Output::Client(lines.clone());
        Session::new(parts.node, output, options, parts.log, parts.fatal)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let lines = self.clients.0.open.lock().remove(&self.number);
        // Its writer ends, also when its reader panicked.
        lines.inspect(ClientLines::close);
        self.clients.0.left.notify_waiters();
    }
}

/// Runs the client's commands, one after the other, until it wants to leave. At the end of its input it is told first
/// what becomes of its messages.
async fn read(reader: impl AsyncRead + Unpin, session: Arc<Session>, lines: &ClientLines) {
    let mut reader = BufReader::new(reader);
    let mut partial = PartialLine::default();
    loop {
        let Ok(chunk) = reader.fill_buf().await else {
            return;
        };
        let (is_end, length) = (chunk.is_empty(), chunk.len());
        let mut together = lines_of(&mut partial, chunk);
        if is_end {
            together.extend(partial.at_end());
        }
        reader.consume(length);
        together.retain(|it| !matches!(it, Typed::Line(line) if line.trim().is_empty()));
        let progress = Progress::default();
        if session.execute(&together, &progress).await == Outcome::Quit {
            return;
        }
        if is_end {
            return lines.settled().await;
        }
    }
}

/// All lines that end in this chunk.
fn lines_of(partial: &mut PartialLine, mut chunk: &[u8]) -> Vec<Typed> {
    let mut lines = Vec::new();
    while !chunk.is_empty() {
        let (used, line) = partial.take(chunk);
        lines.extend(line);
        chunk = &chunk[used..];
    }
    lines
}

async fn write(
    lines: ClientLines,
    mut writer: impl AsyncWrite + Unpin,
    write_wait: Option<Duration>,
) {
    while let Some(bytes) = lines.next().await {
        let written = async {
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let step = match write_wait {
                    Some(limit) => timeout(limit, writer.write(rest)).await.ok()?,
                    None => writer.write(rest).await,
                };
                rest = &rest[step.ok().filter(|count| *count > 0)?..];
            }
            Some(())
        };
        if written.await.is_none() {
            return lines.give_up();
        }
    }
    // An error means that the client is gone already.
    drop(writer.shutdown().await);
}

fn too_many_clients() -> String {
    let message = format!("{CLIENTS_MAX} clients use this node already");
    let hint = "wait until one of them has left";
    json::error("too_many_clients", &message, hint, None, Timestamp::now()) + "\n"
}

//! The terminal's own thread: it waits for keys, lines, signals and the time of the next frame,
//! lets the session decide, and writes. The only room that touches the real terminal.

mod keys;
mod page;
mod tty;

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{self, Signal},
    unistd::{self, Pid},
};
use tokio::{
    runtime,
    signal::unix::{self, SignalKind},
    sync::{mpsc, watch},
    time,
};

use self::{
    keys::{Keys, Typed},
    tty::Tty,
};
use super::{
    TerminalInput, TerminalOptions, TerminalWriter,
    editor::Editor,
    history::History,
    history_file::HistoryFile,
    queue::{Phase, Queue},
    screen::Screen,
    session::{Request, Session},
};

pub use tty::{restore, supported};

/// What the user gave that waits in the channel to the node; the rest Ctrl-C can still stop.
const INPUTS_MAX: usize = 16;
/// Outputs in one frame: what a terminal takes in a frame's time.
const FRAME_OUTPUTS_MAX: usize = 256;
/// Keys taken before a frame is drawn.
const FRAME_KEYS_MAX: usize = 64;
/// How long the news that we go on may take after we do.
const CONTINUE_WAIT: Duration = Duration::from_millis(50);

/// Takes the terminal and starts its thread. The receiver ends when the terminal is closed or
/// lost. Fails if stdin or stdout is no terminal or if it is taken already.
pub fn start(
    options: TerminalOptions,
) -> io::Result<(TerminalWriter, mpsc::Receiver<TerminalInput>)> {
    let tty = Tty::take()?;
    let queue = Arc::new(Queue::new(options.prompt.clone()));
    let (inputs, receiver) = mpsc::channel(INPUTS_MAX);
    let (done, is_done) = watch::channel(());
    let end = End {
        queue: Arc::clone(&queue),
        _done: done,
    };
    thread::Builder::new()
        .name("terminal".into())
        .spawn(move || {
            if let Err(error) = run(tty, &options, end, inputs) {
                tracing::warn!(%error, "the terminal cannot be used");
            }
        })?;
    Ok((TerminalWriter::new(queue, is_done), receiver))
}

fn run(
    tty: Tty,
    options: &TerminalOptions,
    end: End,
    inputs: mpsc::Sender<TerminalInput>,
) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (driver, keys) = Driver::new(tty, options, end, inputs)?;
        driver.run(keys).await;
        Ok(())
    })
}

/// Everything the loop owns. Dropped in this order also by a panic: first the terminal is given
/// back, then the writers hear of the end.
struct Driver {
    tty: Tty,
    end: End,
    session: Session,
    history: HistoryFile,
    inputs: mpsc::Sender<TerminalInput>,
    /// Asked to stop: Ctrl-Z, or `kill -TSTP` from outside.
    stopping: unix::Signal,
    continued: unix::Signal,
}

/// Tells the writers that nothing is drawn any more.
struct End {
    queue: Arc<Queue>,
    /// Dropped = the thread has ended; [`TerminalWriter::close`] waits for that.
    _done: watch::Sender<()>,
}

impl Drop for End {
    fn drop(&mut self) {
        self.queue.enter(Phase::Closed);
    }
}

/// Why the loop ended.
enum Ending {
    /// All is drawn.
    Closed,
    /// The terminal is gone, or was given back by someone in a hurry.
    Lost,
}

/// What the loop woke up for.
enum Wake {
    /// A key; `None` = there will be none any more.
    Typed(Option<Typed>),
    /// The node has room for input, or is not there any more.
    Node(bool),
    /// There may be something to draw.
    Changed,
    /// The process is to stop.
    Stopping,
    /// The process was stopped and goes on.
    Continued,
    /// The terminal is gone.
    HungUp,
}

impl Driver {
    fn new(
        tty: Tty,
        options: &TerminalOptions,
        end: End,
        inputs: mpsc::Sender<TerminalInput>,
    ) -> io::Result<(Self, Keys)> {
        let history = HistoryFile::new(options.history_path.clone());
        let editor = Editor::new(History::new(history.load()), Arc::clone(&options.completer));
        let (columns, rows) = tty.size();
        let screen = Screen::new(columns, rows);
        let session = Session::new(editor, screen, options.echo, Instant::now());
        let stopping = unix::signal(SignalKind::from_raw(Signal::SIGTSTP as i32))?;
        let continued = unix::signal(SignalKind::from_raw(Signal::SIGCONT as i32))?;
        let driver = Self {
            tty,
            end,
            session,
            history,
            inputs,
            stopping,
            continued,
        };
        Ok((driver, Keys::read()?))
    }

    async fn run(mut self, mut keys: Keys) {
        match self.converse(&mut keys).await {
            Ok(Ending::Closed) => return,
            Ok(Ending::Lost) => tracing::info!("the terminal is gone"),
            Err(error) => tracing::warn!(%error, "the terminal is lost"),
        }
        self.session.hang_up();
        let Self {
            tty,
            end,
            mut session,
            inputs,
            ..
        } = self;
        drop(tty);
        drop(end);
        while let Some(input) = session.next_input() {
            if inputs.send(input).await.is_err() {
                return;
            }
        }
    }

    async fn converse(&mut self, keys: &mut Keys) -> io::Result<Ending> {
        loop {
            self.session.set_face(self.end.queue.face());
            if let Some(alert) = self.end.queue.take_alert() {
                self.session.alert(Instant::now(), alert);
            }
            if self.end.queue.phase() != Phase::Open {
                return self.finish();
            }
            if self.end.queue.page.get().is_some() {
                self.show_page(keys).await?;
                continue;
            }
            let due = self.session.frame_due(self.end.queue.is_waiting());
            if due.is_some_and(|due| due <= Instant::now()) {
                if !self.tty.is_ours() {
                    return Ok(Ending::Lost);
                }
                self.draw()?;
                continue;
            }
            match self.wait(keys, due).await {
                Wake::Typed(Some(typed)) => self.take(typed, keys).await?,
                Wake::Node(true) => self.hand_over(),
                Wake::Changed => {}
                Wake::Stopping => self.suspend().await?,
                Wake::Continued if self.tty.is_ours() => self.resume()?,
                Wake::Node(false) => return self.finish(),
                Wake::Typed(None) | Wake::HungUp | Wake::Continued => return Ok(Ending::Lost),
            }
        }
    }

    /// Waits for whatever comes first; keys before all else. While a frame is due anyway, news
    /// can wait for it: a flood wakes nobody.
    async fn wait(&mut self, keys: &mut Keys, due: Option<Instant>) -> Wake {
        tokio::select! {
            biased;
            typed = keys.next(), if self.session.takes_keys() => Wake::Typed(typed),
            room = self.inputs.reserve(), if self.session.has_input() => Wake::Node(room.is_ok()),
            () = self.inputs.closed() => Wake::Node(false),
            () = self.end.queue.changed(), if due.is_none() => Wake::Changed,
            () = wait_until(due) => Wake::Changed,
            _ = self.stopping.recv() => Wake::Stopping,
            _ = self.continued.recv() => Wake::Continued,
            () = self.tty.hung_up() => Wake::HungUp,
        }
    }

    /// Gives the node what it has room for; only this thread sends, so the room is still there.
    fn hand_over(&mut self) {
        if let Ok(room) = self.inputs.try_reserve()
            && let Some(input) = self.session.next_input()
        {
            room.send(input);
        }
    }

    /// Takes a key and those that are there already: a frame for each would be too slow for a
    /// paste without brackets.
    async fn take(&mut self, typed: Typed, keys: &mut Keys) -> io::Result<()> {
        self.take_one(typed).await?;
        for _ in 1..FRAME_KEYS_MAX {
            let next = if self.session.takes_keys() {
                keys.next_now()
            } else {
                None
            };
            let Some(typed) = next else { break };
            self.take_one(typed).await?;
        }
        Ok(())
    }

    async fn take_one(&mut self, typed: Typed) -> io::Result<()> {
        let now = Instant::now();
        if matches!(typed, Typed::Key(_) | Typed::Paste(_)) {
            self.session.present(now);
        }
        let request = match typed {
            Typed::Key(key) => self.session.key(key),
            Typed::Paste(text) => self.session.paste(&text),
            Typed::Focus(focused) => {
                self.session.focus(now, focused);
                None
            }
            Typed::Resize => {
                self.session.resize(self.tty.size());
                None
            }
        };
        match request {
            Some(Request::Remember(lines)) => self.history.append(&lines),
            // The whole job stops; we ourselves are told like the others.
            Some(Request::Suspend) => signal::kill(Pid::from_raw(0), Signal::SIGTSTP)?,
            None => {}
        }
        Ok(())
    }

    fn draw(&mut self) -> io::Result<()> {
        let output = self.end.queue.take(FRAME_OUTPUTS_MAX);
        self.tty
            .write(&self.session.frame(output, Instant::now()))?;
        self.session.drawn(Instant::now());
        Ok(())
    }

    /// Draws what waits, without the prompt.
    fn finish(&mut self) -> io::Result<Ending> {
        if self.tty.is_ours() {
            let output = self.end.queue.take(usize::MAX);
            self.tty.write(&self.session.last_frame(output))?;
        }
        Ok(Ending::Closed)
    }

    /// Gives the terminal away, stops, and takes it back. What asked for it can be held back, this cannot: so not where
    /// nobody could continue us.
    async fn suspend(&mut self) -> io::Result<()> {
        if !has_job_control() {
            return Ok(());
        }
        self.tty.write(&self.session.last_frame(Vec::new()))?;
        restore();
        signal::raise(Signal::SIGSTOP)?;
        // The news may come behind the timer: the time ran on while we stood still.
        for _ in 0..2 {
            if time::timeout(CONTINUE_WAIT, self.continued.recv())
                .await
                .is_ok()
            {
                break;
            }
        }
        self.resume()
    }

    /// After a stop, whoever caused it: a shell may have changed modes and size and has written
    /// below the block.
    fn resume(&mut self) -> io::Result<()> {
        self.tty.take_again()?;
        self.session.resume(self.tty.size());
        Ok(())
    }
}

/// Whether a shell looks after us: then we are not the session's first process, which nothing continues.
fn has_job_control() -> bool {
    unistd::getsid(None).is_ok_and(|session| session != unistd::getpgrp())
}

async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

//! Standard output when it is no terminal: a bounded buffer, and a thread that writes it, since a write may block.
//!
//! A line that comes after a while is written at once. In a flood, the next write follows a few milliseconds after the last one
//! with all that has come meanwhile: waking a thread costs as much as receiving dozens of messages, and whoever is
//! being answered at that moment waits for it.

use std::{
    io::{self, Write},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};
use tokio::sync::{Notify, oneshot};

/// Bytes that may wait; then whoever causes more waits. A single piece may be larger.
const BYTES_MAX: usize = 1 << 20;

/// With so many bytes waiting the next write comes at once.
const BYTES_AT_ONCE: usize = BYTES_MAX / 4;

/// The most that a line waits because others have just been written; longer if those were a flood.
const LINGER: Duration = Duration::from_millis(1);
const LINGER_IN_FLOOD: Duration = Duration::from_millis(5);

/// With so many bytes in one write it is a flood: who answers line by line causes less in a millisecond.
const FLOOD_BYTES: usize = 4 * 1024;

/// Lines on their way to standard output. Cloning is cheap; the order is that of the calls.
#[derive(Clone)]
pub struct Pipe(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// For the thread: there is something to do before its linger is over.
    filled: Condvar,
    /// For the others: something was written.
    written: Notify,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    thread: Thread,
    /// The sink takes nothing any more: lines vanish.
    broken: bool,
    /// Somebody waits for the end.
    closing: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Thread {
    #[default]
    Writing,
    /// It has just written.
    Lingering,
    /// It waits for a line.
    Idle,
}

impl Pipe {
    /// Starts writing to `sink`; the receiver tells when it takes nothing any more (a closed pipe).
    pub fn start(sink: impl Write + Send + 'static) -> (Self, oneshot::Receiver<()>) {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            filled: Condvar::new(),
            written: Notify::new(),
        });
        let (broken, is_broken) = oneshot::channel();
        let pipe = Self(Arc::clone(&shared));
        // It lives as long as the process.
        thread::spawn(move || shared.write_to(sink, broken));
        (pipe, is_broken)
    }

    /// Takes lines if there is room, and gives them back if not.
    pub fn offer(&self, lines: String) -> Result<(), String> {
        let mut state = self.0.state.lock();
        if state.broken {
            return Ok(());
        }
        let waiting = state.waiting.len();
        if waiting > 0 && waiting + lines.len() > BYTES_MAX {
            return Err(lines);
        }
        state.waiting.extend_from_slice(lines.as_bytes());
        state.waiting.push(b'\n');
        if state.is_due() {
            self.0.filled.notify_one();
        }
        Ok(())
    }

    /// Takes lines, waiting for room.
    pub async fn put(&self, lines: String) {
        let mut left = self.offer(lines).err();
        while let Some(lines) = left {
            let written = self.0.written.notified();
            left = self.offer(lines).err();
            if left.is_some() {
                written.await;
            }
        }
    }

    /// Waits until all that was taken is written.
    pub async fn flush(&self) {
        loop {
            let written = self.0.written.notified();
            {
                let mut state = self.0.state.lock();
                if state.waiting.is_empty() && state.thread != Thread::Writing {
                    return;
                }
                state.closing = true;
                self.0.filled.notify_one();
            }
            written.await;
        }
    }
}

impl State {
    /// Whether the thread has to be woken.
    fn is_due(&self) -> bool {
        match self.thread {
            Thread::Idle => true,
            Thread::Lingering => self.closing || self.waiting.len() >= BYTES_AT_ONCE,
            Thread::Writing => false,
        }
    }
}

impl Shared {
    /// After an error it goes on taking lines, so that nobody waits for it.
    fn write_to(&self, mut sink: impl Write, broken: oneshot::Sender<()>) {
        let mut broken = Some(broken);
        let mut lines = Vec::new();
        loop {
            self.next(&mut lines);
            let written = match broken.is_some() {
                true => sink.write_all(&lines).and_then(|()| sink.flush()),
                false => Ok::<(), io::Error>(()),
            };
            if written.is_err() {
                self.state.lock().broken = true;
                // Dropping the sender is the message.
                drop(broken.take());
            }
            self.linger(lines.len());
        }
    }

    /// Waits for something to write and takes it all.
    fn next(&self, lines: &mut Vec<u8>) {
        let mut state = self.state.lock();
        while state.waiting.is_empty() {
            state.thread = Thread::Idle;
            self.filled.wait(&mut state);
        }
        state.thread = Thread::Writing;
        // Not in the middle of a flood, which would have to grow it again.
        if lines.len() < BYTES_AT_ONCE / 2 {
            lines.shrink_to(BYTES_AT_ONCE);
        }
        lines.clear();
        std::mem::swap(&mut state.waiting, lines);
    }

    /// Lets lines gather after so many bytes were written.
    fn linger(&self, written: usize) {
        let mut state = self.state.lock();
        state.thread = Thread::Lingering;
        self.written.notify_waiters();
        let end = Instant::now() + linger_after(written);
        while !state.is_due() && !self.filled.wait_until(&mut state, end).timed_out() {}
    }
}

fn linger_after(written: usize) -> Duration {
    match written >= FLOOD_BYTES {
        true => LINGER_IN_FLOOD,
        false => LINGER,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt;

    use super::*;

    /// Takes a write only when it is let.
    struct Gate {
        writes: mpsc::Sender<String>,
        open: mpsc::Receiver<io::Result<()>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let text = String::from_utf8_lossy(bytes).into_owned();
            self.writes.send(text).map_err(io::Error::other)?;
            self.open.recv().map_err(io::Error::other)??;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Rig {
        pipe: Pipe,
        broken: oneshot::Receiver<()>,
        written: mpsc::Receiver<String>,
        open: mpsc::Sender<io::Result<()>>,
    }

    fn rig() -> Rig {
        let (writes, written) = mpsc::channel();
        let (open, opened) = mpsc::channel();
        let gate = Gate {
            writes,
            open: opened,
        };
        let (pipe, broken) = Pipe::start(gate);
        Rig {
            pipe,
            broken,
            written,
            open,
        }
    }

    #[test]
    fn only_in_a_flood_lines_gather_for_long() {
        assert_eq!(linger_after(FLOOD_BYTES - 1), LINGER);
        assert_eq!(linger_after(FLOOD_BYTES), LINGER_IN_FLOOD);
    }

    #[test]
    fn what_comes_during_a_write_is_written_together_and_in_order() {
        let rig = rig();
        rig.pipe.offer("a".into()).unwrap();
        assert_eq!(rig.written.recv().unwrap(), "a\n");
        rig.pipe.offer("b\nc".into()).unwrap();
        rig.pipe.offer("d".into()).unwrap();
        rig.open.send(Ok(())).unwrap();
        assert_eq!(rig.written.recv().unwrap(), "b\nc\nd\n");
    }

    #[tokio::test]
    async fn a_sink_that_takes_nothing_gives_lines_back_and_makes_others_wait() {
        let rig = rig();
        rig.pipe.offer("first".into()).unwrap();
        rig.written.recv().unwrap();
        let large = "x".repeat(BYTES_MAX);
        rig.pipe.offer(large.clone()).unwrap();
        assert_eq!(rig.pipe.offer("more".into()), Err("more".into()));
        let mut put = Box::pin(rig.pipe.put("more".into()));
        assert_eq!((&mut put).now_or_never(), None);
        rig.open.send(Ok(())).unwrap();
        put.await;
        assert_eq!(rig.written.recv().unwrap(), large + "\n");
    }

    #[tokio::test]
    async fn flushing_waits_for_all_that_was_taken() {
        let rig = rig();
        rig.pipe.offer("a".into()).unwrap();
        rig.written.recv().unwrap();
        rig.pipe.offer("b".into()).unwrap();
        let mut flushed = Box::pin(rig.pipe.flush());
        assert_eq!((&mut flushed).now_or_never(), None);
        rig.open.send(Ok(())).unwrap();
        rig.open.send(Ok(())).unwrap();
        flushed.await;
        assert_eq!(rig.written.try_recv().unwrap(), "b\n");
    }

    #[tokio::test]
    async fn a_broken_sink_is_told_once_and_holds_nobody_up() {
        let rig = rig();
        rig.pipe.offer("a".into()).unwrap();
        rig.open
            .send(Err(io::ErrorKind::BrokenPipe.into()))
            .unwrap();
        assert!(rig.broken.await.is_err(), "dropping the sender tells it");
        rig.pipe.put("b".into()).await;
        rig.pipe.flush().await;
        assert_eq!(rig.written.try_iter().collect::<Vec<_>>(), ["a\n"]);
    }
}

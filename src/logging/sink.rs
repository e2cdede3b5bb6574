//! The ends of the log: what counts lost lines, and the way to the terminal for warnings.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;
use tracing_appender::non_blocking::ErrorCounter;
use tracing_subscriber::fmt::MakeWriter;

/// Counts the lines that never arrived.
#[derive(Debug, Clone, Default)]
pub(super) struct Losses {
    /// Lines a destination failed to take.
    failed: Arc<AtomicUsize>,
    /// Lines that found the queue of a destination full.
    full: Vec<ErrorCounter>,
}

/// A destination whose failures are counted instead of reported: there is nobody to report them to.
pub(super) struct Counted<W> {
    inner: W,
    losses: Losses,
}

/// Hands each line to whoever shows warnings on the terminal. Never waits.
pub(super) struct Warnings {
    sender: mpsc::Sender<String>,
    losses: Losses,
}

impl Losses {
    /// All lines lost so far.
    pub fn total(&self) -> usize {
        let full: usize = self.full.iter().map(ErrorCounter::dropped_lines).sum();
        full + self.failed.load(Ordering::Relaxed)
    }

    /// Also counts what this queue drops.
    pub fn watch(&mut self, queue: ErrorCounter) {
        self.full.push(queue);
    }

    fn add_one(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }
}

impl<W> Counted<W> {
    /// Counts the failures of `inner` among `losses`.
    pub fn new(inner: W, losses: &Losses) -> Self {
        Self {
            inner,
            losses: losses.clone(),
        }
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn write_all(&mut self, line: &[u8]) -> io::Result<()> {
        self.inner
            .write_all(line)
            .inspect_err(|_| self.losses.add_one())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Warnings {
    /// Sends to `sender`; what does not fit is counted among `losses`.
    pub fn new(sender: mpsc::Sender<String>, losses: &Losses) -> Self {
        Self {
            sender,
            losses: losses.clone(),
        }
    }
}

impl<'a> MakeWriter<'a> for Warnings {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

impl Write for &Warnings {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line).trim_end().to_owned();
        if self.sender.try_send(text).is_err() {
            self.losses.add_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk without room.
    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_no_disk_takes_is_counted() {
        let losses = Losses::default();
        let mut destination = Counted::new(Full, &losses);
        assert!(destination.write_all(b"one\n").is_err());
        assert!(destination.write_all(b"two\n").is_err());
        assert_eq!(losses.total(), 2);
    }

    #[test]
    fn a_warning_nobody_takes_is_counted_and_nobody_waits() {
        let (sender, mut receiver) = mpsc::channel(1);
        let losses = Losses::default();
        let warnings = Warnings::new(sender, &losses);
        for line in ["one\n", "two\n", "three\n"] {
            (&warnings).write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(receiver.try_recv().as_deref(), Ok("one"));
        assert!(receiver.try_recv().is_err());
        assert_eq!(losses.total(), 2);
    }
}

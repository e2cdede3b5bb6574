//! A log file that is put aside from time to time, or when it is large: `papo.log`, with older ones beside it as
//! `papo.log.2026-11-20`, `papo.log.2026-11-20.1` and so on.
//!
//! Libraries are not used: those that are kept up rotate by time or by size, not by both, write to another file than
//! the one named, or clear up by name prefix, which takes other people's files along. Only files whose whole name we
//! could have given are removed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::aside;

/// When a log file is put aside by the clock, which is that of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// At midnight.
    Daily,
    /// At the full hour.
    Hourly,
    /// Never.
    Never,
}

/// When files are put aside, and how many stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turns {
    /// By the clock.
    pub rotation: Rotation,
    /// By size: no file gets more bytes, but for a single line that has more. None: however large it is.
    pub max_size: Option<u64>,
    /// Files kept, the one being written included.
    pub keep: usize,
}

/// The file being written, and what is needed to follow the clock and the size.
pub(super) struct RotatingFile {
    path: PathBuf,
    turns: Turns,
    file: BufWriter<File>,
    period: i64,
    /// Bytes of the file, with those that are still in the buffer.
    size: u64,
}

impl Rotation {
    /// The number of the day or hour `time` lies in.
    pub(super) fn period(self, time: Timestamp) -> i64 {
        match self {
            Self::Daily => time.as_second().div_euclid(86_400),
            Self::Hourly => time.as_second().div_euclid(3_600),
            Self::Never => 0,
        }
    }
}

impl Turns {
    /// Whether files are put aside at all; otherwise somebody else looks after them, and none is removed.
    fn are_taken(self) -> bool {
        self.rotation != Rotation::Never || self.max_size.is_some()
    }

    fn is_full(self, size: u64) -> bool {
        self.max_size.is_some_and(|most| size > most)
    }
}

impl RotatingFile {
    /// Opens `path` for appending, readable for its owner only, after putting aside what an earlier day left there, or
    /// what has no room for another line.
    ///
    /// # Errors
    /// What the system says: the folder is missing, the disk read-only.
    pub fn open(path: PathBuf, turns: Turns, now: Timestamp) -> io::Result<Self> {
        put_aside(&path, turns, now, 1);
        let (file, size) = append_to(&path)?;
        let this = Self {
            period: turns.rotation.period(now),
            path,
            turns,
            file: BufWriter::new(file),
            size,
        };
        this.remove_old();
        Ok(this)
    }

    /// Begins a new file if `now` lies in another period than the last line, or if `more` bytes have no room. If that
    /// fails, the old file is written on until the next time: a log in the wrong file is better than none.
    fn follow(&mut self, now: Timestamp, more: u64) -> io::Result<()> {
        let period = self.turns.rotation.period(now);
        if period == self.period && (self.size == 0 || !self.turns.is_full(self.size + more)) {
            return Ok(());
        }
        self.file.flush()?;
        self.period = period;
        put_aside(&self.path, self.turns, now, more);
        if let Ok((file, size)) = append_to(&self.path) {
            self.file = BufWriter::new(file);
            // What cannot be put aside counts as empty: it is tried again when as much is written once more.
            self.size = if self.turns.is_full(size + more) {
                0
            } else {
                size
            };
        }
        self.remove_old();
        Ok(())
    }

    /// Removes the oldest files that were put aside, so that `keep` stay with the current one.
    fn remove_old(&self) {
        if !self.turns.are_taken() {
            return;
        }
        let old = aside::before(&self.path);
        let surplus = old.len().saturating_sub(self.turns.keep.saturating_sub(1));
        for path in &old[..surplus] {
            // A file that cannot be removed harms nobody; the next turn tries again.
            fs::remove_file(path).ok();
        }
    }
}

impl Write for RotatingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let more = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.follow(Timestamp::now(), more)?;
        let written = self.file.write(bytes)?;
        self.size += u64::try_from(written).unwrap_or(0);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Renames the file at `path` if it was last written in an earlier period or has no room for `more` bytes. Another
/// process that logs to the same file may have done so already: then its time is of this period, and it is small.
/// Nothing is ever written over.
fn put_aside(path: &Path, turns: Turns, now: Timestamp, more: u64) {
    let Ok(metadata) = fs::metadata(path) else {
        return;
    };
    let written = metadata
        .modified()
        .ok()
        .and_then(|time| Timestamp::try_from(time).ok());
    let Some(written) = written else { return };
    let is_of_earlier = turns.rotation.period(written) != turns.rotation.period(now);
    let is_due = is_of_earlier || turns.is_full(metadata.len() + more);
    if metadata.is_file() && metadata.len() > 0 && is_due {
        // If it cannot be renamed, it is appended to.
        fs::rename(path, aside::next(path, turns.rotation, written)).ok();
    }
}

fn append_to(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;

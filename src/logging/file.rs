//! A log file that is put aside from time to time: `papo.log`, with older ones beside it as `papo.log.2026-11-20`.
//!
//! tracing-appender's own rolling file is not used: it writes to another file than the one named, and clears up by
//! name prefix, which takes other people's files along. Only files whose whole name we could have given are removed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// When a log file is put aside, by the clock of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// At midnight.
    Daily,
    /// At the full hour.
    Hourly,
    /// Never: something else looks after the file.
    Never,
}

/// The file being written, and what is needed to follow the clock.
pub(super) struct RotatingFile {
    path: PathBuf,
    rotation: Rotation,
    keep: usize,
    file: BufWriter<File>,
    period: i64,
}

impl Rotation {
    /// The number of the day or hour `time` lies in.
    fn period(self, time: Timestamp) -> i64 {
        match self {
            Self::Daily => time.as_second().div_euclid(86_400),
            Self::Hourly => time.as_second().div_euclid(3_600),
            Self::Never => 0,
        }
    }

    /// How the name of a file ends that was last written at `time`.
    fn stamp(self, time: Timestamp) -> String {
        let format = if self == Self::Hourly {
            "%Y-%m-%dT%H"
        } else {
            "%Y-%m-%d"
        };
        time.to_zoned(TimeZone::UTC).strftime(format).to_string()
    }
}

impl RotatingFile {
    /// Opens `path` for appending, readable for its owner only, after putting aside what an earlier day left there.
    ///
    /// # Errors
    /// What the system says: the folder is missing, the disk read-only.
    pub fn open(
        path: PathBuf,
        rotation: Rotation,
        keep: usize,
        now: Timestamp,
    ) -> io::Result<Self> {
        put_aside(&path, rotation, now);
        let file = BufWriter::new(append_to(&path)?);
        let this = Self {
            period: rotation.period(now),
            path,
            rotation,
            keep,
            file,
        };
        this.remove_old();
        Ok(this)
    }

    /// Begins a new file if `now` lies in another period than the last line. If that fails, the old file is written on
    /// until the next period: a log in the wrong file is better than none.
    fn follow(&mut self, now: Timestamp) -> io::Result<()> {
        let period = self.rotation.period(now);
        if period == self.period {
            return Ok(());
        }
        self.file.flush()?;
        self.period = period;
        put_aside(&self.path, self.rotation, now);
        if let Ok(file) = append_to(&self.path) {
            self.file = BufWriter::new(file);
        }
        self.remove_old();
        Ok(())
    }

    /// Removes the oldest files that were put aside, so that `keep` stay with the current one.
    fn remove_old(&self) {
        if self.rotation == Rotation::Never {
            return;
        }
        let mut old = put_aside_before(&self.path);
        old.sort();
        let surplus = old.len().saturating_sub(self.keep.saturating_sub(1));
        for path in &old[..surplus] {
            // A file that cannot be removed harms nobody; the next turn tries again.
            fs::remove_file(path).ok();
        }
    }
}

impl Write for RotatingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.follow(Timestamp::now())?;
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Renames the file at `path` if it was last written in an earlier period. Another process that logs to the same file
/// may have done so already: then its time is of this period. Nothing is ever written over.
fn put_aside(path: &Path, rotation: Rotation, now: Timestamp) {
    let Ok(metadata) = fs::metadata(path) else {
        return;
    };
    let written = metadata
        .modified()
        .ok()
        .and_then(|time| Timestamp::try_from(time).ok());
    let Some(written) = written else { return };
    let is_old = metadata.is_file()
        && metadata.len() > 0
        && rotation.period(written) != rotation.period(now);
    let aside = beside(path, &rotation.stamp(written));
    if is_old && !aside.exists() {
        // If it cannot be renamed, it is appended to.
        fs::rename(path, aside).ok();
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

fn beside(path: &Path, stamp: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(stamp);
    PathBuf::from(name)
}

/// The files that were put aside from `path`: its name, a dot and a stamp, nothing else.
fn put_aside_before(path: &Path) -> Vec<PathBuf> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Vec::new();
    };
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let is_ours = |entry: &fs::DirEntry| {
        let other = entry.file_name();
        let stamp = other
            .to_str()
            .and_then(|other| other.strip_prefix(name)?.strip_prefix('.'));
        stamp.is_some_and(is_stamp) && entry.file_type().is_ok_and(|kind| kind.is_file())
    };
    entries
        .flatten()
        .filter(is_ours)
        .map(|entry| entry.path())
        .collect()
}

/// Whether `text` has the shape of what [`Rotation::stamp`] writes.
fn is_stamp(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    shape == "0000-00-00" || shape == "0000-00-00T00"
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::time::SystemTime;

    use super::*;

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    /// A file that was last written at `time`.
    fn put(path: &Path, text: &str, time: &str) {
        fs::write(path, text).unwrap();
        let file = File::options().append(true).open(path).unwrap();
        file.set_modified(SystemTime::from(at(time))).unwrap();
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn yesterdays_file_is_put_aside_and_todays_is_continued() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("papo.log");
        put(&path, "old\n", "2026-11-19T23:59:59Z");
        RotatingFile::open(path.clone(), Rotation::Daily, 7, at("2026-11-20T00:00:00Z")).unwrap();
        assert_eq!(names(folder.path()), ["papo.log", "papo.log.2026-11-19"]);
        put(&path, "new\n", "2026-11-20T01:00:00Z");
        RotatingFile::open(path.clone(), Rotation::Daily, 7, at("2026-11-20T23:59:59Z")).unwrap();
        assert_eq!(names(folder.path()), ["papo.log", "papo.log.2026-11-19"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "new\n");
    }

    #[test]
    fn the_clock_begins_a_new_file_while_writing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("papo.log");
        let mut log = RotatingFile::open(
            path.clone(),
            Rotation::Hourly,
            7,
            at("2026-11-20T10:00:00Z"),
        )
        .unwrap();
        log.file.write_all(b"ten\n").unwrap();
        log.flush().unwrap();
        put(&path, "ten\n", "2026-11-20T10:30:00Z");
        log.follow(at("2026-11-20T10:59:59Z")).unwrap();
        assert_eq!(names(folder.path()), ["papo.log"]);
        log.follow(at("2026-11-20T11:00:00Z")).unwrap();
        log.file.write_all(b"eleven\n").unwrap();
        log.flush().unwrap();
        assert_eq!(names(folder.path()), ["papo.log", "papo.log.2026-11-20T10"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "eleven\n");
    }

    #[test]
    fn a_file_another_process_put_aside_is_not_put_aside_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("papo.log");
        let mut log =
            RotatingFile::open(path.clone(), Rotation::Daily, 7, at("2026-11-19T10:00:00Z"))
                .unwrap();
        fs::rename(&path, folder.path().join("papo.log.2026-11-19")).unwrap();
        put(&path, "theirs\n", "2026-11-20T00:00:01Z");
        log.follow(at("2026-11-20T00:00:02Z")).unwrap();
        log.file.write_all(b"ours\n").unwrap();
        log.flush().unwrap();
        assert_eq!(names(folder.path()), ["papo.log", "papo.log.2026-11-19"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "theirs\nours\n");
    }

    #[test]
    fn only_the_oldest_of_our_own_files_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "papo.log.2026-11-17",
            "papo.log.2026-11-18",
            "papo.log.2026-11-19",
            "papo.log.2026-11-18.gz",
            "papo.log.bak",
            "papo.logbook",
            "papo.log.20261118",
            "other.log.2026-11-17",
        ] {
            fs::write(folder.path().join(name), "x").unwrap();
        }
        fs::create_dir(folder.path().join("papo.log.2026-11-16")).unwrap();
        let path = folder.path().join("papo.log");
        RotatingFile::open(path, Rotation::Daily, 3, at("2026-11-20T10:00:00Z")).unwrap();
        assert_eq!(
            names(folder.path()),
            [
                "other.log.2026-11-17",
                "papo.log",
                "papo.log.2026-11-16",
                "papo.log.2026-11-18",
                "papo.log.2026-11-18.gz",
                "papo.log.2026-11-19",
                "papo.log.20261118",
                "papo.log.bak",
                "papo.logbook",
            ]
        );
    }

    #[test]
    fn without_rotation_the_file_is_never_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("papo.log");
        put(&path, "old\n", "2020-01-01T00:00:00Z");
        RotatingFile::open(path, Rotation::Never, 1, at("2026-11-20T00:00:00Z")).unwrap();
        assert_eq!(names(folder.path()), ["papo.log"]);
    }

    #[test]
    fn a_file_that_was_put_aside_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("papo.log");
        put(&path, "old\n", "2026-11-19T10:00:00Z");
        fs::write(folder.path().join("papo.log.2026-11-19"), "older\n").unwrap();
        RotatingFile::open(path.clone(), Rotation::Daily, 7, at("2026-11-20T00:00:00Z")).unwrap();
        assert_eq!(
            fs::read_to_string(folder.path().join("papo.log.2026-11-19")).unwrap(),
            "older\n"
        );
        assert_eq!(fs::read_to_string(path).unwrap(), "old\n");
    }

    #[test]
    fn nobody_else_can_read_a_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("papo.log");
        RotatingFile::open(path.clone(), Rotation::Daily, 7, at("2026-11-20T00:00:00Z")).unwrap();
        assert_eq!(
            fs::metadata(path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}

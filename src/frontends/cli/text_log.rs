//! `chat_history_PORT.log`: the sessions of a node as text (`history.text_log`), for people who look into a file. It is
//! written by a thread of its own, so that a disk that stands still holds nobody up; what finds no room is counted.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    },
    thread,
    time::Duration,
};

use jiff::Zoned;
use parking_lot::Mutex;

use super::{
    render::Renderer,
    style::{Style, time_of_day},
};
use crate::actors::events::NodeEvent;

/// From this size on the file is put aside as `NAME.1`, in whose place a former one is lost.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Entries that wait for the thread.
const WAITING_MAX: usize = 4096;

/// How long the end of a session waits for the disk.
const CLOSE_WAIT: Duration = Duration::from_millis(500);

/// The file. Cloning is cheap.
#[derive(Clone)]
pub struct TextLog(Arc<Shared>);

struct Shared {
    entries: Mutex<Option<SyncSender<String>>>,
    ended: Mutex<Receiver<()>>,
    lost: AtomicU64,
}

impl TextLog {
    /// Opens the file of a node that listens on this port, and notes that a session of `who` begins.
    pub fn start(folder: &Path, port: u16, who: &str) -> io::Result<Self> {
        let file = LogFile::open(folder.join(format!("chat_history_{port}.log")))?;
        let (entries, waiting) = mpsc::sync_channel(WAITING_MAX);
        let (end, ended) = mpsc::channel::<()>();
        thread::Builder::new()
            .name("text-log".into())
            .spawn(move || {
                file.write_all_of(&waiting);
                // Who waits for the end hears it by this.
                drop(end);
            })?;
        let log = Self(Arc::new(Shared {
            entries: Mutex::new(Some(entries)),
            ended: Mutex::new(ended),
            lost: AtomicU64::new(0),
        }));
        log.put(&format!("---- session of {who} begins"), &Zoned::now());
        Ok(log)
    }

    /// Notes what happened, in the words of the prompt.
    pub fn note(&self, event: &NodeEvent, at: &Zoned) {
        let style = Style { color: false };
        if let Some(lines) = (Renderer { style }).event(event, at) {
            self.put(&lines, at);
        }
    }

    /// Notes that the session ends, and waits a moment until all is written.
    pub fn close(&self) {
        self.put("---- session ends", &Zoned::now());
        drop(self.0.entries.lock().take());
        let ended = self.0.ended.lock().recv_timeout(CLOSE_WAIT);
        if ended == Err(RecvTimeoutError::Timeout) {
            tracing::debug!("The text log could not be written in time");
        }
    }

    /// Each line with its day and time.
    fn put(&self, lines: &str, at: &Zoned) {
        let (date, time) = (at.date(), time_of_day(at));
        let mut entry = String::new();
        let lost = self.0.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            entry += &format!("{date} {time} ({lost} entries are missing here)\n");
        }
        for line in lines.split('\n') {
            let line = line.strip_prefix(&*time).map_or(line, str::trim_start);
            entry += &format!("{date} {time} {line}\n");
        }
        let entries = self.0.entries.lock();
        if entries
            .as_ref()
            .is_none_or(|it| it.try_send(entry).is_err())
        {
            self.0.lost.fetch_add(lost + 1, Ordering::Relaxed);
        }
    }
}

struct LogFile {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl LogFile {
    fn open(path: PathBuf) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).mode(0o600).open(&path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { path, file, bytes })
    }

    fn write_all_of(mut self, entries: &Receiver<String>) {
        let mut is_told = false;
        while let Ok(entry) = entries.recv() {
            if let Err(error) = self.write(&entry)
                && !std::mem::replace(&mut is_told, true)
            {
                tracing::warn!(%error, "The text log cannot be written");
            }
        }
    }

    fn write(&mut self, entry: &str) -> io::Result<()> {
        let bytes = u64::try_from(entry.len()).unwrap_or(u64::MAX);
        if self.bytes > 0 && self.bytes + bytes > FILE_BYTES_MAX {
            fs::rename(&self.path, self.path.with_extension("log.1"))?;
            *self = Self::open(self.path.clone())?;
        }
        self.bytes += bytes;
        self.file.write_all(entry.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{proto::link::Direction, wire::identity::PeerId};

    fn connected() -> NodeEvent {
        NodeEvent::PeerConnected {
            peer: PeerId::parse("bob@X").unwrap(),
            direction: Direction::Inbound,
            address: "127.0.0.1:1".parse().unwrap(),
            first: true,
        }
    }

    #[test]
    fn a_session_has_a_beginning_and_an_end_and_its_lines_their_day() {
        let folder = tempfile::tempdir().unwrap();
        let log = TextLog::start(folder.path(), 4000, "me@X").unwrap();
        log.note(&connected(), &"2026-01-02T03:04:05[UTC]".parse().unwrap());
        log.close();
        log.note(&connected(), &Zoned::now());
        let text = fs::read_to_string(folder.path().join("chat_history_4000.log")).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with("---- session of me@X begins"), "{text}");
        assert_eq!(
            lines[1],
            "2026-01-02 03:04:05 + bob@X is connected  (127.0.0.1:1)"
        );
        assert!(
            lines[2].ends_with("---- session ends") && lines.len() == 3,
            "{text}"
        );
    }

    #[test]
    fn a_file_that_grew_too_large_is_put_aside_and_never_more_than_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chat_history_4000.log");
        let mut file = LogFile::open(path.clone()).unwrap();
        let entry = "x".repeat(1 << 20);
        for _ in 0..10 {
            file.write(&entry).unwrap();
        }
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|it| it.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["chat_history_4000.log", "chat_history_4000.log.1"]);
        let size = |path: &Path| fs::metadata(path).unwrap().len();
        assert_eq!(size(&path), 2 << 20);
        assert_eq!(size(&path.with_extension("log.1")), FILE_BYTES_MAX);
    }
}

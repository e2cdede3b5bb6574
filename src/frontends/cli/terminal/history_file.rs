//! The prompt history over sessions: one line of text for each line typed, newest last.
//!
//! Several nodes of one user may share the file: a line is appended in one write, and whoever
//! shortens the file replaces it as a whole while the others wait. Nothing here is ever fatal: a
//! history that cannot be read is empty, a line that cannot be written is forgotten.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::history::HISTORY_LINES_MAX;

/// Bytes read of the file, from its end, and kept when it is shortened.
const BYTES_MAX: u64 = 1 << 20;
/// The file is shortened when it holds so many times the lines that count.
const SLACK: usize = 2;
/// How often an append looks again for a file that was replaced meanwhile.
const REPLACED_MAX: usize = 3;

/// The file, or none: then nothing outlives the session.
#[derive(Debug)]
pub struct HistoryFile {
    path: Option<PathBuf>,
}

impl HistoryFile {
    /// A history kept at `path`; nothing is opened yet.
    pub fn new(path: Option<PathBuf>) -> Self {
        Self { path }
    }

    /// The lines of earlier sessions, oldest first, at most [`HISTORY_LINES_MAX`].
    pub fn load(&self) -> Vec<String> {
        let Some(path) = &self.path else {
            return Vec::new();
        };
        let Ok(text) = open(path).and_then(|mut file| tail(&mut file)) else {
            return Vec::new();
        };
        let mut lines: Vec<String> = text.lines().map(unescape).collect();
        lines.dedup();
        let too_many = lines.len().saturating_sub(HISTORY_LINES_MAX);
        if lines.len() > SLACK * HISTORY_LINES_MAX {
            // A file that stays long is only slower to read.
            let _ = shorten(path);
        }
        lines.split_off(too_many)
    }

    /// Appends lines in one write.
    pub fn append(&self, lines: &[String]) {
        let (Some(path), false) = (&self.path, lines.is_empty()) else {
            return;
        };
        let text: String = lines.iter().map(|line| escape(line) + "\n").collect();
        // A history that cannot be written is no reason to bother the user while typing.
        let _ = append(path, text.as_bytes());
    }
}

fn append(path: &Path, text: &[u8]) -> io::Result<()> {
    for _ in 0..REPLACED_MAX {
        let mut file = open(path)?;
        // Another error means a file system without locks: then it has to go without.
        if let Err(TryLockError::WouldBlock) = file.try_lock_shared() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if is_at(&file, path) {
            return file.write_all(text);
        }
    }
    Err(io::Error::other(
        "the history file is replaced again and again",
    ))
}

/// Replaces the file by its newest lines. Busy = another node is at it.
fn shorten(path: &Path) -> io::Result<()> {
    let mut file = open(path)?;
    file.try_lock()?;
    if !is_at(&file, path) {
        return Ok(());
    }
    let text = tail(&mut file)?;
    let lines: Vec<&str> = text.lines().collect();
    let kept = &lines[lines.len().saturating_sub(HISTORY_LINES_MAX)..];
    let new = path.with_extension("new");
    let mut copy = options()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&new)?;
    copy.write_all((kept.join("\n") + "\n").as_bytes())?;
    fs::rename(new, path)
}

/// Opens or makes the file, for its owner only. Refuses what is no file: a pipe would block.
fn open(path: &Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::other("not a file"));
    }
    if let Some(folder) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let file = options().create(true).read(true).append(true).open(path)?;
    if file.metadata()?.mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// Whether the open file is still the one at `path`.
fn is_at(file: &File, path: &Path) -> bool {
    let identity = |found: fs::Metadata| (found.dev(), found.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(there)) => identity(open) == identity(there),
        _ => false,
    }
}

/// The last [`BYTES_MAX`] bytes as whole lines.
fn tail(file: &mut File) -> io::Result<String> {
    let length = file.metadata()?.len();
    let cut = length > BYTES_MAX;
    file.seek(SeekFrom::Start(length.saturating_sub(BYTES_MAX)))?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match text.split_once('\n') {
        Some((_, whole)) if cut => Ok(whole.to_owned()),
        _ => Ok(text),
    }
}

fn escape(line: &str) -> String {
    line.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

fn unescape(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.push(match chars.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some(other) => other,
                None => '\\',
            }),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    fn at(folder: &tempfile::TempDir) -> (PathBuf, HistoryFile) {
        let path = folder.path().join("deep/down/history");
        (path.clone(), HistoryFile::new(Some(path)))
    }

    #[test]
    fn lines_come_back_in_the_next_session() {
        let folder = tempfile::tempdir().unwrap();
        let (_, file) = at(&folder);
        assert_eq!(file.load(), lines(&[]));
        let typed = lines(&["one", "a\\nb", "a\nb\r", "日本", "\\"]);
        file.append(&typed[..2]);
        file.append(&typed[2..]);
        assert_eq!(file.load(), typed);
    }

    #[test]
    fn only_the_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, file) = at(&folder);
        file.append(&lines(&["secret"]));
        let mode = || fs::metadata(&path).unwrap().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        file.load();
        assert_eq!(mode(), 0o600);
    }

    #[test]
    fn a_line_twice_in_a_row_is_loaded_once() {
        let folder = tempfile::tempdir().unwrap();
        let (_, file) = at(&folder);
        file.append(&lines(&["one", "one", "two", "one"]));
        assert_eq!(file.load(), lines(&["one", "two", "one"]));
    }

    #[test]
    fn a_long_file_is_shortened_to_its_newest_lines() {
        let folder = tempfile::tempdir().unwrap();
        let (path, file) = at(&folder);
        let typed: Vec<String> = (0..=SLACK * HISTORY_LINES_MAX)
            .map(|n| n.to_string())
            .collect();
        file.append(&typed);
        let newest = &typed[typed.len() - HISTORY_LINES_MAX..];
        assert_eq!(file.load(), newest);
        assert_eq!(fs::read_to_string(&path).unwrap(), newest.join("\n") + "\n");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_huge_file_is_read_from_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let (_, file) = at(&folder);
        file.append(&lines(&[&"x".repeat(1 << 20), "last"]));
        assert_eq!(file.load(), lines(&["last"]));
    }

    #[test]
    fn nodes_that_write_at_the_same_time_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (_, file) = at(&folder);
        std::thread::scope(|scope| {
            for node in 0..4 {
                let file = &file;
                scope.spawn(move || {
                    (0..100).for_each(|line| file.append(&[format!("{node} {line}")]));
                });
            }
        });
        let loaded = file.load();
        assert_eq!(loaded.len(), 400);
        for node in 0..4 {
            let prefix = format!("{node} ");
            let own: Vec<&String> = loaded
                .iter()
                .filter(|line| line.starts_with(&prefix))
                .collect();
            let expected: Vec<String> = (0..100).map(|line| format!("{node} {line}")).collect();
            assert_eq!(own, expected.iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_path_that_cannot_be_used_is_an_empty_history() {
        let folder = tempfile::tempdir().unwrap();
        let check = |path: PathBuf| {
            let file = HistoryFile::new(Some(path));
            file.append(&lines(&["one"]));
            assert_eq!(file.load(), lines(&[]));
        };
        check(folder.path().to_owned());
        check(PathBuf::from("/dev/null"));
        check(PathBuf::from("/dev/null/history"));
        let none = HistoryFile::new(None);
        none.append(&lines(&["one"]));
        assert_eq!(none.load(), lines(&[]));
    }
}

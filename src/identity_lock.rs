//! One identity, one node: the exclusive lock of an identity's folder.
//!
//! The system frees it however the process ends, also on kill -9. The file stays; only its lock means something.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use thiserror::Error;

/// The name of the locked file in an identity's folder; it holds the pid of the owner.
pub const LOCK_FILE: &str = "lock";

/// Whoever looks whether a lock is free holds it for a moment; so a held one is tried again.
const TRIES: u32 = 3;

/// The wait between two tries.
const RETRY_WAIT: Duration = Duration::from_millis(10);

/// No pid has more digits.
const PID_BYTES_MAX: u64 = 20;

/// Why an identity could not be locked.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another process runs a node of this identity: choose another name.
    #[error("another node of this identity is running{}", shown(*pid))]
    Held {
        /// Its process, if it could be read.
        pid: Option<u32>,
    },
    /// The folder cannot be used: the node runs without lock and store.
    #[error("{} cannot be written: {source}", path.display())]
    NotWritable {
        /// The folder or file in question.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The lock of one identity, held until this is dropped or the process ends.
#[derive(Debug)]
pub struct IdentityLock {
    _file: File,
}

impl IdentityLock {
    /// Locks the folder of an identity, making it (0700) if it is missing. Waits 20 ms at most. Called at the start,
    /// before anything of the identity is read or registered.
    pub fn take(folder: &Path) -> Result<Self, LockError> {
        let not_writable = |path: &Path, source| LockError::NotWritable {
            path: path.to_owned(),
            source,
        };
        make_folder(folder).map_err(|source| not_writable(folder, source))?;
        let path = folder.join(LOCK_FILE);
        let mut file = open(&path).map_err(|source| not_writable(&path, source))?;
        match lock(&file) {
            Ok(()) => {
                note_pid(&mut file);
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => Err(LockError::Held {
                pid: read_pid(&mut file),
            }),
            Err(TryLockError::Error(source)) => Err(not_writable(&path, source)),
        }
    }
}

/// Whether no process runs a node of the identity in this folder. A folder without a lock file counts as free.
pub fn is_free(folder: &Path) -> bool {
    File::open(folder.join(LOCK_FILE)).map_or_else(
        |error| error.kind() == io::ErrorKind::NotFound,
        |file| file.try_lock().is_ok(),
    )
}

fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

fn lock(file: &File) -> Result<(), TryLockError> {
    for _ in 1..TRIES {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(RETRY_WAIT),
            other => return other,
        }
    }
    file.try_lock()
}

/// The pid is a courtesy to the user: on a full disk the lock holds without it.
fn note_pid(file: &mut File) {
    let pid = std::process::id();
    if let Err(error) = file.set_len(0).and_then(|()| writeln!(file, "{pid}")) {
        tracing::debug!(%error, "the lock holds without a pid");
    }
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(PID_BYTES_MAX).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn shown(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (pid {pid})"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_identity_is_locked_once_and_names_its_owner() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("papo").join("alice");
        let lock = IdentityLock::take(&folder).unwrap();
        assert!(!is_free(&folder));
        let error = IdentityLock::take(&folder).unwrap_err();
        let own = std::process::id();
        assert!(matches!(error, LockError::Held { pid: Some(pid) } if pid == own));
        drop(lock);
        assert!(is_free(&folder));
        assert!(IdentityLock::take(&folder).is_ok());
    }

    #[test]
    fn folder_and_file_are_the_users_alone() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("papo").join("alice");
        let _lock = IdentityLock::take(&folder).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder), 0o700);
        assert_eq!(mode(&home.path().join("papo")), 0o700);
        assert_eq!(mode(&folder.join(LOCK_FILE)), 0o600);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_not_a_held_lock() {
        let home = tempfile::tempdir().unwrap();
        let in_the_way = home.path().join("file");
        std::fs::write(&in_the_way, "").unwrap();
        let error = IdentityLock::take(&in_the_way.join("alice")).unwrap_err();
        assert!(matches!(error, LockError::NotWritable { .. }), "{error}");
    }

    #[test]
    fn an_unreadable_pid_is_no_reason_to_fail() {
        let home = tempfile::tempdir().unwrap();
        let _lock = IdentityLock::take(home.path()).unwrap();
        std::fs::write(home.path().join(LOCK_FILE), "not a pid").unwrap();
        let error = IdentityLock::take(home.path()).unwrap_err();
        assert!(matches!(error, LockError::Held { pid: None }), "{error}");
    }

    #[test]
    fn a_folder_without_a_lock_file_is_free() {
        let home = tempfile::tempdir().unwrap();
        assert!(is_free(home.path()));
        assert!(is_free(&home.path().join("missing")));
    }
}

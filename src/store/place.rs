//! Where the store lies in the folder of its identity, and whether it is what it should be before anything opens it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::StoreError;

/// The database, in the folder of its identity.
pub const DATABASE: &str = "history.db";

/// Stands beside the database once that was created: so a lost database is not taken for a first start.
pub const MARKER: &str = "history.created";

/// What every SQLite database begins with.
const SQLITE_HEAD: &[u8] = b"SQLite format 3\0";

const MARKER_TEXT: &str = "The history beside this file was created. If history.db is lost, papo says so instead of \
                           beginning a new one.\nRemove this file to begin anew.\n";

/// Whether a store was ever created in this folder.
pub fn is_there(folder: &Path) -> bool {
    folder.join(MARKER).exists() || folder.join(DATABASE).exists()
}

/// The path of the database in this folder, if it can be opened as one. With `create` a missing one is made (0600),
/// empty, unless there was one before.
pub(super) fn database(folder: &Path, create: bool) -> Result<PathBuf, StoreError> {
    let path = folder.join(DATABASE);
    let was_created = folder.join(MARKER).exists();
    match fs::metadata(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if was_created || !create {
                return Err(StoreError::Missing(path));
            }
            make(&path)?;
        }
        Err(error) => return Err(not_usable(path, &error)),
        Ok(metadata) if metadata.len() == 0 && (was_created || !create) => {
            return Err(StoreError::Empty(path));
        }
        Ok(metadata) if metadata.len() == 0 => {}
        Ok(_) => check_head(&path)?,
    }
    Ok(path)
}

/// Whether a log of the database lies beside it: a node runs, or ended in an unclean way.
pub(super) fn has_log(database: &Path) -> bool {
    database.with_extension("db-wal").exists()
}

/// Notes that the database was created; called after that is on disk.
pub(super) fn mark_created(folder: &Path) -> Result<(), StoreError> {
    let path = folder.join(MARKER);
    if path.exists() {
        return Ok(());
    }
    let mark = || {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path);
        file?.write_all(MARKER_TEXT.as_bytes())?;
        File::open(folder)?.sync_all()
    };
    mark().map_err(|error| not_usable(path, &error))
}

fn make(path: &Path) -> Result<(), StoreError> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    made.map(drop)
        .map_err(|error| not_usable(path.to_owned(), &error))
}

/// A text file of that name would be opened as a damaged database only when something is read.
fn check_head(path: &Path) -> Result<(), StoreError> {
    let mut head = [0; SQLITE_HEAD.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut head));
    match read {
        Ok(()) if head == SQLITE_HEAD => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            Err(not_usable(path.to_owned(), &error))
        }
        _ => Err(StoreError::Foreign(path.to_owned())),
    }
}

fn not_usable(path: PathBuf, error: &io::Error) -> StoreError {
    let detail = error.to_string();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full(path),
        _ => StoreError::NotWritable { path, detail },
    }
}

//! What can be wrong with the store: in words, and what its user can do.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use thiserror::Error;

/// Why the store cannot be opened, or did not do what it was asked for. Nothing of what failed was kept in part.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StoreError {
    /// The database was created once and is not there any more.
    #[error("the history {} is missing", .0.display())]
    Missing(PathBuf),
    /// The database was created once and has no bytes any more.
    #[error("the history {} is empty", .0.display())]
    Empty(PathBuf),
    /// The file is no database of ours.
    #[error("{} is not a papo history", .0.display())]
    Foreign(PathBuf),
    /// The database is damaged.
    #[error("the history {} is damaged: {detail}", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// A newer papo wrote it.
    #[error("the history {} is of a newer papo (format {found}, this one knows {known})", path.display())]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// An older papo wrote it, and reading alone does not bring it up to date.
    #[error("the history {} is of an older papo", .0.display())]
    Older(PathBuf),
    /// Another program holds it.
    #[error("the history {} is locked by another program", .0.display())]
    Locked(PathBuf),
    /// It may not be written or read.
    #[error("the history {} cannot be used: {detail}", path.display())]
    NotWritable {
        /// Which.
        path: PathBuf,
        /// What the system says.
        detail: String,
    },
    /// There is no room: on the disk, or within `history.max_size`.
    #[error("there is no room for the history {}", .0.display())]
    Full(PathBuf),
    /// This one thing was refused, others are not: a mistake in papo.
    #[error("the history refused this: {detail}")]
    Refused {
        /// What SQLite says.
        detail: String,
    },
    /// The disk failed.
    #[error("the history {} failed: {detail}", path.display())]
    Failed {
        /// Which.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// Too many questions wait; ask again.
    #[error("the history is busy with other questions")]
    Busy,
    /// The store was closed, or its thread has ended.
    #[error("the history is closed")]
    Closed,
}

impl StoreError {
    /// What happened at the database in this place.
    pub(super) fn of(path: &Path, error: &rusqlite::Error) -> Self {
        let (path, detail) = (path.to_owned(), error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt) => Self::Damaged { path, detail },
            Some(ErrorCode::NotADatabase) => Self::Foreign(path),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked(path),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::NotWritable { path, detail }
            }
            Some(ErrorCode::DiskFull) => Self::Full(path),
            Some(ErrorCode::SystemIoFailure | ErrorCode::OutOfMemory) => {
                Self::Failed { path, detail }
            }
            _ => Self::Refused { detail },
        }
    }

    /// What its user can do.
    pub fn advice(&self) -> String {
        let away = "to go on without, set PAPO_HISTORY__MODE=off";
        match self {
            Self::Missing(path) | Self::Empty(path) => format!(
                "put it back from a backup, or remove {} to begin a new one; {away}",
                path.with_file_name(super::MARKER).display()
            ),
            Self::Foreign(path) => format!(
                "move it and {} away, then a new history is begun; {away}",
                path.with_file_name(super::MARKER).display()
            ),
            Self::Damaged { .. } => format!(
                "put it back from a backup, or save what can be read with the sqlite3 program (.recover); {away}"
            ),
            Self::Newer { .. } => format!("use that papo; {away}"),
            Self::Older(_) => {
                "start a node of this identity once: that brings it up to date".into()
            }
            Self::Locked(_) => {
                "end the program that uses it (a backup, a database browser?)".into()
            }
            Self::NotWritable { .. } => {
                format!("look at the rights of the file and its folder; {away}")
            }
            Self::Full(_) => {
                "make room on the disk, or raise history.max_size; it goes on by itself".into()
            }
            Self::Refused { .. } => "this is a mistake in papo: please report it".into(),
            Self::Failed { .. } => format!("look at the disk and the system's log; {away}"),
            Self::Busy => "ask again".into(),
            Self::Closed => "start the node again".into(),
        }
    }

    /// Whether the next job would meet the same, so that there is no use in trying one by one.
    pub(super) fn concerns_all(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sqlite_says_is_told_apart() {
        let of = |code| {
            let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            StoreError::of(Path::new("/x/history.db"), &error)
        };
        assert!(matches!(of(11), StoreError::Damaged { .. }));
        assert!(matches!(of(26), StoreError::Foreign(_)));
        assert!(matches!(of(5), StoreError::Locked(_)));
        assert!(matches!(of(8), StoreError::NotWritable { .. }));
        assert!(matches!(of(14), StoreError::NotWritable { .. }));
        assert!(matches!(of(13), StoreError::Full(_)));
        assert!(matches!(of(10), StoreError::Failed { .. }));
        assert!(matches!(of(19), StoreError::Refused { .. }));
    }

    #[test]
    fn a_lost_history_names_the_file_to_remove() {
        let advice = StoreError::Missing("/x/history.db".into()).advice();
        assert!(advice.contains("/x/history.created"), "{advice}");
        assert!(advice.contains("PAPO_HISTORY__MODE=off"), "{advice}");
    }
}

//! The records file: read whole at start, replaced whole at each save. JSON; folder 0700, file 0600. Blocking; the
//! caller keeps it off the actors' thread.

use std::{io, path::Path};

use thiserror::Error;

use crate::{private_file, proto::directory::SavedRecords};

/// A larger file is none of ours: 10,000 records of the longest names take a fourth of it.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why the records file could not be read.
#[derive(Debug, Error)]
pub(super) enum LoadError {
    /// It is there but not what a save wrote; it was moved aside, or tried to.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// The system refuses; the file stays where it is.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads the file. None = there is none yet. A damaged one is moved to `*.damaged`, where an older one is replaced.
pub(super) fn load(file: &Path) -> Result<Option<SavedRecords>, LoadError> {
    let Some(content) = private_file::read(file, FILE_BYTES_MAX)? else {
        return Ok(None);
    };
    parse(&content).map(Some).map_err(|reason| {
        LoadError::Damaged(match private_file::set_aside(file) {
            Ok(_) => reason,
            Err(error) => format!("{reason}; and could not be moved aside: {error}"),
        })
    })
}

/// Replaces the file with these records.
pub(super) fn save(file: &Path, records: &SavedRecords) -> io::Result<()> {
    private_file::replace(file, |out| Ok(serde_json::to_writer(out, records)?))
}

fn parse(content: &[u8]) -> Result<SavedRecords, String> {
    if content.len() as u64 > FILE_BYTES_MAX {
        return Err("too large".into());
    }
    let records: SavedRecords =
        serde_json::from_slice(content).map_err(|error| error.to_string())?;
    match records.version {
        SavedRecords::VERSION => Ok(records),
        version => Err(format!("version {version} is not known")),
    }
}

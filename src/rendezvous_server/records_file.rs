//! The records file: read whole at start, replaced whole at each save. JSON; folder 0700, file 0600.
//!
//! A save writes a temporary file beside it, syncs it and renames it over the old one, so at every moment there is
//! one whole file. Blocking; the caller keeps it off the actors' thread.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufWriter, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::proto::directory::SavedRecords;

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
    let opened = match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut content = Vec::new();
    opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut content)?;
    parse(&content).map(Some).map_err(|reason| {
        let aside = fs::rename(file, beside(file, ".damaged"));
        LoadError::Damaged(match aside {
            Ok(()) => reason,
            Err(error) => format!("{reason}; and could not be moved aside: {error}"),
        })
    })
}

/// Replaces the file with these records.
pub(super) fn save(file: &Path, records: &SavedRecords) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let temporary = beside(file, ".new");
    write_new(&temporary, records)?;
    fs::rename(&temporary, file)?;
    // The new name is only as durable as its folder.
    File::open(folder)?.sync_all()
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

fn write_new(temporary: &Path, records: &SavedRecords) -> io::Result<()> {
    match fs::remove_file(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600);
    let mut writer = BufWriter::new(opened.open(temporary)?);
    serde_json::to_writer(&mut writer, records)?;
    writer.write_all(b"\n")?;
    writer
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?
        .sync_all()
}

/// The path with something behind its name.
fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

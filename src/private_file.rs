//! A file that only its owner reads, replaced as a whole: at every moment there is one whole file under its name.
//! Blocking; the caller keeps it off the actors' thread. Knows nothing of what is in it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufWriter, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Writes a temporary file beside it, syncs it and renames it over the old one. The folder is made if it is missing
/// (0700), the file is 0600.
///
/// # Errors
/// What the system, or `write`, says; the old file is still there then.
pub fn replace(
    file: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let temporary = beside(file, ".new");
    write_new(&temporary, write)?;
    fs::rename(&temporary, file)?;
    // The new name is only as durable as its folder.
    File::open(folder)?.sync_all()
}

/// The content, at most one byte more than `bytes_max`, by which a longer file is known; none if there is no file.
///
/// # Errors
/// What the system says.
pub fn read(file: &Path, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
    let opened = match File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut content = Vec::new();
    opened.take(bytes_max + 1).read_to_end(&mut content)?;
    Ok(Some(content))
}

/// Moves a file that is damaged out of the way, to `*.damaged`, where an older one is replaced.
///
/// # Errors
/// What the system says; the file is still there then.
pub fn set_aside(file: &Path) -> io::Result<PathBuf> {
    let aside = beside(file, ".damaged");
    fs::rename(file, &aside)?;
    Ok(aside)
}

fn write_new(
    temporary: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    match fs::remove_file(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600);
    let mut writer = BufWriter::new(opened.open(temporary)?);
    write(&mut writer)?;
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_is_its_owners_alone() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("papo/alice/x.json");
        assert_eq!(read(&file, 10).unwrap(), None);
        replace(&file, |out| out.write_all(b"one")).unwrap();
        replace(&file, |out| out.write_all(b"two")).unwrap();
        assert_eq!(read(&file, 10).unwrap().unwrap(), b"two\n");
        assert_eq!(read(&file, 2).unwrap().unwrap(), b"two");
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&file), 0o600);
        assert_eq!(mode(file.parent().unwrap()), 0o700);
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("x.json");
        replace(&file, |out| out.write_all(b"one")).unwrap();
        let full = |_: &mut BufWriter<File>| Err(io::ErrorKind::StorageFull.into());
        assert!(replace(&file, full).is_err());
        assert_eq!(read(&file, 10).unwrap().unwrap(), b"one\n");
        replace(&file, |out| out.write_all(b"two")).unwrap();
        assert_eq!(read(&file, 10).unwrap().unwrap(), b"two\n");
    }

    #[test]
    fn a_damaged_file_is_set_aside() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("x.json");
        fs::write(&file, "?").unwrap();
        assert_eq!(
            set_aside(&file).unwrap(),
            home.path().join("x.json.damaged")
        );
        assert_eq!(read(&file, 10).unwrap(), None);
    }
}

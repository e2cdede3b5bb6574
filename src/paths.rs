//! Where things live on this machine: settings, what a node keeps, logs, the history of the prompt.
//!
//! Knows the XDG base directories and the layout below them (product, "Files"), and nothing of what is in the files.

mod control;

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub use control::SOCKET_PATH_BYTES_MAX;
use etcetera::BaseStrategy;
use etcetera::base_strategy::Xdg;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The folders this user's papo works in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    bases: Option<Bases>,
    data_dir: Option<PathBuf>,
}

/// The base directories of the user, all absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bases {
    home: PathBuf,
    config: PathBuf,
    data: PathBuf,
    state: PathBuf,
    /// For sockets; emptied when the user logs out.
    runtime: Option<PathBuf>,
}

/// Why there is no such place.
#[derive(Debug, thiserror::Error)]
pub enum PathsError {
    /// No usable home folder: `HOME` is unset or relative. The node can go on without keeping anything.
    #[error("no home folder: set HOME, or say where with --data-dir")]
    NoHome,
    /// A folder cannot be made, or not be made private. The node can go on without it.
    #[error("cannot use the folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What a file name may hold as it is; all else is percent-encoded (product, "Files").
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-');

/// Longest name of a folder or file we make, in bytes. File systems take 255; endings such as `.sock` need room.
const NAME_BYTES_MAX: usize = 200;

impl Places {
    /// The places of the user who runs this, from the environment.
    pub fn from_environment() -> Self {
        let bases = Xdg::new().ok().map(|xdg| Bases {
            home: xdg.home_dir().to_owned(),
            config: xdg.config_dir(),
            data: xdg.data_dir(),
            state: xdg
                .state_dir()
                .unwrap_or_else(|| xdg.home_dir().join(".local/state")),
            runtime: xdg.runtime_dir().filter(|path| path.is_absolute()),
        });
        Self {
            bases: bases.filter(Bases::are_absolute),
            data_dir: None,
        }
    }

    /// The same, but with what `node.data_dir` says, if it says anything.
    #[must_use]
    pub fn with_data_dir(mut self, chosen: Option<&Path>) -> Self {
        self.data_dir = chosen.map(|path| self.expand(path));
        self
    }

    /// The user's settings file, whether or not it is there; none without a home.
    pub fn user_settings(&self) -> Option<PathBuf> {
        Some(self.bases.as_ref()?.config.join("papo/settings.toml"))
    }

    /// The data folder.
    ///
    /// # Errors
    /// [`PathsError::NoHome`], if none was chosen either.
    pub fn data_dir(&self) -> Result<PathBuf, PathsError> {
        match &self.data_dir {
            Some(chosen) => Ok(chosen.clone()),
            None => Ok(self.bases()?.data.join("papo")),
        }
    }

    /// The folder of one identity in the data folder: its lock, later its store.
    ///
    /// # Errors
    /// As [`Places::data_dir`].
    pub fn identity_dir(&self, peer_id: &str) -> Result<PathBuf, PathsError> {
        Ok(self.data_dir()?.join(file_name(peer_id)))
    }

    /// The folders of all identities there are, and of others that lie beside them.
    ///
    /// # Errors
    /// As [`Places::data_dir`], and [`PathsError::Folder`] if it cannot be read; one that is missing is empty.
    pub fn identity_dirs(&self) -> Result<Vec<PathBuf>, PathsError> {
        let path = self.data_dir()?;
        let read = || -> io::Result<Vec<PathBuf>> {
            let entries = fs::read_dir(&path)?.map(|entry| Ok(entry?.path()));
            entries.collect()
        };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            read => read.map_err(|source| PathsError::Folder { path, source }),
        }
    }

    /// The records of the rendezvous server at this address and port, shared by the user's nodes.
    ///
    /// # Errors
    /// As [`Places::data_dir`].
    pub fn rendezvous_records(&self, address: &str, port: u16) -> Result<PathBuf, PathsError> {
        let name = format!("{}-{port}.json", file_name(address));
        Ok(self.data_dir()?.join("rendezvous").join(name))
    }

    /// The folder for the log and the prompt history of one identity.
    ///
    /// # Errors
    /// [`PathsError::NoHome`].
    pub fn state_dir(&self, peer_id: &str) -> Result<PathBuf, PathsError> {
        Ok(self.bases()?.state.join("papo").join(file_name(peer_id)))
    }

    /// Where a node with a prompt logs.
    ///
    /// # Errors
    /// As [`Places::state_dir`].
    pub fn log_file(&self, peer_id: &str) -> Result<PathBuf, PathsError> {
        Ok(self.state_dir(peer_id)?.join("papo.log"))
    }

    /// What was typed at the prompt in earlier sessions.
    ///
    /// # Errors
    /// As [`Places::state_dir`].
    pub fn prompt_history(&self, peer_id: &str) -> Result<PathBuf, PathsError> {
        Ok(self.state_dir(peer_id)?.join("prompt_history"))
    }

    /// `path` with a leading `~/` replaced by the home folder: in a file or variable no shell has done it.
    pub fn expand(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), &self.bases) {
            (Ok(rest), Some(bases)) => bases.home.join(rest),
            _ => path.to_owned(),
        }
    }

    fn bases(&self) -> Result<&Bases, PathsError> {
        self.bases.as_ref().ok_or(PathsError::NoHome)
    }
}

impl Bases {
    fn are_absolute(&self) -> bool {
        [&self.home, &self.config, &self.data, &self.state]
            .into_iter()
            .all(|path| path.is_absolute())
    }
}

/// Makes `path` a folder that only its owner can enter, with the folders above it as far as they are missing. One that
/// is there already is closed to others too, but nothing above it.
///
/// # Errors
/// [`PathsError::Folder`]: the place is not writable, or belongs to somebody else.
pub fn create_private(path: &Path) -> Result<(), PathsError> {
    let failed = |source| PathsError::Folder {
        path: path.to_owned(),
        source,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(failed)?;
    let mode = fs::metadata(path).map_err(failed)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(failed)
}

/// A name for a file or folder that stands for `text` alone and is neither `.` nor `..`.
///
/// A very long one is cut and ends with `~` and a number made from all of it; `~` is in no other name.
fn file_name(text: &str) -> String {
    let encoded = utf8_percent_encode(text, ENCODED).to_string();
    if !encoded.is_empty() && encoded.bytes().all(|byte| byte == b'.') {
        return encoded.replace('.', "%2E");
    }
    if encoded.len() <= NAME_BYTES_MAX {
        return encoded;
    }
    let number = format!("~{:016x}", fnv1a(text));
    format!("{}{number}", &encoded[..NAME_BYTES_MAX - number.len()])
}

/// FNV-1a with 64 bits: the same on every machine and in every version, which std's hashers do not promise.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn places() -> Places {
        let base = |folder| Path::new("/home/alice").join(folder);
        let bases = Bases {
            home: base(""),
            config: base(".config"),
            data: base(".local/share"),
            state: base(".local/state"),
            runtime: None,
        };
        Places {
            bases: Some(bases),
            data_dir: None,
        }
    }

    pub fn homeless() -> Places {
        Places {
            bases: None,
            data_dir: None,
        }
    }

    #[test]
    fn everything_has_its_place_below_the_home() {
        let places = places();
        for (path, expected) in [
            (
                places.user_settings().unwrap(),
                "/home/alice/.config/papo/settings.toml",
            ),
            (places.data_dir().unwrap(), "/home/alice/.local/share/papo"),
            (
                places.identity_dir("bob@CIC").unwrap(),
                "/home/alice/.local/share/papo/bob%40CIC",
            ),
            (
                places.rendezvous_records("127.0.0.1", 8080).unwrap(),
                "/home/alice/.local/share/papo/rendezvous/127.0.0.1-8080.json",
            ),
            (
                places.rendezvous_records("::1", 8080).unwrap(),
                "/home/alice/.local/share/papo/rendezvous/%3A%3A1-8080.json",
            ),
            (
                places.log_file("bob@CIC").unwrap(),
                "/home/alice/.local/state/papo/bob%40CIC/papo.log",
            ),
            (
                places.prompt_history("bob@CIC").unwrap(),
                "/home/alice/.local/state/papo/bob%40CIC/prompt_history",
            ),
        ] {
            assert_eq!(path, Path::new(expected));
        }
    }

    #[test]
    fn a_chosen_data_folder_moves_the_data_only() {
        for (chosen, data) in [
            ("/srv/papo", "/srv/papo"),
            ("~/papo", "/home/alice/papo"),
            ("~papo", "~papo"),
            ("here", "here"),
        ] {
            let places = places().with_data_dir(Some(Path::new(chosen)));
            assert_eq!(places.data_dir().unwrap(), Path::new(data));
            assert!(
                places
                    .log_file("bob@CIC")
                    .unwrap()
                    .starts_with("/home/alice/.local/state")
            );
        }
        assert_eq!(places().with_data_dir(None), places());
    }

    #[test]
    fn without_a_home_only_a_chosen_data_folder_is_there() {
        let places = homeless();
        assert_eq!(places.user_settings(), None);
        assert!(matches!(places.data_dir(), Err(PathsError::NoHome)));
        assert!(matches!(
            places.log_file("bob@CIC"),
            Err(PathsError::NoHome)
        ));
        let places = places.with_data_dir(Some(Path::new("/srv/papo")));
        assert_eq!(
            places.identity_dir("bob@CIC").unwrap(),
            Path::new("/srv/papo/bob%40CIC")
        );
    }

    #[test]
    fn a_relative_home_is_none() {
        let relative = Bases {
            home: "".into(),
            config: "/c".into(),
            data: "/d".into(),
            state: "/s".into(),
            runtime: None,
        };
        assert!(!relative.are_absolute());
        assert!(places().bases.is_some_and(|bases| bases.are_absolute()));
    }

    #[test]
    fn an_identity_cannot_leave_its_folder() {
        for (id, name) in [
            ("alice@CIC", "alice%40CIC"),
            ("a.b_c-d@e", "a.b_c-d%40e"),
            ("../../etc@x", "..%2F..%2Fetc%40x"),
            (".", "%2E"),
            ("..", "%2E%2E"),
            ("...", "%2E%2E%2E"),
            ("a\0b@x", "a%00b%40x"),
            ("100%@x", "100%25%40x"),
            ("~@x", "%7E%40x"),
            ("joão@x", "jo%C3%A3o%40x"),
        ] {
            assert_eq!(file_name(id), name, "{id:?}");
        }
    }

    #[test]
    fn long_identities_have_short_names_of_their_own() {
        let long = |last: char| format!("{}{last}@{}", "漢".repeat(63), "字".repeat(64));
        let (one, other) = (file_name(&long('a')), file_name(&long('b')));
        assert!(one.len() <= NAME_BYTES_MAX && other.len() <= NAME_BYTES_MAX);
        assert_ne!(one, other);
        assert_eq!(one, file_name(&long('a')));
    }

    #[test]
    fn the_number_of_a_long_name_never_changes() {
        assert_eq!(fnv1a(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_private_folder_is_closed_to_others() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        create_private(&folder).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&folder), mode(&root.path().join("a"))),
            (0o700, 0o700)
        );

        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        create_private(&folder).unwrap();
        assert_eq!(mode(&folder), 0o700);
    }

    #[test]
    fn a_file_in_the_way_is_an_error() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a"), "").unwrap();
        let error = create_private(&root.path().join("a/b")).unwrap_err();
        assert!(error.to_string().contains("a/b"), "{error}");
    }
}

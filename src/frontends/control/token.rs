//! The token for the control port: random, in a file of the user's alone, compared in constant time.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use nix::unistd::Uid;

use crate::paths::create_private;

/// Random bytes of a token; in the file they are hexadecimal.
const RANDOM_BYTES: usize = 32;

/// Characters of a token.
const TOKEN_CHARS: usize = 2 * RANDOM_BYTES;

/// A token. It is never shown.
pub(super) struct Token(String);

impl Token {
    /// Reads the token, or makes one. Several nodes of one user share it.
    pub(super) fn load_or_create(path: &Path) -> io::Result<Self> {
        match Self::load(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(path)?;
                Self::load(path)
            }
            loaded => loaded,
        }
    }

    /// Whether a line, without its newline, is the token. It takes as long for every line of that length.
    pub(super) fn is(&self, line: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let pairs = own.iter().zip(line);
        let differs = pairs.fold(0, |differs, (one, other)| differs | (one ^ other));
        own.len() == line.len() && std::hint::black_box(differs) == 0
    }

    fn load(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let found = file.metadata()?;
        let is_private = found.permissions().mode() & 0o077 == 0;
        if !is_private || found.uid() != Uid::effective().as_raw() {
            return Err(io::Error::other(
                "others can read or change it: remove it, and the next start makes a new one",
            ));
        }
        let mut text = String::new();
        file.take(1024).read_to_string(&mut text)?;
        let token = text.trim_end();
        let is_token = token.len() == TOKEN_CHARS && token.bytes().all(|it| it.is_ascii_hexdigit());
        match is_token {
            true => Ok(Self(token.to_owned())),
            false => Err(io::Error::other(
                "it holds no token: remove it, and the next start makes a new one",
            )),
        }
    }
}

/// Makes the file in one step: of two nodes that start together, both read the token of the first.
fn create(path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    create_private(folder).map_err(io::Error::other)?;
    let mut random = [0; RANDOM_BYTES];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let token: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let draft = path.with_extension(std::process::id().to_string());
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    let linked = writeln!(file, "{token}").and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn a_token_is_made_once_and_is_the_users_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("papo/control-token");
        let first = Token::load_or_create(&path).unwrap();
        let second = Token::load_or_create(&path).unwrap();
        assert_eq!((first.0.len(), &first.0), (TOKEN_CHARS, &second.0));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let left = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(left, 1, "nothing else is left behind");
        let other = Token::load_or_create(&home.path().join("other")).unwrap();
        assert_ne!(first.0, other.0);
    }

    #[test]
    fn only_the_whole_token_is_the_token() {
        let token = Token("ab".repeat(RANDOM_BYTES));
        assert!(token.is("ab".repeat(RANDOM_BYTES).as_bytes()));
        let (short, long) = ("ab".repeat(RANDOM_BYTES - 1), "ab".repeat(RANDOM_BYTES + 1));
        let wrong = format!("{short}ac");
        for line in ["", "ab", &short, &long, &wrong] {
            assert!(!token.is(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn a_token_that_others_can_read_or_that_is_none_is_not_used() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("control-token");
        create(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let error = Token::load_or_create(&path).err().unwrap();
        assert!(error.to_string().contains("others can read"), "{error}");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "\n").unwrap();
        let error = Token::load_or_create(&path).err().unwrap();
        assert!(error.to_string().contains("no token"), "{error}");
    }
}

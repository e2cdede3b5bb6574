//! The Unix socket of one identity: bound in a folder of the user's alone, left-overs of a crash replaced, removed at
//! the end.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use nix::unistd::Uid;
use tokio::net::{UnixListener, UnixStream};

use crate::paths::{SOCKET_PATH_BYTES_MAX, create_private};

/// Whoever listens answers a connection at once; who does not within this time is busy, and lives.
const PROBE_WAIT: Duration = Duration::from_secs(1);

/// The listening socket; its file is removed with it.
pub(super) struct LocalSocket {
    listener: Arc<UnixListener>,
    path: PathBuf,
    inode: u64,
}

impl LocalSocket {
    /// Binds the first of these paths that can be had. An error says in words why there is no socket.
    pub(super) async fn bind(paths: &[PathBuf]) -> Result<Self, String> {
        let mut why = format!(
            "its path would be longer than {SOCKET_PATH_BYTES_MAX} bytes: choose a shorter --data-dir"
        );
        for path in paths {
            match Self::bind_one(path).await {
                Ok(socket) => return Ok(socket),
                Err(error) => why = format!("{}: {error}", path.display()),
            }
        }
        Err(format!("no control socket: {why}"))
    }

    async fn bind_one(path: &Path) -> io::Result<Self> {
        let folder = path.parent().unwrap_or(path);
        create_private(folder).map_err(io::Error::other)?;
        if fs::metadata(folder)?.uid() != Uid::effective().as_raw() {
            return Err(io::Error::other("its folder belongs to another user"));
        }
        make_room(path).await?;
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        Ok(Self {
            listener: Arc::new(listener),
            path: path.to_owned(),
            inode: fs::symlink_metadata(path)?.ino(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn listener(&self) -> Arc<UnixListener> {
        Arc::clone(&self.listener)
    }
}

impl Drop for LocalSocket {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path).is_ok_and(|it| it.ino() == self.inode);
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::debug!(%error, "The control socket stays behind");
        }
    }
}

/// Whether the other end of a connection is a program of this user, or of the administrator.
pub(super) fn is_of_this_user(stream: &UnixStream) -> bool {
    let own = Uid::effective().as_raw();
    stream
        .peer_cred()
        .is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

/// Removes the socket of a node that crashed; nothing else, and none on which somebody listens.
async fn make_room(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::other("something else is in its place"));
        }
        Ok(_) => {}
    }
    match tokio::time::timeout(PROBE_WAIT, UnixStream::connect(path)).await {
        Ok(Err(_)) => fs::remove_file(path),
        Ok(Ok(_)) | Err(_) => Err(io::Error::other("another node listens there")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[tokio::test]
    async fn the_socket_is_the_users_alone_and_goes_with_its_owner() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("papo/a.sock");
        let socket = LocalSocket::bind(std::slice::from_ref(&path))
            .await
            .unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        let client = UnixStream::connect(&path).await.unwrap();
        assert!(is_of_this_user(&client));
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_a_crash_left_is_replaced_and_a_living_socket_is_not() {
        let home = tempfile::tempdir().unwrap();
        let paths = ["a.sock", "b.sock"].map(|name| home.path().join(name));
        // Dropping a listener leaves its file, as kill -9 does.
        drop(UnixListener::bind(&paths[0]).unwrap());
        let first = LocalSocket::bind(&paths).await.unwrap();
        assert_eq!(first.path(), paths[0]);
        let second = LocalSocket::bind(&paths).await.unwrap();
        assert_eq!(second.path(), paths[1]);
        let words = LocalSocket::bind(&paths).await.err().unwrap();
        assert!(words.contains("another node listens there"), "{words}");
    }

    #[tokio::test]
    async fn a_file_in_the_way_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a.sock");
        fs::write(&path, "precious").unwrap();
        let words = LocalSocket::bind(std::slice::from_ref(&path))
            .await
            .err()
            .unwrap();
        assert!(words.contains("something else is in its place"), "{words}");
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        let words = LocalSocket::bind(&[]).await.err().unwrap();
        assert!(words.contains("shorter --data-dir"), "{words}");
    }

    #[tokio::test]
    async fn the_socket_of_a_successor_is_not_removed() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a.sock");
        let socket = LocalSocket::bind(std::slice::from_ref(&path))
            .await
            .unwrap();
        fs::remove_file(&path).unwrap();
        // Something between, so that the number of the file is another one.
        fs::write(home.path().join("between"), "").unwrap();
        let _successor = UnixListener::bind(&path).unwrap();
        drop(socket);
        assert!(path.exists());
    }
}

//! Where the control socket of a node is, and the token for its control port.

use std::{fs, os::unix::fs::FileTypeExt, path::PathBuf};

use super::{PathsError, Places, file_name, fnv1a};

/// The control socket in the folder of its identity.
const CONTROL_SOCKET: &str = "control.sock";

/// Longest path of a socket, in bytes: macOS takes 103, Linux 107.
pub const SOCKET_PATH_BYTES_MAX: usize = 103;

impl Places {
    /// Where the control socket of one identity may be, the best place first; whoever looks for it looks in the same
    /// order. A chosen data folder keeps its sockets itself, so that two of them never share one. Empty if every path
    /// is too long for the system.
    pub fn control_sockets(&self, peer_id: &str) -> Vec<PathBuf> {
        let name = file_name(peer_id);
        let short = format!("~{:016x}.sock", fnv1a(peer_id));
        let mut paths = Vec::new();
        if let Some(folder) = self.runtime_folder() {
            paths.extend([folder.join(format!("{name}.sock")), folder.join(&short)]);
        }
        if let Ok(folder) = self.data_dir() {
            paths.extend([folder.join(name).join(CONTROL_SOCKET), folder.join(short)]);
        }
        paths.retain(|path| path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX);
        paths
    }

    /// The control sockets that are there, whether or not anybody listens; a hundred at most.
    pub fn found_control_sockets(&self) -> Vec<PathBuf> {
        let sockets = self.runtime_folder().into_iter().flat_map(entries);
        let folders = self.data_dir().ok().into_iter().flat_map(entries);
        let folders = folders.flat_map(|path| [path.join(CONTROL_SOCKET), path]);
        let is_socket = |path: &PathBuf| {
            let kind = fs::symlink_metadata(path).map(|it| it.file_type());
            kind.is_ok_and(|kind| kind.is_socket())
        };
        sockets.chain(folders).filter(is_socket).take(100).collect()
    }

    fn runtime_folder(&self) -> Option<PathBuf> {
        let runtime = self.bases.as_ref()?.runtime.as_ref()?;
        self.data_dir.is_none().then(|| runtime.join("papo"))
    }

    /// The file with the token for the control port.
    ///
    /// # Errors
    /// As [`Places::data_dir`].
    pub fn control_token(&self) -> Result<PathBuf, PathsError> {
        Ok(self.data_dir()?.join("control-token"))
    }
}

fn entries(folder: PathBuf) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{
        super::tests::{homeless, places},
        *,
    };

    #[test]
    fn the_control_socket_is_where_the_system_keeps_sockets_or_in_the_data_folder() {
        let first = |places: &Places, id: &str| {
            let path = places.control_sockets(id).into_iter().next();
            path.map(|path| path.to_string_lossy().into_owned())
        };
        let mut places = places();
        let data = "/home/alice/.local/share/papo";
        let long = "x".repeat(64) + "@" + &"y".repeat(64);
        let found = first(&places, "bob@CIC").unwrap();
        assert_eq!(found, format!("{data}/bob%40CIC/control.sock"));
        let found = first(&places, &long).unwrap();
        assert!(
            found.starts_with(&format!("{data}/~")) && found.ends_with(".sock"),
            "{found}"
        );

        places.bases.as_mut().unwrap().runtime = Some("/run/user/1000".into());
        let found = first(&places, "bob@CIC").unwrap();
        assert_eq!(found, "/run/user/1000/papo/bob%40CIC.sock");
        assert_eq!(places.control_sockets("bob@CIC").len(), 4);

        let chosen = places.with_data_dir(Some(Path::new("/srv/papo")));
        let found = first(&chosen, "bob@CIC").unwrap();
        assert_eq!(found, "/srv/papo/bob%40CIC/control.sock");
        let deep = chosen.with_data_dir(Some(Path::new(&format!("/{}", "d".repeat(100)))));
        assert_eq!(first(&deep, "bob@CIC"), None);
        assert_eq!(first(&homeless(), "bob@CIC"), None);
    }
}

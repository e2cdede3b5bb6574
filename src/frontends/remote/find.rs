//! Which running node a command means: the one of the chosen name, else that of the login name, else the only one of
//! this user here.

use std::{os::unix::fs::MetadataExt, path::Path, time::Duration};

use nix::unistd::Uid;
use tokio::net::UnixStream;

use crate::{args::Invocation, login, paths::Places, settings::Settings, wire::identity::PeerId};

/// A node that does not take a connection within this time is passed over.
const CONNECT_WAIT: Duration = Duration::from_secs(1);

/// The control socket of the node that is meant, if it runs.
pub(super) async fn running_node(
    invocation: &Invocation,
    settings: &Settings,
    places: &Places,
) -> Option<UnixStream> {
    let chosen = settings.node.name.clone();
    let name = chosen.clone().unwrap_or_else(login::default_name);
    let own = PeerId::own(&name, &settings.node.namespace).ok()?;
    if let Some(stream) = first_of(&places.control_sockets(own.as_str())).await {
        return Some(stream);
    }
    let is_said = |key| invocation.arguments.iter().any(|it| it.key == key);
    if chosen.is_some() || is_said("node.namespace") {
        return None;
    }
    only_one(places).await
}

async fn first_of(paths: &[impl AsRef<Path>]) -> Option<UnixStream> {
    for path in paths {
        if let Some(stream) = connect(path.as_ref()).await {
            return Some(stream);
        }
    }
    None
}

/// None if several run: nobody could tell which of them is meant.
async fn only_one(places: &Places) -> Option<UnixStream> {
    let mut found = None;
    for path in places.found_control_sockets() {
        if let Some(stream) = connect(&path).await
            && found.replace(stream).is_some()
        {
            return None;
        }
    }
    found
}

/// Connects if the socket is this user's, and so is who listens.
async fn connect(path: &Path) -> Option<UnixStream> {
    let own = Uid::effective().as_raw();
    let is_ours = std::fs::symlink_metadata(path).is_ok_and(|it| it.uid() == own);
    if !is_ours {
        return None;
    }
    let connected = tokio::time::timeout(CONNECT_WAIT, UnixStream::connect(path));
    let stream = connected.await.ok()?.ok()?;
    let is_ours = stream.peer_cred().is_ok_and(|peer| peer.uid() == own);
    is_ours.then_some(stream)
}

#[cfg(test)]
mod tests {
    use tokio::net::UnixListener;

    use super::*;

    fn bind(path: &Path) -> UnixListener {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        UnixListener::bind(path).unwrap()
    }

    #[tokio::test]
    async fn the_only_running_node_is_meant_and_of_several_none() {
        let home = tempfile::tempdir().unwrap();
        let places = Places::from_environment().with_data_dir(Some(home.path()));
        let path = |id: &str| places.control_sockets(id).remove(0);
        assert!(only_one(&places).await.is_none());
        // What a crash left behind does not count.
        drop(bind(&path("dead@lobby")));
        let _alice = bind(&path("alice@lobby"));
        assert!(only_one(&places).await.is_some());
        let _bob = bind(&path("bob@lobby"));
        assert!(only_one(&places).await.is_none());
        assert!(
            first_of(&places.control_sockets("bob@lobby"))
                .await
                .is_some()
        );
        assert!(
            first_of(&places.control_sockets("dead@lobby"))
                .await
                .is_none()
        );
    }
}

//! Registrations that outlived their node: each identity keeps its last one in its folder, and a later start takes back
//! those of nodes that ended without UNREGISTER.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

use super::network::Network;
use crate::{
    identity_lock,
    proto::registration::Outcome,
    wire::rendezvous::{Answer, Request},
};

/// The file in an identity's folder.
pub const REGISTRATION_FILE: &str = "registration.json";

/// The most leftovers one start takes back: each is a request out of the budget.
pub const LEFTOVERS_MAX: usize = 4;

/// The most folders one start looks into.
const FOLDERS_MAX: usize = 256;

/// More than any honest file holds.
const FILE_BYTES_MAX: u64 = 4096;

/// The time one UNREGISTER may take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// A registration as the file keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRegistration {
    /// The rendezvous, `host:port`.
    pub rendezvous: String,
    /// The registered namespace.
    pub namespace: String,
    /// The registered name.
    pub name: String,
    /// The registered port.
    pub port: u16,
    /// Our address as the rendezvous saw it, with the port.
    pub seen: Option<SocketAddr>,
    /// When it ends by itself, in seconds since 1970.
    pub until: u64,
}

impl LastRegistration {
    /// The file of this folder, if there is a readable one.
    pub fn load(folder: &Path) -> Option<Self> {
        let file = File::open(folder.join(REGISTRATION_FILE)).ok()?;
        let mut text = String::new();
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Replaces the file as a whole: a reader sees the old one or the new one. Not synced: after a power failure
    /// there is no node to take back anyway.
    pub fn store(&self, folder: &Path) -> io::Result<()> {
        let path = folder.join(REGISTRATION_FILE);
        let new = path.with_extension("new");
        let text = serde_json::to_string(self)?;
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        options.open(&new)?.write_all(text.as_bytes())?;
        fs::rename(new, path)
    }

    /// Removes the file of this folder; it is no error if there is none.
    pub fn remove(folder: &Path) -> io::Result<()> {
        match fs::remove_file(folder.join(REGISTRATION_FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn ended(&self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.until <= now.as_secs()
    }

    /// Takes the registration back; true if the rendezvous has it no more.
    async fn unregister(&self, network: &dyn Network) -> bool {
        let request = Request::Unregister {
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            port: self.port,
        };
        let to = self.rendezvous.as_str().into();
        let exchange = network.request(to, None, request, TIMEOUT).await;
        matches!(
            exchange.outcome,
            Outcome::Answered(Answer::Ok(_) | Answer::Error(_))
        )
    }
}

/// Takes back the registrations that other identities of this user left behind, [`LEFTOVERS_MAX`] at most. `own` is the
/// folder of the identity that runs here.
pub async fn sweep(network: &dyn Network, data_dir: PathBuf, own: PathBuf, now: SystemTime) {
    let looked = tokio::task::spawn_blocking(move || find(&data_dir, &own, now)).await;
    for (folder, leftover) in looked.unwrap_or_default() {
        if leftover.unregister(network).await {
            on_disk(move || forget(&folder, &leftover)).await;
        }
    }
}

/// Takes back our own last registration, which was made at another rendezvous.
pub async fn unregister(network: &dyn Network, leftover: &LastRegistration, now: SystemTime) {
    if !leftover.ended(now) && !leftover.unregister(network).await {
        tracing::debug!("our registration at the last rendezvous could not be taken back");
    }
}

/// Does file work off the actors' thread; what fails is logged, for the node goes on without the file.
pub(super) async fn on_disk(work: impl FnOnce() -> io::Result<()> + Send + 'static) {
    if let Ok(done) = tokio::task::spawn_blocking(work).await {
        warn(done);
    }
}

fn warn(done: io::Result<()>) {
    if let Err(error) = done {
        tracing::warn!(%error, "the file of the last registration cannot be written");
    }
}

/// The leftovers of nodes that do not run; those that have ended by themselves are removed on the way.
fn find(data_dir: &Path, own: &Path, now: SystemTime) -> Vec<(PathBuf, LastRegistration)> {
    let Ok(entries) = fs::read_dir(data_dir) else {
        return Vec::new();
    };
    let folders = entries
        .take(FOLDERS_MAX)
        .flatten()
        .map(|entry| entry.path());
    let others = folders.filter(|folder| folder != own && identity_lock::is_free(folder));
    let leftovers = others.filter_map(|folder| {
        let leftover = LastRegistration::load(&folder)?;
        if !leftover.ended(now) {
            return Some((folder, leftover));
        }
        warn(forget(&folder, &leftover));
        None
    });
    leftovers.take(LEFTOVERS_MAX).collect()
}

/// Removes the file unless a node of that identity has started meanwhile.
fn forget(folder: &Path, leftover: &LastRegistration) -> io::Result<()> {
    let unchanged = LastRegistration::load(folder).as_ref() == Some(leftover);
    if unchanged && identity_lock::is_free(folder) {
        return LastRegistration::remove(folder);
    }
    Ok(())
}

#[cfg(test)]
#[path = "leftover_tests.rs"]
mod tests;

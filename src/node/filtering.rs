//! The user's filters and their file: `filters.json` in the folder of the identity, kept apart from every message.

use std::{
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use thiserror::Error;

use crate::{
    actors::{events::NodeEvent, links::Links},
    private_file,
    proto::filters::{Filters, SavedFilters},
    wire::identity::PeerId,
};

/// The name of the file.
const FILE: &str = "filters.json";

/// A larger file is none of ours: the longest names on full lists, every character escaped, take less.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// A change of the filters holds, but only until this node ends.
#[derive(Debug, Error)]
pub enum KeepError {
    /// The node runs without a folder, or its file could not be read and is left alone.
    #[error("this node keeps nothing")]
    NoFile,
    /// The system refuses.
    #[error("it could not be written down: {0}")]
    Io(#[from] io::Error),
}

/// The filters of a running node. What is changed holds at once, for links and for front ends.
pub struct FilterKeeper {
    links: Links,
    file: Option<PathBuf>,
    /// Held while the file is written: the newest filters are in it last.
    saving: tokio::sync::Mutex<()>,
}

impl FilterKeeper {
    /// Takes the filters of the identity's folder over; what the user should know if they cannot be read.
    pub fn load(links: Links, folder: Option<&Path>) -> (Self, Option<NodeEvent>) {
        let mut file = folder.map(|folder| folder.join(FILE));
        let trouble = match file.as_deref().map(read) {
            None | Some(Ok(None)) => None,
            Some(Ok(Some(filters))) => {
                *links.filters().write() = filters;
                None
            }
            Some(Err(BadFile::Damaged { reason, aside })) => Some(damaged(&reason, &aside)),
            // It stays as it is: what cannot be read is not to be replaced.
            Some(Err(BadFile::Io(error))) => file.take().map(|file| unreadable(&file, &error)),
        };
        let saving = tokio::sync::Mutex::default();
        let keeper = Self {
            links,
            file,
            saving,
        };
        (keeper, trouble)
    }

    /// Whether what this peer says is not shown.
    pub fn hides(&self, peer: &PeerId) -> bool {
        self.links.filters().read().hides(SystemTime::now(), peer)
    }

    /// Whether this peer is ignored.
    pub fn ignores(&self, peer: &PeerId) -> bool {
        self.links.filters().read().ignores(SystemTime::now(), peer)
    }

    /// The filters now.
    pub fn list(&self) -> Filters {
        self.links.filters().read().clone()
    }

    /// Changes the filters, ends the links that are blocked by now, and writes the file.
    pub async fn change<T>(
        &self,
        change: impl FnOnce(SystemTime, &mut Filters) -> T,
    ) -> (T, Result<(), KeepError>) {
        let result = change(SystemTime::now(), &mut self.links.filters().write());
        self.links.close_blocked();
        (result, self.save().await)
    }

    async fn save(&self) -> Result<(), KeepError> {
        let file = self.file.clone().ok_or(KeepError::NoFile)?;
        let _turn = self.saving.lock().await;
        let saved = SavedFilters::from(&*self.links.filters().read());
        let write =
            move || private_file::replace(&file, |out| Ok(serde_json::to_writer(out, &saved)?));
        let written = tokio::task::spawn_blocking(write).await;
        Ok(written.map_err(io::Error::other)??)
    }
}

/// Why a file gave no filters.
enum BadFile {
    Damaged { reason: String, aside: String },
    Io(io::Error),
}

fn read(file: &Path) -> Result<Option<Filters>, BadFile> {
    let Some(content) = private_file::read(file, FILE_BYTES_MAX).map_err(BadFile::Io)? else {
        return Ok(None);
    };
    parse(&content).map(Some).map_err(|reason| {
        let aside = match private_file::set_aside(file) {
            Ok(aside) => format!("it is kept as {}", aside.display()),
            Err(error) => format!("it could not be moved aside: {error}"),
        };
        BadFile::Damaged { reason, aside }
    })
}

fn parse(content: &[u8]) -> Result<Filters, String> {
    if content.len() as u64 > FILE_BYTES_MAX {
        return Err("too large".into());
    }
    let saved: SavedFilters = serde_json::from_slice(content).map_err(|error| error.to_string())?;
    saved
        .try_into()
        .map_err(|error: crate::proto::filters::BadFilters| error.to_string())
}

fn damaged(reason: &str, aside: &str) -> NodeEvent {
    tracing::warn!(reason, "The list of ignored and blocked peers is damaged");
    NodeEvent::Trouble {
        code: "filters_damaged",
        message: format!("{FILE} is damaged ({reason}): nobody is ignored or blocked now"),
        hint: aside.into(),
    }
}

fn unreadable(file: &Path, error: &io::Error) -> NodeEvent {
    NodeEvent::Trouble {
        code: "filters_unreadable",
        message: format!(
            "{} cannot be read ({error}): nobody is ignored or blocked now",
            file.display()
        ),
        hint: "mend it and start the node again; until then nothing new is kept there".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::proto::filters::Blocked;

    fn reason(content: &[u8]) -> String {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join(FILE);
        fs::write(&file, content).unwrap();
        match read(&file) {
            Err(BadFile::Damaged { reason, aside }) => {
                let aside_file = home.path().join("filters.json.damaged");
                assert_eq!(aside, format!("it is kept as {}", aside_file.display()));
                assert_eq!(fs::read(aside_file).unwrap(), content);
                assert!(!file.exists());
                reason
            }
            _ => panic!("it was taken for filters"),
        }
    }

    #[test]
    fn a_damaged_file_is_said_and_kept_aside() {
        assert!(reason(b"").contains("EOF"));
        assert!(reason(b"\xff\x00{]").contains("expected value"));
        assert!(reason(b"[]").contains("invalid length"));
        assert!(reason(br#"{"version":1}"#).contains("missing field"));
        let strange = br#"{"version":9,"ignored":[],"blocked_peers":[],"blocked_addresses":[]}"#;
        assert_eq!(reason(strange), "version 9 is not known");
        let huge = vec![b' '; usize::try_from(FILE_BYTES_MAX).unwrap() + 1];
        assert_eq!(reason(&huge), "too large");
    }

    #[test]
    fn what_cannot_be_read_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(FILE);
        fs::create_dir(&folder).unwrap();
        assert!(matches!(read(&folder), Err(BadFile::Io(_))));
        assert!(folder.is_dir());
        assert!(matches!(read(&home.path().join("none")), Ok(None)));
    }

    #[test]
    fn full_lists_of_the_longest_names_fit_the_file() {
        let mut filters = Filters::default();
        for n in 0..crate::proto::filters::FILTERS_MAX {
            let name = format!("{n:04}{}", "\u{1}".repeat(124));
            let peer = PeerId::parse(&format!("{name}@")).unwrap();
            filters
                .ignore(SystemTime::UNIX_EPOCH, peer.clone(), None)
                .unwrap();
            filters.block(Blocked::Peer(peer)).unwrap();
        }
        let text = serde_json::to_vec(&SavedFilters::from(&filters)).unwrap();
        assert_eq!(parse(&text), Ok(filters));
    }
}

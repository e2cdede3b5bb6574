//! Whose history is read: the one that is named, that of plain `papo`, or the only one there is.

use std::path::PathBuf;

use super::{Failure, failure};
use crate::{
    frontends::exit::Exit,
    login::default_name,
    paths::{PathsError, Places},
    settings::Settings,
    store::{Reader, is_there},
    wire::identity::PeerId,
};

/// Opens the history the settings name.
pub(super) fn choose(settings: &Settings, places: &Places) -> Result<Reader, Failure> {
    let namespace = &settings.node.namespace;
    let name = settings.node.name.clone();
    let is_given = name.is_some();
    let own = PeerId::own(&name.unwrap_or_else(default_name), namespace);
    let own = own.map_err(|error| (error.to_string(), Exit::Usage))?;
    let folder = places.identity_dir(own.as_str()).map_err(no_place)?;
    if is_there(&folder) {
        return Reader::open(&folder).map_err(failure);
    }
    let others = all(places)?;
    match others.as_slice() {
        [only] if !is_given => Reader::open(only).map_err(failure),
        others => Err((none_words(&own, others), Exit::Failure)),
    }
}

fn all(places: &Places) -> Result<Vec<PathBuf>, Failure> {
    let mut folders = places.identity_dirs().map_err(no_place)?;
    folders.retain(|folder| is_there(folder));
    folders.sort();
    Ok(folders)
}

fn none_words(own: &PeerId, others: &[PathBuf]) -> String {
    if others.is_empty() {
        return format!(
            "{own} has no history: papo keeps one when it runs with history.mode = \"on\""
        );
    }
    let named: Vec<String> = others
        .iter()
        .map(|folder| match Reader::open(folder) {
            Ok(reader) => reader.own().to_string(),
            Err(_) => folder.display().to_string(),
        })
        .collect();
    format!(
        "{own} has no history; there are those of {}: choose one with --name and --namespace",
        named.join(", ")
    )
}

fn no_place(error: PathsError) -> Failure {
    (error.to_string(), Exit::Failure)
}

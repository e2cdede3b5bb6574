//! The history on disk: opening it at the start, and starting the actor that looks after it.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{Node, StartError, config, start::Ways};
use crate::{
    actors::{
        disk::Disk,
        door::Inbox,
        events::Events,
        history::{HistoryActor, HistoryParts},
        kept::Kept,
    },
    metrics::Metrics,
    settings::Settings,
    store::{Opened, Store},
    wire::identity::PeerId,
};

/// The opened store, and what it knows of earlier runs.
pub struct History {
    /// For the actors.
    pub disk: Arc<Disk>,
    /// Of earlier runs.
    pub opened: Opened,
}

/// Opens the store of an identity, unless the settings or a folder that cannot be written say otherwise.
pub fn open(
    settings: &Settings,
    folder: Option<PathBuf>,
    own: &PeerId,
    metrics: &Arc<Metrics>,
) -> Result<Option<History>, StartError> {
    let Some(folder) = folder.filter(|_| settings.history.mode) else {
        return Ok(None);
    };
    let config = config::store_config(settings, folder, own.clone());
    let (store, opened) = Store::open(config).map_err(StartError::History)?;
    let limits = config::disk_limits(&settings.history);
    let disk = Disk::new(store, limits, Arc::clone(metrics));
    Ok(Some(History { disk, opened }))
}

impl Node {
    /// What outlives the router: with what earlier runs left, where there is a history.
    pub(super) fn kept(&self) -> Arc<Kept> {
        let limits = config::kept_limits(&self.settings.connection);
        match &self.history {
            Some(History { disk, opened }) => Kept::on_disk(limits, Arc::clone(disk), opened),
            None => Kept::new(limits),
        }
    }

    /// Starts the actor that looks after the history, where there is one.
    pub(super) fn start_history(&self, inbox: Inbox<HistoryActor>, ways: &Ways, events: Events) {
        let Some(History { disk, opened }) = &self.history else {
            return;
        };
        let unclean = AtomicBool::default();
        unclean.store(opened.unclean, Ordering::Relaxed);
        let parts = HistoryParts {
            disk: Arc::clone(disk),
            router: ways.router.door(),
            events,
            unclean: Arc::new(unclean),
        };
        self.supervise("history", inbox, move |_, _| {
            HistoryActor::new(parts.clone())
        });
    }
}

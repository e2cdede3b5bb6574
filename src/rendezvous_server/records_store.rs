//! The newest records, outside of the actor that makes them, and their way to the file.
//!
//! Saving is a group commit: while one write is under way, all that change meanwhile wait for the next, which
//! writes the newest state once. An answer that says OK leaves after the write that holds its record, so it then
//! survives `kill -9`; a disk that is slow or fails delays an answer by [`COMMIT_WAIT_MAX`] at most, and the record
//! reaches the file when the disk allows.

use std::{
    io,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use tokio::{sync::watch, task, time};

use super::records_file::{self, LoadError};
use crate::{
    actors::clock,
    metrics::Metrics,
    proto::directory::{Directory, Limits, Snapshot},
};

/// The number of a state of the records; a later state has a greater one.
pub type Version = u64;

/// The longest an answer waits for its record to be written; clients wait about 5 s for an answer. Usually it is the
/// few milliseconds of a small file, and of the pause before it.
const COMMIT_WAIT_MAX: Duration = Duration::from_secs(1);

/// Between two writes lies a pause of this many times what the first took, so that under load writing takes a
/// fifth of the disk's time at most …
const PAUSE_FACTOR: u32 = 4;

/// … but never a longer one than this: an answer may be waiting for the next write.
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// The newest records and how far they are written. Clones share them.
#[derive(Clone)]
pub(super) struct RecordsStore(Rc<Shared>);

struct Shared {
    newest: watch::Sender<(Version, Snapshot)>,
    /// Up to which version all is in the file (or was tried in vain); none without a file.
    written: Option<watch::Receiver<Version>>,
}

impl RecordsStore {
    /// Loads the file and starts the task that writes it; the task ends with the last clone. A file that cannot be
    /// read is a warning: the records are only a convenience, their owners register again.
    pub(super) fn open(
        file: Option<PathBuf>,
        limits: Limits,
        now: Duration,
        metrics: Arc<Metrics>,
    ) -> Self {
        let loaded = file.as_ref().map(|file| load(file, limits, now));
        let (newest, changes) = watch::channel((0, loaded.unwrap_or_default()));
        let written = file.map(|file| {
            let (done, written) = watch::channel(0);
            let writer = Writer {
                file,
                done,
                metrics,
                is_failing: false,
            };
            actix_rt::spawn(writer.run(changes));
            written
        });
        Self(Rc::new(Shared { newest, written }))
    }

    /// The newest records.
    pub(super) fn newest(&self) -> Snapshot {
        self.0.newest.borrow().1.clone()
    }

    /// Takes a newer state to be written, and numbers it.
    pub(super) fn save(&self, snapshot: Snapshot) -> Version {
        let version = self.0.newest.borrow().0 + 1;
        self.0.newest.send_replace((version, snapshot));
        version
    }

    /// Waits until this version is in the file, but not for ever.
    pub(super) async fn saved(&self, version: Version) {
        if time::timeout(COMMIT_WAIT_MAX, self.written(version))
            .await
            .is_err()
        {
            tracing::debug!(version, "answered before the records were written");
        }
    }

    /// Waits until the newest state is in the file.
    pub(super) async fn flushed(&self) {
        let newest = self.0.newest.borrow().0;
        self.written(newest).await;
    }

    async fn written(&self, version: Version) {
        if let Some(written) = &self.0.written {
            // An error means that the writer is gone: then nothing is left to wait for.
            drop(
                written
                    .clone()
                    .wait_for(|written| *written >= version)
                    .await,
            );
        }
    }
}

fn load(file: &Path, limits: Limits, now: Duration) -> Snapshot {
    match records_file::load(file) {
        Ok(Some(saved)) => {
            let directory = Directory::restored(limits, now, saved);
            tracing::info!(
                records = directory.len(),
                ?file,
                "loaded the rendezvous records"
            );
            directory.snapshot()
        }
        Ok(None) => Snapshot::default(),
        Err(error @ LoadError::Damaged(_)) => {
            tracing::warn!(%error, ?file, "the rendezvous records were set aside as *.damaged");
            Snapshot::default()
        }
        Err(error @ LoadError::Io(_)) => {
            tracing::warn!(%error, ?file, "the rendezvous records cannot be read");
            Snapshot::default()
        }
    }
}

/// The one task that writes the file.
struct Writer {
    file: PathBuf,
    done: watch::Sender<Version>,
    metrics: Arc<Metrics>,
    is_failing: bool,
}

impl Writer {
    async fn run(mut self, mut newest: watch::Receiver<(Version, Snapshot)>) {
        while newest.changed().await.is_ok() {
            let (version, snapshot) = newest.borrow_and_update().clone();
            let started = clock::now();
            self.write(snapshot).await;
            self.done.send_replace(version);
            let took = clock::now().saturating_duration_since(started);
            time::sleep((took * PAUSE_FACTOR).min(PAUSE_MAX)).await;
        }
    }

    async fn write(&mut self, snapshot: Snapshot) {
        let file = self.file.clone();
        let job = move || records_file::save(&file, &snapshot.to_saved());
        match task::spawn_blocking(job)
            .await
            .unwrap_or_else(|error| Err(error.into()))
        {
            Ok(()) => self.succeeded(),
            Err(error) => self.failed(&error),
        }
    }

    fn succeeded(&mut self) {
        self.metrics.rendezvous_saves.increment();
        if std::mem::take(&mut self.is_failing) {
            tracing::info!(file = ?self.file, "the rendezvous records are saved again");
        }
    }

    /// Warns once until a save succeeds again: with each change there is another try.
    fn failed(&mut self, error: &io::Error) {
        self.metrics.rendezvous_save_failures.increment();
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::warn!(%error, file = ?self.file, "the rendezvous records cannot be saved");
        }
    }
}

#[cfg(test)]
mod tests;

//! Measures the store alone, without links: how many texts a second it keeps and acknowledges, how long an ACK takes,
//! and how fast a large history answers. `cargo bench --bench store [-- --folder DIR]`; the folder says which disk.
//!
//! That no acknowledged message is lost when the process is killed is shown by `tests/store.rs`.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints its table, and what fails there ends it"
)]

mod asking;
mod keeping;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use papo::{
    proto::texts::Texts,
    store::{Durability, Store, StoreConfig, facts::Incoming},
    wire::identity::PeerId,
};
use uuid::Uuid;

/// Bytes of each text.
const TEXT_BYTES: usize = 200;

fn main() {
    let folder = folder();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        keeping::run(&folder).await;
        asking::run(&folder).await;
    });
}

/// Where the stores lie: what `--folder` says, or the folder for temporary files.
fn folder() -> PathBuf {
    let mut arguments = std::env::args().skip_while(|it| it != "--folder").skip(1);
    arguments
        .next()
        .map_or_else(std::env::temp_dir, PathBuf::from)
}

/// A new store below this folder, gone with the guard.
fn store(folder: &Path, durability: Durability) -> (tempfile::TempDir, Store) {
    let guard = tempfile::tempdir_in(folder).unwrap();
    let own = PeerId::parse("me@bench").unwrap();
    let config = StoreConfig {
        durability,
        ..StoreConfig::new(guard.path().to_owned(), own)
    };
    let (store, _) = Store::open(config).unwrap();
    (guard, store)
}

/// So many texts of a peer, from the number on.
fn incoming(peer: usize, number: usize, count: usize) -> Incoming {
    let mut texts = Texts::default();
    for number in number..number + count {
        texts.push(None, &Uuid::new_v4().to_string(), &text(number));
    }
    Incoming {
        from: PeerId::parse(&format!("peer{peer}@bench")).unwrap(),
        address: "127.0.0.1:4000".parse().unwrap(),
        at: Timestamp::now(),
        texts,
    }
}

/// Words of different frequency: `often` is in all, `rare500` in one, the others are three of 60 syllables.
fn text(number: usize) -> String {
    let (tenth, hundredth) = (number % 10, number % 100);
    let mut text = format!("often rare{number} tenth{tenth} hundredth{hundredth}");
    let mut random = fastrand::Rng::with_seed(number as u64);
    while text.len() < TEXT_BYTES {
        text.push(' ');
        for _ in 0..3 {
            text.push(char::from(b"bcdfgjklmpst"[random.usize(..12)]));
            text.push(char::from(b"aeiou"[random.usize(..5)]));
        }
    }
    text.truncate(TEXT_BYTES);
    text
}

/// The value at this share of the sorted ones, in milliseconds.
fn percentile(values: &mut [Duration], share: f64) -> f64 {
    values.sort();
    let at = (values.len().saturating_sub(1) as f64 * share) as usize;
    values
        .get(at)
        .map_or(0.0, |value| value.as_secs_f64() * 1e3)
}

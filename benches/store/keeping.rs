//! Texts a second and the time to their ACK: paced, and as fast as it goes.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use papo::store::{Durability, Store};

use crate::{incoming, percentile, store};

/// How long each figure is measured.
const TIME: Duration = Duration::from_secs(5);

/// One figure: who sends how much.
struct Load {
    name: &'static str,
    producers: usize,
    /// Texts that arrive together.
    chunk: usize,
    /// Texts a second of all producers; none: as fast as they are acknowledged.
    rate: Option<f64>,
}

const LOADS: [Load; 4] = [
    Load {
        name: "1,000/s paced, 8 links",
        producers: 8,
        chunk: 1,
        rate: Some(1000.0),
    },
    Load {
        name: "1 link, one text in flight",
        producers: 1,
        chunk: 1,
        rate: None,
    },
    Load {
        name: "64 links, one text in flight",
        producers: 64,
        chunk: 1,
        rate: None,
    },
    Load {
        name: "8 links, 64 texts in a chunk",
        producers: 8,
        chunk: 64,
        rate: None,
    },
];

/// Prints the table.
pub async fn run(folder: &Path) {
    println!(
        "| load | durability | texts/s | ACK p50, ms | ACK p99, ms | not indexed at the end | indexed after, s |"
    );
    println!("|---|---|---:|---:|---:|---:|---:|");
    for load in &LOADS {
        for durability in [Durability::Full, Durability::Normal] {
            println!("{}", figure(folder, load, durability).await);
        }
    }
}

async fn figure(folder: &Path, load: &Load, durability: Durability) -> String {
    let (_guard, store) = store(folder, durability);
    let begin = Instant::now();
    let producers = (0..load.producers).map(|peer| {
        let pause = load
            .rate
            .map(|rate| Duration::from_secs_f64(load.producers as f64 / rate));
        tokio::spawn(produce(store.clone(), peer, load.chunk, pause))
    });
    let (mut acks, mut texts) = (Vec::new(), 0);
    for producer in producers.collect::<Vec<_>>() {
        let (count, times) = producer.await.unwrap();
        texts += count;
        acks.extend(times);
    }
    let rate = texts as f64 / begin.elapsed().as_secs_f64();
    let lag = store.stats().await.unwrap().unindexed;
    let indexed = Instant::now();
    while store.stats().await.unwrap().unindexed > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    format!(
        "| {} | {durability:?} | {rate:.0} | {:.2} | {:.2} | {lag} | {:.1} |",
        load.name,
        percentile(&mut acks, 0.5),
        percentile(&mut acks, 0.99),
        indexed.elapsed().as_secs_f64(),
    )
}

/// Sends chunks until the time is over; how many texts were acknowledged, and how long each chunk took.
async fn produce(
    store: Store,
    peer: usize,
    chunk: usize,
    pause: Option<Duration>,
) -> (usize, Vec<Duration>) {
    let first = peer * 10_000_000;
    let (begin, mut number, mut times) = (Instant::now(), first, Vec::new());
    let mut ticks = tokio::time::interval(pause.unwrap_or(TIME));
    while begin.elapsed() < TIME {
        if pause.is_some() {
            ticks.tick().await;
        }
        let texts = incoming(peer, number, chunk);
        let sent = Instant::now();
        store.receive(texts).await.unwrap();
        times.push(sent.elapsed());
        number += chunk;
    }
    (number - first, times)
}

//! What is done behind the writer: the index of words, and removing the oldest.

use super::testing::*;
use crate::store::{
    Store, StoreConfig, StoreError,
    facts::{Fact, State},
};

#[tokio::test]
async fn a_search_finds_what_arrived_just_before() {
    let folder = folder();
    let (store, _) = open(folder.path());
    for n in 0..100 {
        let (id, text) = (format!("{n}"), format!("number{n} of many"));
        store
            .receive(incoming("bob@X", 0, &[(&id, &text)]))
            .await
            .unwrap();
    }
    let found = store.search(words("number99")).await.unwrap();
    assert_eq!(texts(&found), ["number99 of many"]);
    assert_eq!(store.stats().await.unwrap().unindexed, 0);
}

#[tokio::test]
async fn the_oldest_go_when_there_are_too_many_but_none_that_waits() {
    let folder = folder();
    let config = StoreConfig {
        max_messages: 20,
        ..config(folder.path())
    };
    let (store, _) = Store::open(config.clone()).unwrap();
    store.record(accepted(1, "bob@X", State::Queued));
    store.record(accepted(2, "bob@X", State::Sent));
    kept(&store, accepted(3, "*", State::Sent)).await;
    let many: Vec<_> = (0..1000)
        .map(|n| (format!("{n}"), format!("word{n} each")))
        .collect();
    for chunk in many.chunks(100) {
        let chunk: Vec<_> = chunk
            .iter()
            .map(|(id, text)| (id.as_str(), text.as_str()))
            .collect();
        store.receive(incoming("eve@X", 0, &chunk)).await.unwrap();
    }
    store.close().await;

    let (store, opened) = Store::open(config).unwrap();
    assert_eq!(opened.outbox, [(peer("bob@X"), 2)]);
    let rows = store.last(newest(100)).await.unwrap();
    assert_eq!(rows.len(), 20);
    assert_eq!(texts(&rows)[..3], ["text 1", "text 2", "word982 each"]);
    assert_eq!(store.search(words("word981")).await.unwrap(), []);
    assert_eq!(store.search(words("word982")).await.unwrap().len(), 1);
    assert_eq!(store.check().await, Ok(()));
}

#[tokio::test]
async fn a_store_near_its_largest_size_lets_the_oldest_go() {
    let folder = folder();
    let config = StoreConfig {
        max_bytes: 1 << 20,
        ..config(folder.path())
    };
    let (store, _) = Store::open(config).unwrap();
    let text = "many words of one kind ".repeat(100);
    let mut refused = 0;
    for n in 0..800 {
        let id = format!("{n}");
        match store.receive(incoming("bob@X", 0, &[(&id, &text)])).await {
            Ok(new) => assert_eq!(new, [true]),
            Err(error) => {
                assert!(matches!(error, StoreError::Full(_)), "{error}");
                refused += 1;
            }
        }
    }
    let stats = store.stats().await.unwrap();
    assert!(stats.bytes <= 1 << 20, "{stats:?}");
    assert!(stats.messages > 100, "{stats:?}");
    assert!(refused < 20, "{refused} were refused");
}

#[tokio::test]
async fn peers_that_were_only_met_are_forgotten_when_there_are_too_many() {
    let folder = folder();
    let config = StoreConfig {
        max_messages: 1,
        ..config(folder.path())
    };
    let (store, _) = Store::open(config.clone()).unwrap();
    for n in 0..10_050 {
        store.record(Fact::Met {
            peer: peer(&format!("p{n}@X")),
        });
    }
    store.record(accepted(1, "first@X", State::Queued));
    kept(&store, accepted(2, "*", State::Sent)).await;
    kept(&store, accepted(3, "*", State::Sent)).await;
    store.close().await;
    let (_, opened) = Store::open(config).unwrap();
    assert_eq!(opened.known.len(), 10_000);
    assert_eq!(opened.known[0], peer("first@X"));
    assert_eq!(opened.known[1], peer("p10049@X"));
}

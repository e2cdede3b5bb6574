//! What is asked of the store.

use super::testing::*;
use crate::store::{Reader, Store, facts::State, rows::Query};

/// Two peers, everyone and a namespace, received and own, a second apart.
async fn talk() -> (tempfile::TempDir, Store) {
    let folder = folder();
    let (store, _) = open(folder.path());
    store
        .receive(incoming(
            "bob@X",
            1000,
            &[("1", "Olá, Bob aqui"), ("2", "*to all")],
        ))
        .await
        .unwrap();
    store
        .receive(incoming(
            "eve@X",
            2000,
            &[("1", "hello from \"Eve\""), ("2", "*all of you")],
        ))
        .await
        .unwrap();
    kept(&store, accepted(1, "bob@X", State::Queued)).await;
    kept(&store, accepted(2, "*", State::Sent)).await;
    kept(&store, accepted(3, "#X", State::Sent)).await;
    (folder, store)
}

#[tokio::test]
async fn conversations_are_told_apart() {
    let (_folder, store) = talk().await;
    for (with, expected) in [
        ("bob@X", &["Olá, Bob aqui", "*to all", "text 1"][..]),
        ("*", &["*to all", "*all of you", "text 2"]),
        ("#X", &["text 3"]),
        ("#Y", &[]),
        ("nobody@X", &[]),
    ] {
        let query = Query {
            with: Some(to(with)),
            ..newest(10)
        };
        assert_eq!(texts(&store.last(query).await.unwrap()), expected, "{with}");
    }
}

#[tokio::test]
async fn the_newest_come_oldest_first() {
    let (_folder, store) = talk().await;
    assert_eq!(last(&store, 2).await, ["text 2", "text 3"]);
    assert_eq!(last(&store, 0).await, [""; 0]);
}

#[tokio::test]
async fn times_include_since_and_exclude_until() {
    let (_folder, store) = talk().await;
    for (since, until, count) in [
        (None, None, 7),
        (Some(2000), None, 2),
        (Some(2001), None, 0),
        (None, Some(2000), 5),
        (Some(1000), Some(1001), 5),
    ] {
        let query = Query {
            since: since.map(at),
            until: until.map(at),
            ..newest(10)
        };
        let rows = store.last(query).await.unwrap();
        assert_eq!(rows.len(), count, "{since:?} {until:?}");
    }
}

#[tokio::test]
async fn a_search_finds_all_words_prefixes_and_nothing_by_operators() {
    let (_folder, store) = talk().await;
    for (typed, expected) in [
        ("ola", &["Olá, Bob aqui"][..]),
        ("AQUI bob", &["Olá, Bob aqui"]),
        ("bob eve", &[]),
        ("al", &["*to all", "*all of you"]),
        ("a", &[]),
        ("all -you", &["*all of you"]),
        ("all OR hello", &[]),
        ("\"Eve\"", &["hello from \"Eve\""]),
        ("\"", &[]),
        ("text:all", &[]),
        ("NEAR(all you)", &[]),
        ("text", &["text 1", "text 2", "text 3"]),
        ("", &[]),
    ] {
        let rows = store.search(words(typed)).await.unwrap();
        assert_eq!(texts(&rows), expected, "{typed:?}");
    }
    let query = Query {
        with: Some(to("eve@X")),
        count: 1,
        ..words("all")
    };
    assert_eq!(texts(&store.search(query).await.unwrap()), ["*all of you"]);
}

#[tokio::test]
async fn all_is_read_in_portions_and_until_enough() {
    let folder = folder();
    let (store, _) = open(folder.path());
    let many: Vec<_> = (0..1200)
        .map(|n| (format!("{n}"), format!("text {n}")))
        .collect();
    let many: Vec<_> = many
        .iter()
        .map(|(id, text)| (id.as_str(), text.as_str()))
        .collect();
    store.receive(incoming("bob@X", 0, &many)).await.unwrap();
    store.search(words("x")).await.unwrap();
    let reader = Reader::open(folder.path()).unwrap();
    let read = |query: &Query, enough: usize| {
        let mut rows = Vec::new();
        let each = |row: crate::store::rows::Row| {
            rows.push(row.text);
            rows.len() < enough
        };
        reader.each(query, each).unwrap();
        rows
    };
    let all = read(&newest(5000), usize::MAX);
    assert_eq!(
        (all.len(), all[0].as_str(), all[1199].as_str()),
        (1200, "text 0", "text 1199")
    );
    let newest_700 = read(&newest(700), usize::MAX);
    assert_eq!(
        (newest_700.len(), newest_700[0].as_str()),
        (700, "text 500")
    );
    assert_eq!(read(&newest(5000), 3).len(), 3);
    let found = Query {
        count: 5000,
        ..words("text")
    };
    assert_eq!(read(&found, usize::MAX).len(), 1200);
    assert_eq!(read(&words("text 7"), usize::MAX).len(), 1);
    assert_eq!(read(&newest(0), usize::MAX).len(), 0);
}

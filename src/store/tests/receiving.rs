//! Texts that arrive: kept, told apart from repeated ones, and there again after the next start.

use super::testing::*;
use crate::store::facts::RowId;

#[tokio::test]
async fn what_was_received_is_there_after_a_restart() {
    let folder = folder();
    let (store, opened) = open(folder.path());
    assert!(opened.known.is_empty() && !opened.unclean);
    let new = store
        .receive(incoming("bob@X", 5, &[("1", "hello"), ("2", "*all")]))
        .await;
    assert_eq!(new, Ok(vec![true, true]));
    store.close().await;

    let (store, opened) = open(folder.path());
    assert_eq!(opened.known, [peer("bob@X")]);
    assert!(!opened.unclean);
    let rows = store.last(newest(10)).await.unwrap();
    assert_eq!(texts(&rows), ["hello", "*all"]);
    let row = &rows[0];
    assert_eq!((row.row, row.at, row.own), (RowId(1), at(5), false));
    assert_eq!(
        (row.peer.clone(), row.to.clone()),
        (Some(peer("bob@X")), to("me@X"))
    );
    assert_eq!(
        (row.msg_id.as_str(), row.address.as_deref()),
        ("1", Some("127.0.0.1:4001"))
    );
    assert_eq!((rows[1].to.clone(), &rows[1].fate), (to("*"), &None));
}

#[tokio::test]
async fn a_repeated_text_is_no_news_also_after_a_restart() {
    let folder = folder();
    let (store, _) = open(folder.path());
    let twice = incoming("bob@X", 0, &[(UUID, "a"), (UUID, "a"), (UUID, "b")]);
    assert_eq!(store.receive(twice).await, Ok(vec![true, false, true]));
    let stranger = incoming("eve@X", 0, &[(UUID, "a")]);
    assert_eq!(store.receive(stranger).await, Ok(vec![true]));
    store.close().await;

    let (store, _) = open(folder.path());
    let years_later = incoming("bob@X", 1 << 40, &[(UUID, "a")]);
    assert_eq!(store.receive(years_later).await, Ok(vec![false]));
    assert_eq!(last(&store, 10).await, ["a", "b", "a"]);
}

#[tokio::test]
async fn an_id_that_is_no_uuid_marks_duplicates_for_a_while_only() {
    let folder = folder();
    let (store, _) = open(folder.path());
    for (ms, is_new) in [
        (1_000_000, true),
        (1_600_000, false),
        (1_600_001, true),
        (1_700_000, false),
        (900_000, true),
    ] {
        let again = incoming("bob@X", ms, &[("msg-17", "ok")]);
        assert_eq!(store.receive(again).await, Ok(vec![is_new]), "{ms}");
    }
}

#[tokio::test]
async fn jobs_of_many_links_at_once_are_answered_each_for_itself() {
    let folder = folder();
    let (store, _) = open(folder.path());
    let jobs = (0..50).map(|n| {
        let (store, from) = (store.clone(), format!("p{}@X", n % 5));
        tokio::spawn(async move {
            let id = format!("{n}");
            store
                .receive(incoming(&from, 0, &[(&id, "x"), (&id, "x")]))
                .await
        })
    });
    for job in jobs.collect::<Vec<_>>() {
        assert_eq!(job.await.unwrap(), Ok(vec![true, false]));
    }
    assert_eq!(store.stats().await.unwrap().messages, 50);
}

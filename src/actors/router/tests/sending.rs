//! Texts for peers that are linked, and answers to those that cannot be sent.

use super::*;
use crate::proto::peer_table::Status;

fn publish(number: u64, namespace: Option<&str>) -> SendText {
    let to = match namespace {
        Some(namespace) => Recipients::Namespace(namespace.into()),
        None => Recipients::Everyone,
    };
    text(number, to)
}

#[actix_rt::test]
async fn a_text_for_a_linked_peer_is_on_its_way_and_told() {
    let routing = routing();
    let (mut wire, _) = links::open(&routing, "bob@X").await;
    routing.told().await;
    assert_eq!(routing.send(text(1, short("bob"))).await, to_peers(1));
    assert_eq!(routing.told().await, ["#1 sent to 1"]);
    let line = wire.hears("SEND").await;
    assert_eq!((&line["src"], &line["dst"]), (&OWN.into(), &"bob@X".into()));
    assert_eq!(
        (&line["msg_id"], &line["payload"]),
        (&msg_id(1).into(), &"x".into())
    );
    assert_eq!(line["require_ack"], true);
    wire.say(&format!(r#"{{"type":"ACK","msg_id":"{}"}}"#, msg_id(1)))
        .await;
    assert_eq!(routing.told().await, ["#1 delivered"]);
}

#[actix_rt::test]
async fn who_is_not_linked_gets_nothing_and_the_answer_says_why() {
    let routing = routing();
    let (_port, address) = silent_port();
    routing.link(1, "twin@X").await;
    routing.link(2, "twin@Y").await;
    routing.discover(&[("known@X", address)]).await;
    let not_linked = SendError::NotLinked {
        peer: id("known@X"),
        status: Status::Connecting,
    };
    let cases = [
        (full("known@X"), not_linked.clone()),
        (short("known"), not_linked),
        (full("new@X"), SendError::Unknown("new@X".into())),
        (short("new"), SendError::Unknown("new".into())),
        (full(OWN), SendError::Ourselves),
        (short("me"), SendError::Ourselves),
        (
            short("twin"),
            SendError::Ambiguous(vec![id("twin@X"), id("twin@Y")]),
        ),
        (Recipients::Namespace("Z".into()), SendError::Nobody),
    ];
    for (number, (to, error)) in (1..).zip(cases) {
        assert_eq!(
            routing.send(text(number, to.clone())).await,
            Err(error),
            "{to:?}"
        );
    }
    assert_eq!(routing.rig.kept.unsettled(), 0);
    let told = routing.told().await;
    assert!(
        told.iter().all(|it| it.starts_with("connected")),
        "{told:?}"
    );
}

#[actix_rt::test]
async fn a_publication_goes_to_all_or_to_a_namespace_and_is_told_once() {
    let routing = routing();
    let links = [
        routing.link(1, "bob@X").await,
        routing.link(2, "eve@Y").await,
        routing.link(3, "joe@Y").await,
    ];
    routing.told().await;
    assert_eq!(routing.send(publish(1, None)).await, to_peers(3));
    assert_eq!(routing.send(publish(2, Some("Y"))).await, to_peers(2));
    assert_eq!(routing.told().await, ["#1 sent to 3", "#2 sent to 2"]);
    let written: Vec<_> = links.iter().map(|it| routing.written_on(it)).collect();
    assert_eq!(written, [vec![1], vec![1, 2], vec![1, 2]]);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(
        routing.told().await,
        [""; 0],
        "nobody acknowledges a publication"
    );
    assert_eq!(routing.rig.kept.unsettled(), 0);
}

#[actix_rt::test]
async fn a_full_queue_refuses_the_whole_or_is_left_out() {
    let routing = routing();
    let slow = routing.link(1, "slow@X").await;
    let quick = routing.link(2, "quick@X").await;
    for number in 1..=8 {
        routing.send(text(number, full("slow@X"))).await.unwrap();
    }
    let refused = Err(SendError::Full(vec![id("slow@X")]));
    assert_eq!(routing.send(text(9, full("slow@X"))).await, refused);
    assert_eq!(routing.send(publish(10, None)).await, refused);
    assert_eq!(routing.written_on(&quick), [0; 0], "nothing of it was sent");
    let texts = [publish(10, None)];
    let answers = routing.send_skipping(&["slow@X"], &texts).await;
    let answer = answers[0].clone().unwrap();
    assert_eq!((answer.peers, answer.skipped), (1, vec![id("slow@X")]));
    assert_eq!(routing.written_on(&quick), [10]);
    assert_eq!(routing.rig.metrics.texts_skipped.get(), 1);
    routing.written_on(&slow);
    routing.acknowledge("slow@X", &msg_id(1)).await;
    assert_eq!(routing.send(text(9, full("slow@X"))).await, to_peers(1));
}

#[actix_rt::test]
async fn texts_that_come_together_keep_their_order_and_each_has_its_answer() {
    let routing = routing();
    let bob = routing.link(1, "bob@X").await;
    let eve = routing.link(2, "eve@Y").await;
    let mut too_long = publish(3, None);
    too_long.draft.text = "x".repeat(40_000).into();
    let texts = [
        publish(1, None),
        publish(2, None),
        too_long,
        publish(4, None),
        text(5, full("bob@X")),
        publish(6, Some("Y")),
        publish(7, Some("Z")),
    ];
    let answers = routing.send_skipping(&[], &texts).await;
    let peers = |answer: &Result<Published, SendError>| answer.as_ref().map(|it| it.peers).ok();
    let got: Vec<_> = answers.iter().map(peers).collect();
    assert_eq!(
        got,
        [Some(2), Some(2), None, Some(2), Some(1), Some(1), None]
    );
    assert_eq!(answers[6], Err(SendError::Nobody));
    assert_eq!(routing.written_on(&bob), [1, 2, 4, 5]);
    assert_eq!(routing.written_on(&eve), [1, 2, 4, 6]);
    let again = routing.send_skipping(&[], &texts).await;
    assert_eq!(again, answers);
    assert_eq!(routing.written_on(&bob), [0; 0], "nothing is sent twice");
}

#[actix_rt::test]
async fn the_peer_with_the_least_room_bounds_how_many_go_out_unless_it_is_skipped() {
    let routing = routing();
    let slow = routing.link(1, "slow@X").await;
    let quick = routing.link(2, "quick@X").await;
    for number in 1..=6 {
        routing.send(text(number, full("slow@X"))).await.unwrap();
    }
    let texts: Vec<SendText> = (11..=14).map(|number| publish(number, None)).collect();
    let answers = routing.send_skipping(&[], &texts).await;
    let is_full = Err(SendError::Full(vec![id("slow@X")]));
    assert_eq!(answers, [to_peers(2), to_peers(2), is_full]);
    assert_eq!(routing.written_on(&quick), [11, 12]);
    let rest = routing.send_skipping(&["slow@X"], &texts[2..]).await;
    let skipped: Vec<_> = rest.into_iter().map(|it| it.unwrap().skipped).collect();
    assert_eq!(skipped, [[id("slow@X")], [id("slow@X")]]);
    assert_eq!(routing.written_on(&quick), [13, 14]);
    assert_eq!(routing.written_on(&slow), [1, 2, 3, 4, 5, 6, 11, 12]);
    assert_eq!(routing.rig.metrics.texts_skipped.get(), 2);
}

#[actix_rt::test]
async fn a_text_that_fits_into_no_line_is_refused_at_once_whoever_it_is_for() {
    let routing = routing();
    routing.link(1, "bob@X").await;
    let recipients = [
        full("bob@X"),
        full("new@X"),
        short("new"),
        Recipients::Everyone,
        Recipients::Namespace("Z".into()),
    ];
    for (number, to) in (1..).zip(recipients) {
        let mut request = waiting(number, to.clone());
        request.draft.text = "x".repeat(40_000).into();
        let answer = routing.send(request).await;
        assert!(
            matches!(answer, Err(SendError::TooLong(over)) if over > 7000),
            "{to:?}: {answer:?}"
        );
    }
    assert_eq!(routing.rig.kept.unsettled(), 0);
}

#[actix_rt::test]
async fn asked_again_with_the_same_id_nothing_is_sent_twice() {
    let routing = routing();
    let bob = routing.link(1, "bob@X").await;
    let requests = [
        text(1, full("bob@X")),
        publish(2, None),
        waiting(3, full("new@X")),
    ];
    for request in requests {
        let first = routing.send(request.clone()).await;
        assert_eq!(routing.send(request).await, first);
    }
    assert_eq!(routing.written_on(&bob), [1, 2]);
    assert_eq!(
        routing.rig.kept.unsettled(),
        2,
        "one unacknowledged, one waits"
    );
    let error = Err(SendError::Unknown("nobody".into()));
    let request = text(4, short("nobody"));
    assert_eq!(routing.send(request.clone()).await, error);
    routing.link(2, "nobody@X").await;
    let again = routing.send(request).await;
    assert_eq!(again, to_peers(1), "a refusal is no answer for ever");
}

#[actix_rt::test]
async fn a_text_of_a_lost_link_is_written_again_on_the_next() {
    let routing = routing();
    let first = routing.link(1, "bob@X").await;
    for number in 1..=3 {
        routing.send(text(number, full("bob@X"))).await.unwrap();
    }
    let queue = routing.rig.kept.queue_of(&id("bob@X"));
    queue.lock().take(first.link, true).unwrap();
    queue.lock().written(clock::now(), first.link, first.kind);
    // Taken, and lost before it was written as a whole.
    queue.lock().take(first.link, true).unwrap();
    routing.end(&first, CloseReason::EndOfStream).await;
    routing.told().await;
    let second = routing.link(2, "bob@X").await;
    assert_eq!(routing.written_on(&second), [1, 2, 3]);
    assert_eq!(
        routing.told().await,
        ["connected bob@X"],
        "they were told before"
    );
    routing.end(&second, CloseReason::EndOfStream).await;
    let third = routing.link(3, "bob@X").await;
    assert_eq!(routing.written_on(&third), [2, 3]);
    let told = routing.told().await;
    assert_eq!(
        told,
        ["#1 unconfirmed", "disconnected bob@X", "connected bob@X"]
    );
}

#[actix_rt::test]
async fn a_text_of_a_lost_link_does_not_wait_for_ever_for_the_next() {
    let routing = routing();
    let opened = routing.link(1, "bob@X").await;
    routing.send(text(1, full("bob@X"))).await.unwrap();
    routing.written_on(&opened);
    routing.send(text(2, full("bob@X"))).await.unwrap();
    routing
        .end(&opened, CloseReason::PeerLeft("quit".into()))
        .await;
    routing.told().await;
    tokio::time::sleep(Duration::from_secs(19)).await;
    assert_eq!(routing.rig.kept.unsettled(), 2);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let in_vain = "#2 failed: no connection to this peer in time";
    assert_eq!(routing.told().await, ["#1 unconfirmed", in_vain]);
    assert_eq!(routing.rig.kept.unsettled(), 0);
}

//! Questions and wishes of the user: names, addresses, tables.

use super::*;
use crate::proto::peer_table::{SEEDS_MAX, Status};

#[actix_rt::test]
async fn names_are_resolved_among_the_known_peers() {
    let routing = routing();
    for (number, peer) in [(1, "bob@X"), (2, "bob@Y"), (3, "eve@Y"), (4, "me@Y")] {
        routing.link(number, peer).await;
    }
    let unknown = |name: &str| Err(SendError::Unknown(name.into()));
    let cases = [
        (PeerName::Full(id("eve@Y")), Ok(id("eve@Y"))),
        (PeerName::Full(id("new@Y")), Ok(id("new@Y"))),
        (PeerName::Full(id(OWN)), Err(SendError::Ourselves)),
        (PeerName::Short("eve".into()), Ok(id("eve@Y"))),
        (PeerName::Short("me".into()), Ok(id("me@Y"))),
        (PeerName::Short("new".into()), unknown("new")),
        (
            PeerName::Short("bob".into()),
            Err(SendError::Ambiguous(vec![id("bob@X"), id("bob@Y")])),
        ),
    ];
    for (name, expected) in cases {
        let resolved = routing.tell(ResolvePeer(name.clone())).await;
        assert_eq!(resolved, expected, "{name:?}");
    }
}

#[actix_rt::test]
async fn our_own_name_alone_is_ourselves() {
    let routing = routing();
    let resolved = routing
        .tell(ResolvePeer(PeerName::Short("me".into())))
        .await;
    assert_eq!(resolved, Err(SendError::Ourselves));
}

#[actix_rt::test]
async fn a_bare_address_is_dialled_once_and_a_failure_told() {
    let routing = routing();
    let (_port, address) = silent_port();
    for lasting in [true, false] {
        routing.tell(DialAddress { address, lasting }).await;
    }
    let target = Target {
        peer: None,
        address,
    };
    assert_eq!(routing.rig.links.announce().1, [target]);
    let closed = DialAddress {
        address: closed_port(),
        lasting: false,
    };
    routing.tell(closed).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(routing.told().await, ["trouble address_unreachable"]);
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(
        routing.told().await,
        ["trouble address_unreachable", "trouble address_unreachable"],
        "the silent one for the first time, the closed one for good"
    );
    let joined = routing.rig.kept.inner.lock().joined.clone();
    assert_eq!(joined, [(address, true)], "what is given up is not kept");
}

#[actix_rt::test]
async fn too_many_bare_addresses_are_refused_with_words() {
    let routing = routing();
    let closed = closed_port().port();
    for number in 0..=u16::try_from(SEEDS_MAX).unwrap() {
        let [high, low] = number.to_be_bytes();
        let address = SocketAddr::from(([127, 7, high, low], closed));
        let lasting = false;
        routing.tell(DialAddress { address, lasting }).await;
    }
    let told = routing.told().await;
    assert!(told.contains(&"trouble too_many_addresses".to_owned()));
    assert!(routing.rig.kept.inner.lock().joined.len() <= SEEDS_MAX);
}

#[actix_rt::test]
async fn reconnect_dials_every_peer_that_has_an_address_and_no_link() {
    let routing = routing();
    let (_port, address) = silent_port();
    routing.link(901, "stranger@X").await;
    let closed = closed_port();
    routing
        .discover(&[("bob@X", closed), ("eve@Y", address)])
        .await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let before = routing.rig.metrics.dials.get();
    assert_eq!(routing.tell(Reconnect).await, 2);
    assert_eq!(routing.rig.metrics.dials.get(), before + 2);
    assert_eq!(routing.tell(Reconnect).await, 2);
    let dials = routing.rig.metrics.dials.get();
    assert_eq!(dials, before + 2, "what is under way is not doubled");
}

#[actix_rt::test]
async fn peers_and_links_are_listed_with_what_they_are() {
    let routing = routing();
    let (_port, address) = silent_port();
    let bob = routing.link(1, "bob@X").await;
    routing.discover(&[("dialled@X", address)]).await;
    routing.send(text(1, full("bob@X"))).await.unwrap();
    let rows = routing.tell(ListPeers).await;
    let row = |row: &PeerRow| (row.peer.to_string(), row.status, row.links, row.queued);
    let rows: Vec<_> = rows.iter().map(row).collect();
    let expected = [
        ("bob@X".to_owned(), Status::Connected, 1, 1),
        ("dialled@X".to_owned(), Status::Connecting, 0, 0),
    ];
    assert_eq!(rows, expected);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let rows = routing.tell(ListLinks).await;
    assert_eq!((rows[0].link, rows[0].address), (bob.link, bob.address));
    assert!(rows[0].age >= Duration::from_secs(3) && rows[0].idle >= Duration::from_secs(3));
    assert!(rows[0].writer && !rows[0].stream);
}

#[actix_rt::test]
async fn the_last_texts_are_listed_for_one_conversation_or_all() {
    let routing = routing();
    let opened = routing.link(1, "bob@X").await;
    routing.link(2, "eve@Y").await;
    routing.receive("eve@Y", &[("m1", "hi")]).await;
    routing.send(text(1, full("bob@X"))).await.unwrap();
    routing.written_on(&opened);
    routing.acknowledge("bob@X", &msg_id(1)).await;
    let count = |with: Option<&str>| {
        let with = with.map(|peer| Destination::Peer(id(peer)));
        routing.tell(ListRecent { count: 10, with })
    };
    assert_eq!(count(None).await.len(), 2);
    let sent = count(Some("bob@X")).await;
    let states: Vec<_> = sent
        .iter()
        .filter_map(|row| Some(row.fate.as_ref()?.state))
        .collect();
    assert_eq!(states, [crate::store::facts::State::Delivered]);
    assert_eq!(count(Some("eve@Y")).await.len(), 1);
}

#[actix_rt::test]
async fn what_has_not_reached_its_last_state_is_counted() {
    let routing = routing();
    let opened = routing.link(1, "bob@X").await;
    routing.send(waiting(1, full("bob@X"))).await.unwrap();
    routing.send(waiting(2, short("new"))).await.unwrap();
    assert_eq!(routing.rig.kept.unsettled(), 2);
    routing.written_on(&opened);
    assert_eq!(routing.rig.kept.unsettled(), 2);
    routing.acknowledge("bob@X", &msg_id(1)).await;
    assert_eq!(routing.rig.kept.unsettled(), 1);
    tokio::time::sleep(Duration::from_secs(16)).await;
    assert_eq!(routing.rig.kept.unsettled(), 0);
}

//! Several nodes of one machine and the embedded rendezvous: hosting, its end, taking over.

use super::*;

/// Three nodes that know one another; the first hosts.
async fn three(lab: &Lab) -> [Node; 3] {
    let nodes = [
        Node::embedded(lab, "alice", 4000).await,
        Node::embedded(lab, "bob", 4001).await,
        Node::embedded(lab, "eve", 4002).await,
    ];
    // Beyond the quick times, which would hide a slow takeover.
    tokio::time::sleep(seconds(100)).await;
    assert_eq!(nodes[0].peers(), ["bob@CIC", "eve@CIC"]);
    nodes
}

/// Ends a node as kill -9 does.
fn kill(lab: &Lab, node: &Node) {
    node.task.abort();
    lab.remove(HERE);
}

fn took_over(node: &Node) -> bool {
    let is_take_over = |event: &RendezvousEvent| matches!(event, RendezvousEvent::TakenOver { .. });
    node.news().iter().any(is_take_over)
}

#[actix_rt::test]
async fn the_first_node_hosts_and_all_find_one_another() {
    tokio::time::pause();
    let lab = Lab::new();
    let [alice, bob, eve] = three(&lab).await;
    assert_eq!(alice.news(), [registered(HERE, true, "127.0.0.1:4000")]);
    assert_eq!(bob.news(), [registered(HERE, false, "127.0.0.1:4001")]);
    assert_eq!(eve.peers(), ["alice@CIC", "bob@CIC"]);
}

#[actix_rt::test]
async fn ten_seconds_after_the_host_was_killed_the_rest_know_one_another() {
    for (files, linked) in [(true, true), (true, false), (false, true), (false, false)] {
        if !(files && linked) {
            tokio::time::resume();
        }
        tokio::time::pause();
        let lab = if files {
            Lab::new()
        } else {
            Lab::new().without_files()
        };
        let [alice, bob, eve] = three(&lab).await;
        for node in [&bob, &eve] {
            node.news();
            node.records.borrow_mut().clear();
        }
        kill(&lab, &alice);
        for node in [&bob, &eve].into_iter().filter(|_| linked) {
            node.ask(LinkEndedHere).await;
        }
        tokio::time::sleep(seconds(10)).await;
        let case = format!("records file: {files}, linked: {linked}");
        assert!(bob.peers().contains(&"eve@CIC".to_owned()), "{case}");
        assert!(eve.peers().contains(&"bob@CIC".to_owned()), "{case}");
        let [bob_hosts, eve_hosts] = [&bob, &eve].map(took_over);
        assert!(bob_hosts ^ eve_hosts, "{case}");
        let host = if bob_hosts { bob } else { eve };
        assert!(host.ask(Leave).await);
        assert!(!lab.listens(HERE), "{case}: the new host can be stopped");
    }
}

#[actix_rt::test]
async fn an_orderly_end_of_the_host_leaves_no_record_and_another_hosts() {
    tokio::time::pause();
    let lab = Lab::new();
    let [alice, bob, eve] = three(&lab).await;
    assert!(alice.ask(Leave).await);
    assert!(!lab.listens(HERE));
    tokio::time::sleep(seconds(10)).await;
    assert_eq!(bob.peers(), ["eve@CIC"]);
    assert_eq!(eve.peers(), ["bob@CIC"]);
}

#[actix_rt::test]
async fn a_panic_of_the_hosts_actor_does_not_end_the_hosting() {
    tokio::time::pause();
    let lab = Lab::new();
    let [alice, bob, _eve] = three(&lab).await;
    bob.news();
    alice.panic().await;
    assert!(lab.listens(HERE));
    tokio::time::sleep(seconds(10)).await;
    assert_eq!(bob.news(), []);
    assert!(alice.ask(Leave).await);
    assert!(!lab.listens(HERE), "it can still be stopped");
}

#[actix_rt::test]
async fn a_hosts_place_that_another_program_took_is_named_and_left() {
    tokio::time::pause();
    let lab = Lab::new();
    let [alice, bob, eve] = three(&lab).await;
    bob.news();
    alice.task.abort();
    lab.set(HERE, Server::Foreign);
    tokio::time::sleep(seconds(12)).await;
    let news = bob.news();
    assert_eq!(news[0], RendezvousEvent::ForeignProgram { port: 8080 });
    let hosted = lab.registered("127.0.0.1:8081");
    assert!(hosted.contains(&"bob@CIC".to_owned()), "{hosted:?}");
    assert!(hosted.contains(&"eve@CIC".to_owned()), "{hosted:?}");
    for node in [&bob, &eve] {
        node.panic().await;
        node.news();
    }
    lab.remove("127.0.0.1:8081");
    tokio::time::sleep(seconds(12)).await;
    let again = RendezvousEvent::ForeignProgram { port: 8080 };
    assert!(
        !bob.news().contains(&again),
        "it is known after a panic, too"
    );
    assert!(
        !eve.news().contains(&again),
        "it is known after a panic, too"
    );
}

#[actix_rt::test]
async fn a_node_that_leaves_while_it_takes_over_does_not_go_on_hosting() {
    tokio::time::pause();
    let lab = Lab::new();
    let [alice, bob, eve] = three(&lab).await;
    eve.task.abort();
    kill(&lab, &alice);
    bob.ask(LinkEndedHere).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(!bob.ask(Leave).await, "its record is in the file");
    tokio::time::sleep(seconds(10)).await;
    assert!(!lab.listens(HERE));
}

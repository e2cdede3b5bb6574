//! ListenerActor with real sockets on loopback and the real clock: nothing here waits for a while, only for events.

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use super::*;
use crate::{
    actors::{
        door::{Door, Doorway, queue},
        supervisor::{Exit, PanicNow, Report, supervise},
        testing::{POLICY, Rig, hello, id, reports, soon},
        transport,
    },
    proto::{backoff::Backoff, restart::RestartPolicy},
};

struct Listening {
    rig: Rig,
    address: SocketAddr,
    doorway: Doorway<ListenerActor>,
    reports: std::rc::Rc<std::cell::RefCell<Vec<Report>>>,
    task: tokio::task::JoinHandle<Exit>,
}

fn listening() -> Listening {
    let rig = Rig::new();
    let listener = Arc::new(transport::listen("127.0.0.1:0".parse().unwrap()).unwrap());
    let address = listener.local_addr().unwrap();
    let (doorway, inbox) = queue(8);
    let (report, reports) = reports();
    let quick = RestartPolicy {
        backoff: Backoff {
            base: Duration::from_millis(50),
            ..POLICY.backoff
        },
        ..POLICY
    };
    let (links, metrics) = (rig.links.clone(), Arc::clone(&rig.metrics));
    let task = supervise("listener", inbox, quick, report, move |_, note| {
        let listeners = vec![Arc::clone(&listener)];
        ListenerActor::new(listeners, links.clone(), Arc::clone(&metrics), note)
    });
    Listening {
        rig,
        address,
        doorway,
        reports,
        task,
    }
}

/// A client that has said HELLO and heard HELLO_OK.
async fn linked(address: SocketAddr, peer: &str) -> BufReader<TcpStream> {
    let mut client = BufReader::new(soon(TcpStream::connect(address)).await.unwrap());
    said_hello(&mut client, peer).await;
    client
}

async fn said_hello(client: &mut BufReader<TcpStream>, peer: &str) {
    let line = format!("{}\n", hello(peer));
    client.write_all(line.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon(client.read_line(&mut answer)).await.unwrap();
    assert!(answer.contains("HELLO_OK"), "{answer}");
}

#[actix_rt::test]
async fn an_accepted_connection_becomes_a_link_with_the_address_of_its_peer() {
    let listening = listening();
    let client = linked(listening.address, "bob@X").await;
    let opened = listening.rig.opened.next().await;
    assert_eq!(opened.peer, id("bob@X"));
    assert_eq!(opened.address, client.get_ref().local_addr().unwrap());
}

#[actix_rt::test]
async fn a_connection_that_is_reset_or_ended_does_not_stop_the_listener() {
    let listening = listening();
    for reset in [true, false] {
        let client = soon(TcpStream::connect(listening.address)).await.unwrap();
        if reset {
            socket2::SockRef::from(&client)
                .set_linger(Some(Duration::ZERO))
                .unwrap();
        }
    }
    linked(listening.address, "bob@X").await;
}

#[actix_rt::test]
async fn a_connection_made_while_the_actor_is_replaced_is_accepted_later() {
    let listening = listening();
    let panics: Door<PanicNow> = listening.doorway.door();
    panics.ask(PanicNow).await.unwrap_err();
    let mut client = BufReader::new(soon(TcpStream::connect(listening.address)).await.unwrap());
    said_hello(&mut client, "bob@X").await;
    assert_eq!(listening.rig.opened.next().await.peer, id("bob@X"));
    let reports = listening.reports.borrow();
    assert!(
        matches!(reports[0], Report::Restarting { .. }),
        "{reports:?}"
    );
}

#[actix_rt::test]
async fn after_stop_accepting_the_port_is_closed_and_open_links_stay() {
    let listening = listening();
    let mut client = linked(listening.address, "bob@X").await;
    let stop: Door<StopAccepting> = listening.doorway.door();
    stop.ask(StopAccepting).await.unwrap();
    assert_eq!(soon(listening.task).await.unwrap(), Exit::Normal);
    let refused = soon(TcpStream::connect(listening.address)).await;
    assert!(refused.is_err());
    said_hello(&mut client, "bob@X").await;
    assert!(listening.reports.borrow().is_empty());
    drop(transport::listen(listening.address).unwrap());
}

//! The actor over real sockets, against a scripted rendezvous on this machine.

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::mpsc,
};

use super::*;
use crate::actors::rendezvous::network::TcpNetwork;

/// Answers every kind of request as the reference server does, with another peer registered.
async fn serve(listener: TcpListener, requests: mpsc::UnboundedSender<String>) {
    while let Ok((stream, _)) = listener.accept().await {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let answer: &[u8] = if line.contains("UNREGISTER") {
            b"{\"status\": \"OK\"}\n"
        } else if line.contains("REGISTER") {
            b"{\"status\": \"OK\", \"ttl\": 7200, \"ip\": \"127.0.0.1\", \"port\": 4000}\n"
        } else {
            b"{\"status\": \"OK\", \"peers\": [{\"ip\": \"127.0.0.1\", \"port\": 4001, \"name\": \"bob\", \
              \"namespace\": \"CIC\", \"ttl\": 7200, \"expires_in\": 7000}]}\n"
        };
        stream.write_all(answer).await.unwrap();
        requests.send(line).unwrap();
    }
}

/// A mailbox that hands on what arrives.
struct Forward<M>(mpsc::UnboundedSender<M>);

impl<M: Message + Unpin + 'static> Actor for Forward<M> {
    type Context = Context<Self>;
}

impl<M: Message<Result = ()> + Unpin + 'static> Handler<M> for Forward<M> {
    type Result = ();

    fn handle(&mut self, message: M, _: &mut Self::Context) {
        self.0.send(message).ok();
    }
}

fn forward<M>() -> (Door<M>, mpsc::UnboundedReceiver<M>)
where
    M: Message<Result = ()> + Send + Unpin + 'static,
{
    let (sender, receiver) = mpsc::unbounded_channel();
    (Forward(sender).start().recipient().into(), receiver)
}

#[actix_rt::test]
async fn a_node_registers_discovers_and_leaves_over_real_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (noted, mut requests) = mpsc::unbounded_channel();
    tokio::spawn(serve(listener, noted));
    let established = establish(&Mode::Remote { address }, &TcpNetwork, &Lab::new()).await;
    let (router, mut records) = forward();
    let (events, mut news) = forward();
    let surroundings = Surroundings {
        router,
        events: crate::actors::events::Events::new(events),
        network: Rc::new(TcpNetwork),
        host: Rc::new(Lab::new()),
        wall,
    };
    let kept = Rc::new(Kept::new(established, false, None));
    let actor = RendezvousActor::new(config("alice", 4000, None), surroundings, kept).start();
    let discovered = records.recv().await.unwrap();
    assert_eq!(discovered.records[0].peer.as_str(), "bob@CIC");
    let event = news.recv().await.unwrap();
    assert!(
        matches!(
            event,
            NodeEvent::Rendezvous(RendezvousEvent::Registered { .. })
        ),
        "{event:?}"
    );
    assert!(actor.send(Leave).await.unwrap());
    let mut kinds = Vec::new();
    while let Ok(line) = requests.try_recv() {
        kinds.push(line.split('"').nth(3).unwrap().to_owned());
    }
    let first_three = ["DISCOVER", "REGISTER", "DISCOVER"];
    assert_eq!(kinds[..3], first_three);
    assert_eq!(kinds.last().unwrap(), "UNREGISTER");
}

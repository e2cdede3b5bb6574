//! Probes over real sockets, against peers that answer as real clients do.

use tokio::net::TcpListener;

use super::*;

/// A peer that answers with these bytes once it has read a line, and then reads on if it has said HELLO_OK.
async fn peer(answer: &'static [u8]) -> (SocketAddr, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut lines = BufReader::new(stream).lines();
        let mut read = Vec::new();
        while let Ok(Some(line)) = lines.next_line().await {
            read.push(line);
            if read.len() == 1 {
                lines.get_mut().write_all(answer).await.unwrap();
                if !greets(answer) {
                    break;
                }
            }
        }
        read
    });
    (address, task)
}

fn greets(answer: &[u8]) -> bool {
    answer
        .split_inclusive(|byte| *byte == b'\n')
        .any(|line| hello_ok(line, &own()).is_some())
}

fn own() -> PeerId {
    PeerId::parse("alice@CIC").unwrap()
}

#[actix_rt::test]
async fn hello_ok_under_our_name_or_none_means_taken_and_is_answered_with_bye() {
    for answer in [
        "{\"type\":\"HELLO_OK\",\"peer_id\":\"alice@CIC\",\"version\":\"1.0\"}\n",
        "{\"type\":\"PING\",\"msg_id\":\"1\"}\n{\"type\":\"HELLO_OK\",\"version\":1.0}\n",
        "not JSON\n{\"type\":\"HELLO_OK\"}\n",
    ] {
        let (address, peer) = peer(answer.as_bytes()).await;
        assert!(probe(address, &own(), 1).await, "{answer}");
        let read = peer.await.unwrap();
        assert!(read[0].starts_with("{\"type\":\"HELLO\",\"peer_id\":\"alice@CIC\""));
        assert!(read[1].starts_with("{\"type\":\"BYE\""), "{read:?}");
        assert_eq!(read.len(), 2);
    }
}

#[actix_rt::test]
async fn somebody_else_at_a_leftover_address_does_not_take_the_name_and_hears_bye() {
    let (address, peer) = peer(b"{\"type\":\"HELLO_OK\",\"peer_id\":\"carol@CIC\"}\n").await;
    assert!(!probe(address, &own(), 1).await);
    assert!(peer.await.unwrap()[1].starts_with("{\"type\":\"BYE\""));
}

#[actix_rt::test]
async fn a_close_a_rejection_or_nobody_means_free() {
    let rejection = b"{\"type\":\"HELLO_REJECT\",\"reason\":\"busy\"}\n";
    for answer in [b"".as_slice(), rejection] {
        let (address, peer) = peer(answer).await;
        assert!(!probe(address, &own(), 1).await);
        peer.await.unwrap();
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert!(!probe(address, &own(), 1).await);
}

#[actix_rt::test]
async fn our_own_listener_is_not_a_rival() {
    let (address, peer) = peer(b"{\"type\":\"HELLO_OK\"}\n").await;
    assert!(!probe(address, &own(), address.port()).await);
    assert_eq!(peer.await.unwrap(), Vec::<String>::new());
}

#[actix_rt::test]
async fn what_never_says_hello_ok_is_not_read_for_ever() {
    let (near, far) = tokio::io::duplex(1024);
    tokio::spawn(async move {
        let mut far = far;
        while far.write_all(b"{\"type\":\"PING\"}\n").await.is_ok() {}
    });
    let mut stream = BufReader::new(near);
    assert_eq!(greet(&mut stream, &own()).await.unwrap(), None);
}

//! Requests over real sockets, against a scripted server on this machine.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

use super::*;
use crate::wire::rendezvous::Request;

const LIMIT: Duration = Duration::from_secs(30);

/// What a scripted server does with a connection once it has read the request.
#[derive(Clone)]
enum Script {
    Answer(Vec<u8>),
    CloseUnread,
    Mute,
}

/// A server that does the same with every connection, and the requests it has read.
struct Scripted {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

async fn serve(script: Script) -> Scripted {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Script::CloseUnread = script {
                continue;
            }
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            stream.read_line(&mut line).await.unwrap();
            kept.lock().unwrap().push(line);
            match &script {
                Script::Answer(bytes) => stream.write_all(bytes).await.unwrap(),
                _ => std::future::pending().await,
            }
        }
    });
    Scripted { address, requests }
}

fn discover() -> Vec<u8> {
    Request::Discover { namespace: None }.to_line()
}

async fn outcome(script: Script, limit: Duration) -> Outcome {
    let server = serve(script).await;
    let to = server.address.to_string();
    let exchange = exchange(&to, None, &discover(), limit).await;
    assert_eq!(exchange.server, Some(server.address));
    exchange.outcome
}

async fn answered(bytes: &[u8]) -> Outcome {
    outcome(Script::Answer(bytes.to_vec()), LIMIT).await
}

fn is_ok(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Answered(Answer::Ok(_)))
}

#[actix_rt::test]
async fn the_request_is_one_line_and_the_answer_ends_with_a_newline_or_the_end() {
    let server = serve(Script::Answer(b"{\"status\": \"OK\"}\n".to_vec())).await;
    let to = server.address.to_string();
    assert!(is_ok(
        &exchange(&to, None, &discover(), LIMIT).await.outcome
    ));
    assert_eq!(
        *server.requests.lock().unwrap(),
        ["{\"type\":\"DISCOVER\"}\n"]
    );
    assert!(is_ok(&answered(b"{\"status\": \"OK\"}").await));
    assert!(is_ok(&answered(b"{\"status\": \"OK\"}\nand more\n").await));
}

#[actix_rt::test]
async fn an_answer_of_many_records_is_read_to_its_end() {
    let record = r#"{"ip":"10.0.0.1","port":4000,"name":"b","namespace":"C","expires_in":1},"#;
    let peers = record.repeat(3000);
    let line = format!(
        "{{\"status\":\"OK\",\"peers\":[{}]}}\n",
        peers.trim_end_matches(',')
    );
    let Outcome::Answered(Answer::Ok(success)) = answered(line.as_bytes()).await else {
        panic!("an answer was expected");
    };
    assert_eq!(success.peers.records.len(), 3000);
}

#[actix_rt::test]
async fn an_endless_answer_is_cut_off() {
    let endless = vec![b'x'; ANSWER_BYTES_MAX + 1];
    let expected = Outcome::Answered(Answer::NotARendezvous);
    assert_eq!(answered(&endless).await, expected);
}

#[actix_rt::test]
async fn silence_a_bare_close_and_a_cut_answer_are_told_apart() {
    let short = Duration::from_millis(200);
    assert_eq!(outcome(Script::Mute, short).await, Outcome::TimedOut);
    let closed = outcome(Script::CloseUnread, LIMIT).await;
    assert_eq!(closed, Outcome::ClosedSilently);
    assert_eq!(answered(b"").await, Outcome::ClosedSilently);
    let cut = answered(b"{\"status\": \"OK\", \"pe").await;
    assert_eq!(cut, Outcome::ClosedSilently);
}

#[actix_rt::test]
async fn another_program_is_not_a_rendezvous() {
    let expected = Outcome::Answered(Answer::NotARendezvous);
    assert_eq!(
        answered(b"HTTP/1.1 400 Bad Request\r\n\r\n").await,
        expected
    );
    assert_eq!(answered(b"{}\n").await, expected);
}

#[actix_rt::test]
async fn a_port_without_a_listener_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let unpinned = exchange(&address.to_string(), None, &discover(), LIMIT).await;
    assert_eq!(unpinned.outcome, Outcome::Refused);
    assert_eq!(unpinned.server, None);
    let pinned = exchange("unused", Some(address), &discover(), LIMIT).await;
    assert_eq!(pinned.outcome, Outcome::Refused);
}

#[actix_rt::test]
async fn what_is_no_address_is_unreachable() {
    let exchange = exchange("no port here", None, &discover(), LIMIT).await;
    assert!(matches!(exchange.outcome, Outcome::Unreachable(_)));
}

#[actix_rt::test]
async fn a_known_address_is_not_resolved_again() {
    let server = serve(Script::Answer(b"{\"status\": \"OK\"}\n".to_vec())).await;
    let exchange = exchange(
        "does.not.exist.invalid:1",
        Some(server.address),
        &discover(),
        LIMIT,
    )
    .await;
    assert!(is_ok(&exchange.outcome));
}

#[test]
fn ipv4_is_preferred_and_the_only_family_then() {
    let check = |found: &[&str], used: &[&str]| {
        let parse = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let used: Vec<SocketAddr> = parse(used);
        assert_eq!(usable(parse(found)), used);
    };
    check(
        &["[::1]:1", "10.0.0.1:1", "[::2]:1", "10.0.0.2:1"],
        &["10.0.0.1:1", "10.0.0.2:1"],
    );
    check(&["[::1]:1"], &["[::1]:1"]);
    check(&["10.0.0.1:1"; 9], &["10.0.0.1:1"; ADDRESSES_MAX]);
    check(&[], &[]);
}

use std::{cell::RefCell, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    net::TcpStream,
};

use super::{connection::TIME_MAX, request::HEAD_BYTES_MAX, *};
use crate::{actors::supervisor::Report, metrics::exposition::Gauge, proto::backoff::Backoff};

const POLICY: RestartPolicy = RestartPolicy {
    backoff: Backoff {
        base: Duration::from_millis(10),
        factor: 2.0,
        cap: Duration::from_millis(10),
    },
    stable_after: Duration::from_secs(60),
    window: Duration::from_secs(60),
    failures_max: 3,
};

fn server() -> (MetricsServer, Rc<RefCell<Vec<Report>>>) {
    let told = Rc::<RefCell<Vec<Report>>>::default();
    let reports: Reports = {
        let told = Rc::clone(&told);
        Rc::new(move |report| told.borrow_mut().push(report))
    };
    let metrics = Arc::new(Metrics::default());
    metrics.dials.add(41);
    let gauges: Gauges = Rc::new(|| {
        vec![Gauge {
            name: "links",
            help: "Open links.",
            label: "",
            values: vec![("", 7)],
        }]
    });
    let address = "127.0.0.1:0".parse().unwrap();
    let server = MetricsServer::start(address, metrics, gauges, POLICY, reports).unwrap();
    (server, told)
}

async fn ask(server: &MetricsServer, request: &str) -> String {
    let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

const GET: &str = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[actix_rt::test]
async fn metrics_and_gauges_are_answered_over_http() {
    let (server, _) = server();
    for _ in 0..2 * CONNECTIONS_MAX {
        let answer = ask(&server, GET).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("\npapo_dials_total 41\n"), "{answer}");
        assert!(answer.contains("\npapo_links 7\n"), "{answer}");
        assert!(answer.ends_with("# EOF\n"), "{answer}");
    }
}

#[actix_rt::test]
async fn all_else_is_refused() {
    let (server, _) = server();
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(HEAD_BYTES_MAX));
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        (
            "POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
            "405",
        ),
        ("{\"type\":\"HELLO\"}\r\n\r\n", "400"),
        (&long, "431"),
    ] {
        let answer = ask(&server, request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
    }
}

#[actix_rt::test]
async fn a_panic_is_survived_and_the_socket_stays_open() {
    let (server, told) = server();
    server.panic_door().put(PanicNow).await.unwrap();
    let answer = ask(&server, GET).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    let restarts = told.borrow();
    let is_restart = |report: &Report| {
        matches!(
            report,
            Report::Restarting {
                actor: "metrics",
                ..
            }
        )
    };
    assert!(restarts.iter().any(is_restart), "{restarts:?}");
}

#[actix_rt::test]
async fn those_without_a_place_are_closed_and_the_others_are_answered() {
    let (server, _) = server();
    let mut silent = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        silent.push(TcpStream::connect(server.local_addr()).await.unwrap());
    }
    let mut refused = TcpStream::connect(server.local_addr()).await.unwrap();
    let mut nothing = Vec::new();
    refused.read_to_end(&mut nothing).await.unwrap();
    assert!(nothing.is_empty(), "{nothing:?}");
    let mut first = silent.remove(0);
    first.write_all(GET.as_bytes()).await.unwrap();
    let mut answer = String::new();
    first.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[actix_rt::test]
async fn a_dropped_server_closes_its_socket() {
    let (server, _) = server();
    let address = server.local_addr();
    drop(server);
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

/// A connection in memory, with virtual time: what is answered.
async fn dripping(act: impl AsyncFnOnce(&mut DuplexStream)) -> (String, Duration) {
    tokio::time::pause();
    let (mut client, stream) = tokio::io::duplex(64 * 1024);
    // An inbox that nobody empties: whoever asks waits.
    let (doorway, _inbox) = door::queue::<MetricsActor>(1);
    let door = doorway.door();
    let begin = tokio::time::Instant::now();
    let serving = actix_rt::spawn(async move { connection::serve(stream, &door).await });
    act(&mut client).await;
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    let took = begin.elapsed();
    drop(client);
    serving.await.unwrap();
    (answer, took)
}

#[actix_rt::test]
async fn a_request_that_drips_in_has_five_seconds_in_all() {
    let (answer, took) = dripping(async |client| {
        for byte in GET.bytes().take(20) {
            // It may have been closed already.
            drop(client.write_all(&[byte]).await);
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    })
    .await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(took < TIME_MAX + Duration::from_secs(2), "{took:?}");
}

#[actix_rt::test]
async fn an_actor_that_does_not_answer_is_said() {
    let asking = async |client: &mut DuplexStream| client.write_all(GET.as_bytes()).await.unwrap();
    let (answer, _) = dripping(asking).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[actix_rt::test]
async fn a_client_that_does_not_read_is_let_go() {
    tokio::time::pause();
    let (mut client, stream) = tokio::io::duplex(16);
    let (doorway, _inbox) = door::queue::<MetricsActor>(1);
    let door = doorway.door();
    let serving = actix_rt::spawn(async move { connection::serve(stream, &door).await });
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    serving.await.unwrap();
}

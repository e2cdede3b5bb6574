//! The whole server over real sockets on loopback, the clock not paused.

use std::{cell::RefCell, path::Path};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;
use crate::{
    actors::supervisor::Report,
    proto::{backoff::Backoff, directory::Refusal},
};

fn config() -> ServerConfig {
    ServerConfig {
        listen: vec![Ipv4Addr::LOCALHOST.into()],
        port: 0,
        rate: 50,
        window: Duration::from_secs(60),
        idle: Duration::from_secs(5),
        request_timeout: Duration::from_secs(15),
        max_connections: 256,
        max_records: 1000,
        records_file: None,
        exempt_loopback: true,
    }
}

struct Rig {
    server: RendezvousServer,
    metrics: Arc<Metrics>,
    reports: Rc<RefCell<Vec<Report>>>,
}

fn rig(config: &ServerConfig) -> Rig {
    let policy = RestartPolicy {
        backoff: Backoff {
            base: Duration::from_millis(10),
            factor: 2.0,
            cap: Duration::from_millis(20),
        },
        stable_after: Duration::from_secs(30),
        window: Duration::from_secs(60),
        failures_max: 3,
    };
    let metrics = Arc::<Metrics>::default();
    let reports = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&reports);
    let report: Reports = Rc::new(move |report| sink.borrow_mut().push(report));
    let listeners = bind(config).unwrap();
    let server = RendezvousServer::start(config, listeners, policy, report, metrics.clone());
    Rig {
        server: server.unwrap(),
        metrics,
        reports,
    }
}

impl Rig {
    fn address(&self) -> SocketAddr {
        self.server.local_addrs()[0]
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address()).await.unwrap()
    }

    async fn ask(&self, line: &str) -> String {
        ask(self.address(), line).await
    }

    async fn register(&self, name: &str) {
        let answer = self.ask(&register(name)).await;
        let expected = "{\"status\": \"OK\", \"ttl\": 60, \"ip\": \"127.0.0.1\", \"port\": 4000}\n";
        assert_eq!(answer, expected);
    }

    async fn names(&self) -> Vec<String> {
        names(&self.ask(DISCOVER).await)
    }

    /// Waits until fewer than this many connections have a place.
    async fn has_room(&self, places: usize) {
        let mut open = self.server.host.open_connections();
        open.wait_for(|open| *open < places).await.unwrap();
    }

    fn panics(&self) {
        self.server.panic_door().try_put_once(PanicNow).unwrap();
    }
}

const DISCOVER: &str = "{\"type\":\"DISCOVER\"}\n";

fn register(name: &str) -> String {
    format!(r#"{{"type":"REGISTER","namespace":"n","name":"{name}","port":4000,"ttl":60}}"#) + "\n"
}

fn names(answer: &str) -> Vec<String> {
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap();
    let peers = answer["peers"].as_array().unwrap().iter();
    peers
        .map(|peer| peer["name"].as_str().unwrap().to_owned())
        .collect()
}

async fn ask(address: SocketAddr, line: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(line.as_bytes()).await.unwrap();
    read_all(stream).await
}

async fn read_all(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn text(refusal: &Refusal) -> String {
    String::from_utf8(refusal.line().to_vec()).unwrap()
}

#[actix_rt::test]
async fn peers_register_find_one_another_and_leave() {
    let rig = rig(&config());
    assert_eq!(rig.ask(DISCOVER).await, text(&Refusal::NotRegistered));
    rig.register("alice").await;
    rig.register("bob").await;
    assert_eq!(rig.names().await, ["alice", "bob"]);
    let leave = "{\"type\":\"UNREGISTER\",\"namespace\":\"n\",\"name\":\"alice\",\"port\":4000}\n";
    assert_eq!(rig.ask(leave).await, "{\"status\": \"OK\"}\n");
    assert_eq!(rig.names().await, ["bob"]);
    assert_eq!(rig.metrics.rendezvous_connections.get(), 6);
    assert_eq!(rig.metrics.rendezvous_registrations.get(), 2);
    assert_eq!(rig.metrics.rendezvous_discoveries.get(), 2);
    assert_eq!(rig.metrics.rendezvous_unregistrations.get(), 1);
    assert_eq!(rig.metrics.rendezvous_refusals.get(), 1);
    rig.server.stop().await;
}

#[actix_rt::test]
async fn silence_and_dripping_are_answered_and_counted() {
    let rig = rig(&ServerConfig {
        idle: Duration::from_millis(100),
        request_timeout: Duration::from_millis(300),
        ..config()
    });
    assert_eq!(read_all(rig.connect().await).await, text(&Refusal::Idle));
    let (mut reader, mut writer) = rig.connect().await.into_split();
    let drip = actix_rt::spawn(async move {
        while writer.write_all(b" ").await.is_ok() {
            time::sleep(Duration::from_millis(10)).await;
        }
    });
    let mut answer = String::new();
    reader.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, text(&Refusal::TooSlow));
    drip.abort();
    rig.server.stop().await;
    assert_eq!(rig.metrics.rendezvous_timeouts.get(), 2);
}

#[actix_rt::test]
async fn a_line_that_is_too_long_is_answered_although_the_client_is_still_sending() {
    let rig = rig(&config());
    let answer = rig.ask(&"x".repeat(100_000)).await;
    assert_eq!(answer, text(&Refusal::LineTooLong));
}

#[actix_rt::test]
async fn the_connection_above_the_limit_is_silent_and_the_next_are_told() {
    let rig = rig(&ServerConfig {
        exempt_loopback: false,
        ..config()
    });
    for number in 0..50 {
        let answer = rig.ask("\n").await;
        assert_eq!(answer, text(&Refusal::EmptyLine), "connection {number}");
    }
    assert_eq!(read_all(rig.connect().await).await, "");
    let stream = rig.connect().await;
    let from = stream.local_addr().unwrap();
    let told = read_all(stream).await;
    let expected = format!(
        "{{\"status\": \"ERROR\", \"message\": \"Connection from {from} has been blocked due to \
         excessive login attempts (limit: 50). The block will be lifted in "
    );
    let seconds = told.strip_prefix(&expected).expect(&told);
    let seconds = seconds.strip_suffix(" seconds.\"}\n").expect(&told);
    assert!((1..=60).contains(&seconds.parse::<u64>().unwrap()));
    assert_eq!(rig.metrics.rendezvous_blocked.get(), 2);
}

#[actix_rt::test]
async fn the_newest_connections_are_refused_when_all_places_are_taken() {
    let rig = rig(&ServerConfig {
        max_connections: 3,
        ..config()
    });
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(rig.connect().await);
    }
    for _ in 0..3 {
        let refused = rig.connect().await;
        assert_eq!(read_all(refused).await, text(&Refusal::Busy));
    }
    assert_eq!(rig.metrics.rendezvous_busy.get(), 3);
    let mut first = waiting.remove(0);
    first.write_all(b"\n").await.unwrap();
    assert_eq!(read_all(first).await, text(&Refusal::EmptyLine));
    rig.has_room(3).await;
    rig.register("alice").await;
}

#[actix_rt::test]
async fn a_panic_of_the_actor_loses_no_record_and_no_request() {
    let rig = rig(&config());
    rig.register("alice").await;
    let address = rig.address();
    let mut asking = Vec::new();
    for number in 0..20 {
        if number % 10 == 5 {
            rig.panics();
        }
        let line = register(&format!("peer-{number:02}"));
        asking.push(actix_rt::spawn(async move { ask(address, &line).await }));
    }
    for asked in asking {
        assert!(asked.await.unwrap().contains("\"OK\""));
    }
    let names = rig.names().await;
    assert_eq!((names.len(), names[0].as_str()), (21, "alice"));
    let is_restart = |report: &&Report| matches!(report, Report::Restarting { .. });
    assert_eq!(rig.reports.borrow().iter().filter(is_restart).count(), 2);
}

#[actix_rt::test]
async fn an_actor_that_is_given_up_ends_the_server() {
    let mut rig = rig(&config());
    let door = rig.server.panic_door();
    for _ in 0..4 {
        door.put(PanicNow).await.unwrap();
    }
    let exit = rig.server.gave_up().await;
    assert_eq!(exit, Exit::Panicked("asked to panic".into()));
    let last = rig.reports.borrow().last().cloned();
    assert!(matches!(last, Some(Report::GaveUp { .. })), "{last:?}");
    rig.server.stop().await;
}

fn config_with_file(folder: &Path) -> ServerConfig {
    ServerConfig {
        records_file: Some(folder.join("rendezvous/127.0.0.1-0.json")),
        ..config()
    }
}

#[actix_rt::test]
async fn records_survive_an_orderly_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = config_with_file(folder.path());
    let first = rig(&config);
    for name in ["alice", "bob", "carol"] {
        first.register(name).await;
    }
    first.server.stop().await;
    let second = rig(&config);
    assert_eq!(second.names().await, ["alice", "bob", "carol"]);
}

#[actix_rt::test]
async fn a_record_that_was_answered_is_in_the_file_already() {
    let folder = tempfile::tempdir().unwrap();
    let config = config_with_file(folder.path());
    let rig = rig(&config);
    let file = config.records_file.unwrap();
    for name in ["alice", "bob", "carol"] {
        rig.register(name).await;
        let content = std::fs::read_to_string(&file).unwrap();
        assert!(content.contains(name), "{name} is missing in {content}");
    }
}

#[actix_rt::test]
async fn a_stopped_server_leaves_the_port_and_answers_what_was_under_way() {
    let config = config();
    let rig = rig(&config);
    let address = rig.address();
    let mut stream = rig.connect().await;
    let mut open = rig.server.host.open_connections();
    open.wait_for(|open| *open == 1).await.unwrap();
    stream.write_all(DISCOVER.as_bytes()).await.unwrap();
    rig.server.stop().await;
    assert_eq!(read_all(stream).await, text(&Refusal::NotRegistered));
    let same_port = ServerConfig {
        port: address.port(),
        ..config
    };
    let bound = bind(&same_port).unwrap();
    assert_eq!(bound[0].local_addr().unwrap(), address);
}

#[actix_rt::test]
async fn a_dropped_server_leaves_the_port_too() {
    let config = config();
    let rig = rig(&config);
    let port = rig.address().port();
    drop(rig.server);
    bind(&ServerConfig { port, ..config }).unwrap();
}

#[actix_rt::test]
async fn only_one_can_bind_an_address() {
    let config = config();
    let rig = rig(&config);
    let port = rig.address().port();
    let error = bind(&ServerConfig { port, ..config }).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
}

#[actix_rt::test]
async fn all_addresses_means_ipv4_too_and_a_mapped_client_is_seen_as_ipv4() {
    let rig = rig(&ServerConfig {
        listen: Vec::new(),
        ..config()
    });
    let address = (Ipv4Addr::LOCALHOST, rig.address().port()).into();
    let answer = ask(address, &register("alice")).await;
    assert!(answer.contains("\"ip\": \"127.0.0.1\""), "{answer}");
}

#[actix_rt::test]
async fn several_addresses_share_one_port() {
    let rig = rig(&ServerConfig {
        listen: vec![[127, 0, 0, 1].into(), [127, 0, 0, 2].into()],
        ..config()
    });
    let [first, second] = rig.server.local_addrs() else {
        panic!("two addresses were expected");
    };
    assert_eq!(first.port(), second.port());
    rig.register("alice").await;
    assert_eq!(names(&ask(*second, DISCOVER).await), ["alice"]);
}

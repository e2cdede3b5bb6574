//! One connection over a pipe, under a paused clock.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use actix::{Actor, Context, Handler};
use tokio::io::{DuplexStream, duplex};

use super::{
    super::{
        RendezvousServerActor,
        actor::{Answered, wall_clock},
    },
    *,
};
use crate::{actors::door::queue, proto::directory::Limits};

const TIMES: Times = Times {
    idle: Duration::from_secs(5),
    request: Duration::from_secs(15),
};

const ANSWER: &[u8] = b"{\"status\": \"OK\"}\n";

/// In place of the directory: keeps the lines, says OK to all.
struct Probe(Rc<RefCell<Vec<Bytes>>>);

impl Actor for Probe {
    type Context = Context<Self>;
}

impl Handler<AnswerRequest> for Probe {
    type Result = Answered;

    fn handle(&mut self, request: AnswerRequest, _: &mut Self::Context) -> Answered {
        self.0.borrow_mut().push(request.line);
        Answered {
            line: Bytes::from_static(ANSWER),
            after: None,
        }
    }
}

/// A connection that is being served, seen from the client's end.
struct Rig {
    client: DuplexStream,
    lines: Rc<RefCell<Vec<Bytes>>>,
    served: tokio::task::JoinHandle<Ending>,
}

fn desk(door: Door<AnswerRequest>, leaving: usize) -> Desk {
    let limits = Limits {
        records_max: 1,
        records_per_address_max: 1,
    };
    Desk {
        door,
        store: RecordsStore::open(None, limits, wall_clock(), Arc::default()),
        times: TIMES,
        leaving: Cell::new(leaving),
    }
}

fn rig_with(pipe_bytes: usize, leaving: usize) -> Rig {
    let lines = Rc::new(RefCell::new(Vec::new()));
    let door = Door::from(Probe(Rc::clone(&lines)).start().recipient());
    let (client, mut server) = duplex(pipe_bytes);
    let from = ([10, 0, 0, 1], 4000).into();
    let served =
        actix_rt::spawn(async move { serve(&mut server, from, &desk(door, leaving)).await });
    Rig {
        client,
        lines,
        served,
    }
}

fn rig() -> Rig {
    rig_with(64 * 1024, 0)
}

impl Rig {
    async fn send(&mut self, bytes: &[u8]) {
        self.client.write_all(bytes).await.unwrap();
    }

    /// All that is answered until the end of the stream.
    async fn answer(&mut self) -> Vec<u8> {
        let mut answer = Vec::new();
        self.client.read_to_end(&mut answer).await.unwrap();
        answer
    }

    /// Hangs up; how the connection ended.
    async fn ending(self) -> Ending {
        drop(self.client);
        self.served.await.unwrap()
    }
}

#[actix_rt::test]
async fn a_line_goes_to_the_directory_and_its_answer_ends_the_stream() {
    time::pause();
    let mut rig = rig();
    rig.send(b"{\"type\":\"DISCOVER\"}\r\nand more\n").await;
    assert_eq!(rig.answer().await, ANSWER);
    assert_eq!(*rig.lines.borrow(), [&b"{\"type\":\"DISCOVER\"}\r"[..]]);
    assert_eq!(rig.ending().await, Ending::Answered);
}

#[actix_rt::test]
async fn a_line_may_come_in_pieces() {
    time::pause();
    let mut rig = rig();
    for piece in [&b"one"[..], b" ", b"line", b"\n"] {
        rig.send(piece).await;
        time::sleep(Duration::from_secs(3)).await;
    }
    assert_eq!(rig.answer().await, ANSWER);
    assert_eq!(*rig.lines.borrow(), [&b"one line"[..]]);
}

#[actix_rt::test]
async fn the_end_of_the_stream_ends_a_line_too() {
    time::pause();
    for line in [&b"no newline"[..], b""] {
        let mut rig = rig();
        rig.send(line).await;
        rig.client.shutdown().await.unwrap();
        assert_eq!(rig.answer().await, ANSWER);
        assert_eq!(*rig.lines.borrow(), [line]);
    }
}

#[actix_rt::test]
async fn silence_is_answered_after_the_idle_time_at_the_start_and_in_a_line() {
    time::pause();
    for sent in [&b""[..], b"{\"type\":"] {
        let mut rig = rig();
        rig.send(sent).await;
        let start = time::Instant::now();
        assert_eq!(rig.answer().await, Refusal::Idle.line());
        assert_eq!(start.elapsed().as_secs(), 5);
        assert!(rig.lines.borrow().is_empty());
        assert_eq!(rig.ending().await, Ending::TimedOut);
    }
}

#[actix_rt::test]
async fn a_client_that_drips_bytes_is_ended_after_the_request_time() {
    time::pause();
    let mut rig = rig();
    let start = time::Instant::now();
    for _ in 0..3 {
        rig.send(b" ").await;
        time::sleep(Duration::from_secs(4)).await;
    }
    rig.send(b" ").await;
    assert_eq!(rig.answer().await, Refusal::TooSlow.line());
    assert_eq!(start.elapsed().as_secs(), 15);
    assert_eq!(rig.ending().await, Ending::TimedOut);
}

#[actix_rt::test]
async fn a_line_of_exactly_the_limit_is_read() {
    time::pause();
    let mut rig = rig();
    let mut line = vec![b'x'; LINE_BYTES_MAX - 1];
    line.push(b'\n');
    rig.send(&line).await;
    assert_eq!(rig.answer().await, ANSWER);
    assert_eq!(rig.lines.borrow()[0].len(), LINE_BYTES_MAX - 1);
}

#[actix_rt::test]
async fn a_longer_line_is_refused_whether_or_not_it_ends() {
    time::pause();
    for length in [LINE_BYTES_MAX, LINE_BYTES_MAX + 20_000] {
        for end in [&b"\n"[..], b""] {
            let mut rig = rig();
            rig.send(&vec![b'x'; length]).await;
            rig.send(end).await;
            rig.client.shutdown().await.unwrap();
            let is_long = length + end.len() > LINE_BYTES_MAX;
            let expected = if is_long {
                Refusal::LineTooLong.line()
            } else {
                ANSWER.into()
            };
            assert_eq!(rig.answer().await, expected, "{length} bytes and {end:?}");
        }
    }
}

#[actix_rt::test]
async fn what_stands_behind_the_newline_in_the_same_chunk_counts() {
    time::pause();
    let mut rig = rig();
    let mut bytes = vec![b'x'; LINE_BYTES_MAX - 50];
    bytes.push(b'\n');
    bytes.resize(LINE_BYTES_MAX + 50, b'x');
    // A first read of its own, so that the newline and what stands behind it are in one chunk.
    rig.send(&bytes[..100]).await;
    time::sleep(Duration::from_secs(1)).await;
    rig.send(&bytes[100..]).await;
    let answer = rig.answer().await;
    assert_eq!(answer, Refusal::LineTooLong.line());
    assert_eq!(rig.ending().await, Ending::TooLong);
}

#[actix_rt::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    time::pause();
    let mut rig = rig_with(4, 0);
    rig.send(b"x\n").await;
    assert_eq!(rig.served.await.unwrap(), Ending::Broken);
}

#[actix_rt::test]
async fn a_client_that_neither_reads_on_nor_hangs_up_is_left_after_a_moment() {
    time::pause();
    let mut rig = rig();
    rig.send(b"x\n").await;
    assert_eq!(rig.answer().await, ANSWER);
    assert_eq!(rig.served.await.unwrap(), Ending::Answered);
}

#[actix_rt::test]
async fn a_client_that_never_stops_sending_is_left_after_a_moment() {
    time::pause();
    let mut rig = rig();
    rig.send(b"x\n").await;
    let chunk = vec![b'x'; 64 * 1024];
    while rig.client.write_all(&chunk).await.is_ok() {}
    assert_eq!(rig.served.await.unwrap(), Ending::Answered);
}

#[actix_rt::test]
async fn answers_beyond_the_memory_for_them_are_refused() {
    time::pause();
    let mut rig = rig_with(1024, LEAVING_BYTES_MAX - ANSWER.len() + 1);
    rig.send(b"x\n").await;
    assert_eq!(rig.answer().await, Refusal::Busy.line());
    assert_eq!(rig.ending().await, Ending::Overloaded);
}

#[actix_rt::test]
async fn a_directory_that_is_gone_is_said() {
    time::pause();
    let (doorway, inbox) = queue::<RendezvousServerActor>(1);
    drop(inbox);
    let (mut client, mut server) = duplex(1024);
    client.write_all(b"x\n").await.unwrap();
    client.shutdown().await.unwrap();
    let from = ([10, 0, 0, 1], 4000).into();
    let ending = serve(&mut server, from, &desk(doorway.door(), 0)).await;
    assert_eq!(ending, Ending::Unanswered);
    drop(server);
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, Refusal::Internal.line());
}

#[actix_rt::test]
async fn an_answer_counts_only_until_it_has_left_or_failed() {
    time::pause();
    let (doorway, _) = queue::<RendezvousServerActor>(1);
    let desk = desk(doorway.door(), 0);
    let (mut client, mut server) = duplex(1024);
    let refused = refuse(&mut server, &Refusal::Busy, &desk);
    let read = async {
        let count = client.read(&mut [0; 1024]).await.unwrap();
        assert_eq!(count, Refusal::Busy.line().len());
        assert_eq!(desk.leaving.get(), 0);
        drop(client);
    };
    tokio::join!(refused, read);
    refuse(&mut server, &Refusal::Busy, &desk).await;
    assert_eq!(desk.leaving.get(), 0);
}

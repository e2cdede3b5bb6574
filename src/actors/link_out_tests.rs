//! The way out of a link under a paused clock: pacing, coalescing, order, bounds.

use tokio::io::AsyncReadExt;
use uuid::Uuid;

use super::*;
use crate::{
    proto::outgoing::{Entry, OwnMessage, QueueLimits},
    wire::destination::Destination,
};

const LIMITS: OutLimits = OutLimits {
    gap: Duration::from_millis(20),
    lines_max: 100,
    bytes_max: 10_000,
};
const LINK: LinkId = LinkId(1);

fn queue(count: u64) -> SharedQueue {
    let mut queue = PeerQueue::new(QueueLimits {
        lines_max: 100,
        bytes_max: 100_000,
        ack_timeout: Duration::from_secs(5),
        resend: true,
        late_max: 10,
        late_age: Duration::from_secs(60),
    });
    queue.set_writer(Some(LINK));
    for number in 1..=count {
        let message = OwnMessage {
            msg_id: Uuid::from_u128(u128::from(number)),
            number,
            to: Destination::Everyone,
            text: "".into(),
            reference: None,
        };
        let entry = Entry {
            message: Arc::new(message),
            line: Bytes::from(format!("m{number}\n")),
            expires: None,
            announced: true,
            lost: 0,
        };
        queue.push(entry).unwrap();
    }
    Arc::new(Mutex::new(queue))
}

fn kind(stream: bool) -> LinkKind {
    LinkKind { stream, acks: true }
}

/// Every write arrives as one read: the pipe is read as soon as something is in it.
async fn segments(out: Arc<LinkOut>, count: usize) -> Vec<(u128, String)> {
    let (ours, mut theirs) = tokio::io::duplex(1 << 20);
    let start = clock::now();
    let writing = tokio::spawn(async move { out.write_to(Box::new(ours), &Arc::default()).await });
    let mut segments = Vec::new();
    let mut buffer = [0; 4096];
    while segments.len() < count {
        let length = theirs.read(&mut buffer).await.unwrap();
        let at = clock::now().duration_since(start).as_millis();
        segments.push((at, String::from_utf8(buffer[..length].to_vec()).unwrap()));
    }
    writing.abort();
    segments
}

fn shown(segments: &[(u128, String)]) -> Vec<(u128, &str)> {
    segments
        .iter()
        .map(|(at, text)| (*at, text.as_str()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn towards_a_plain_client_each_line_is_a_segment_with_a_gap() {
    let out = LinkOut::new(LINK, LIMITS, clock::now());
    out.reply(b"a1\na2\n".to_vec()).unwrap();
    out.open(queue(2), kind(false), None);
    let got = segments(out, 4).await;
    assert_eq!(
        shown(&got),
        [(0, "a1\n"), (20, "a2\n"), (40, "m1\n"), (60, "m2\n")]
    );
}

#[tokio::test(start_paused = true)]
async fn towards_a_stream_lines_coalesce_without_a_gap() {
    let out = LinkOut::new(LINK, LIMITS, clock::now());
    out.open(queue(2), kind(true), None);
    out.reply(b"a1\na2\n".to_vec()).unwrap();
    let got = segments(out, 1).await;
    assert_eq!(shown(&got), [(0, "a1\na2\nm1\nm2\n")]);
}

#[tokio::test(start_paused = true)]
async fn behind_hello_ok_own_messages_keep_quiet_and_answers_do_not() {
    let out = LinkOut::new(LINK, LIMITS, clock::now());
    out.reply(b"HELLO_OK\n".to_vec()).unwrap();
    let quiet = clock::now() + QUIET_AFTER_HELLO_OK;
    out.open(queue(1), kind(false), Some(quiet));
    out.reply(b"PONG\n".to_vec()).unwrap();
    let got = segments(out, 3).await;
    assert_eq!(
        shown(&got),
        [(0, "HELLO_OK\n"), (20, "PONG\n"), (300, "m1\n")]
    );
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_not_the_writer_leaves_the_messages_in_their_queue() {
    let shared = queue(1);
    shared.lock().set_writer(Some(LinkId(2)));
    let out = LinkOut::new(LINK, LIMITS, clock::now());
    out.open(Arc::clone(&shared), kind(true), None);
    out.reply(b"a\n".to_vec()).unwrap();
    out.finish();
    let (ours, mut theirs) = tokio::io::duplex(1000);
    out.write_to(Box::new(ours), &Arc::default()).await.unwrap();
    let mut text = String::new();
    theirs.read_to_string(&mut text).await.unwrap();
    assert_eq!((text.as_str(), shared.lock().lines()), ("a\n", 1));
}

#[tokio::test(start_paused = true)]
async fn answers_beyond_the_limit_are_an_overload() {
    let out = LinkOut::new(LINK, LIMITS, clock::now());
    out.open(queue(0), kind(true), None);
    assert_eq!(out.reply(vec![b'\n'; 10_000]), Ok(()));
    assert_eq!(out.reply(b"x\n".to_vec()), Err(Overloaded));
    let out = LinkOut::new(LINK, LIMITS, clock::now());
    out.open(queue(0), kind(true), None);
    for _ in 0..100 {
        assert_eq!(out.reply(b"x\n".to_vec()), Ok(()));
    }
    assert_eq!(out.reply(b"x\n".to_vec()), Err(Overloaded));
}

#[tokio::test(start_paused = true)]
async fn lines_that_wait_for_the_gap_of_a_plain_link_are_no_overload_but_their_bytes_are() {
    let out = LinkOut::new(LINK, LIMITS, clock::now());
    out.open(queue(0), kind(false), None);
    assert_eq!(out.reply(b"x\n".repeat(2000)), Ok(()));
    assert_eq!(out.reply(b"x\n".repeat(4000)), Err(Overloaded));
}

#[tokio::test(start_paused = true)]
async fn after_our_bye_answers_leave_and_own_messages_stay() {
    for stream in [false, true] {
        let out = LinkOut::new(LINK, LIMITS, clock::now());
        let shared = queue(1);
        out.open(Arc::clone(&shared), kind(stream), None);
        out.hold();
        out.reply(b"BYE\n".to_vec()).unwrap();
        let got = segments(out, 1).await;
        assert_eq!(shown(&got), [(0, "BYE\n")]);
        assert!(shared.lock().take(LINK, true).is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn the_stream_ends_right_behind_the_last_answer_without_a_gap() {
    let out = LinkOut::new(LINK, LIMITS, clock::now());
    out.open(queue(1), kind(false), None);
    out.reply(b"ACK\nBYE_OK\n".to_vec()).unwrap();
    out.finish();
    let start = clock::now();
    let (ours, mut theirs) = tokio::io::duplex(1000);
    out.write_to(Box::new(ours), &Arc::default()).await.unwrap();
    let took = clock::now().duration_since(start);
    assert_eq!(took, LIMITS.gap, "one gap, between the two lines");
    let mut text = String::new();
    theirs.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "ACK\nBYE_OK\n");
}

#[tokio::test(start_paused = true)]
async fn a_plain_link_is_not_read_while_many_answers_wait_for_its_gap() {
    let out = LinkOut::new(LINK, LIMITS, clock::now());
    out.reply(b"x\n".repeat(PACED_REPLIES_MAX + 1)).unwrap();
    let (ours, _theirs) = tokio::io::duplex(1 << 20);
    let writing = Arc::clone(&out);
    tokio::spawn(async move { writing.write_to(Box::new(ours), &Arc::default()).await });
    let start = clock::now();
    out.room_to_read().await;
    let waited = clock::now().duration_since(start);
    assert_eq!(waited, Duration::from_millis(20), "two lines had to leave");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_ends_the_writer() {
    let out = LinkOut::new(LINK, LIMITS, clock::now());
    out.open(queue(3), kind(true), None);
    let (ours, _theirs) = tokio::io::duplex(4);
    let error = out
        .write_to(Box::new(ours), &Arc::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_slowly_is_written_to_for_as_long_as_it_takes() {
    let out = LinkOut::new(LINK, LIMITS, clock::now());
    out.open(queue(0), kind(true), None);
    out.reply(b"abcdefgh".to_vec()).unwrap();
    out.finish();
    let (ours, mut theirs) = tokio::io::duplex(2);
    let writing = tokio::spawn(async move { out.write_to(Box::new(ours), &Arc::default()).await });
    let mut text = String::new();
    for _ in 0..4 {
        tokio::time::sleep(WRITE_STALL_MAX - Duration::from_secs(1)).await;
        let mut two = [0; 2];
        theirs.read_exact(&mut two).await.unwrap();
        text.extend(two.map(char::from));
    }
    assert!(writing.await.unwrap().is_ok());
    assert_eq!(text, "abcdefgh");
}

#[tokio::test(start_paused = true)]
async fn the_ack_deadline_starts_when_the_line_was_written() {
    let shared = queue(2);
    let out = LinkOut::new(LINK, LIMITS, clock::now());
    out.open(Arc::clone(&shared), kind(false), None);
    let start = clock::now();
    segments(out, 2).await;
    let late = |ms: u64| {
        let now = start + Duration::from_millis(ms);
        shared.lock().expire(now).len()
    };
    assert_eq!(
        [late(4_999), late(5_000), late(5_000), late(5_020)],
        [0, 1, 0, 1]
    );
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_no_write() {
    let out = LinkOut::new(LINK, LIMITS, clock::now());
    out.open(queue(0), kind(true), None);
    let (ours, mut theirs) = tokio::io::duplex(1000);
    let written = Arc::new(Mutex::new(Vec::new()));
    let sink = Counted(ours, Arc::clone(&written));
    let writing = Arc::clone(&out);
    tokio::spawn(async move { writing.write_to(Box::new(sink), &Arc::default()).await });
    tokio::task::yield_now().await;
    out.reply(Vec::new()).unwrap();
    out.reply(b"ACK\n".to_vec()).unwrap();
    let mut line = [0; 4];
    theirs.read_exact(&mut line).await.unwrap();
    assert_eq!(*written.lock(), [4]);
}

/// Notes the size of each write.
struct Counted(tokio::io::DuplexStream, Arc<Mutex<Vec<usize>>>);

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.1.lock().push(bytes.len());
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

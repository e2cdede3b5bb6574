//! The twin that the node is compared with: a tokio server with nothing but the wire. It parses each line with
//! borrowed serde, answers each read with one write, and encodes a publication once for all. It checks, remembers,
//! shows and supervises nothing.

use std::{
    borrow::Cow,
    cell::RefCell,
    collections::HashMap,
    io::{self, BufRead, Write},
    rc::Rc,
};

use bytes::Bytes;
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::mpsc::{self, error::TrySendError},
    task::LocalSet,
};

use crate::{lines::SERVER, link::READ_BYTES};

/// All fields of the protocol's messages.
#[expect(
    dead_code,
    reason = "a server has to read them; this one does nothing with them"
)]
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    msg_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    peer_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    src: Option<Cow<'a, str>>,
    #[serde(borrow)]
    dst: Option<Cow<'a, str>>,
    #[serde(borrow)]
    payload: Option<Cow<'a, str>>,
    #[serde(borrow)]
    timestamp: Option<Cow<'a, str>>,
    require_ack: Option<bool>,
    ttl: Option<u32>,
}

/// Lines that wait for one peer; then the standard input is not read.
const QUEUE: usize = 1024;

/// The ways to all peers, by the number of their connection.
type Peers = Rc<RefCell<HashMap<u64, mpsc::Sender<Bytes>>>>;

/// Listens on `port`, says so on standard output, and serves for ever.
pub fn run(port: u16, publishes: bool) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async move {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(([127, 0, 0, 1], port).into())?;
        let listener = socket.listen(4096)?;
        let mut out = io::stdout();
        writeln!(out, "listening on {}", listener.local_addr()?)?;
        out.flush()?;
        let peers = Peers::default();
        if publishes {
            tokio::task::spawn_local(publish(Rc::clone(&peers)));
        }
        for number in 0.. {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let (sender, queue) = mpsc::channel(QUEUE);
            peers.borrow_mut().insert(number, sender);
            let peers = Rc::clone(&peers);
            tokio::task::spawn_local(async move {
                // However it ended.
                drop(serve(stream, queue).await);
                peers.borrow_mut().remove(&number);
            });
        }
        Ok(())
    })
}

async fn serve(mut stream: TcpStream, mut queue: mpsc::Receiver<Bytes>) -> io::Result<()> {
    let mut carry = Vec::new();
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            ready = stream.readable() => {
                ready?;
                let mut answers = Vec::new();
                let is_over = match read(&stream, &mut carry, &mut answers) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                    read => read?,
                };
                stream.write_all(&answers).await?;
                if is_over {
                    return end(stream).await;
                }
            }
            taken = queue.recv_many(&mut batch, QUEUE) => {
                if taken == 0 {
                    return Ok(());
                }
                let lines = batch.concat();
                batch.clear();
                stream.write_all(&lines).await?;
            }
        }
    }
}

/// As the protocol wants it behind BYE_OK: our FIN first, and only after the peer's the end of the connection, whose
/// RST could otherwise overtake the BYE_OK.
async fn end(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut rest = [0; 256];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

/// Reads into the one buffer of the thread and answers; true at the end of the stream and after a BYE.
fn read(stream: &TcpStream, carry: &mut Vec<u8>, answers: &mut Vec<u8>) -> io::Result<bool> {
    thread_local! {
        static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
    }
    SCRATCH.with_borrow_mut(|scratch| {
        let read = stream.try_read(scratch)?;
        let chunk = &scratch[..read];
        let mut used = 0;
        let mut left = read == 0;
        while let Some(end) = memchr::memchr(b'\n', &chunk[used..]) {
            let line = &chunk[used..used + end];
            used += end + 1;
            if carry.is_empty() {
                left |= answer(line, answers);
            } else {
                let mut whole = std::mem::take(carry);
                whole.extend_from_slice(line);
                left |= answer(&whole, answers);
            }
        }
        carry.extend_from_slice(&chunk[used..]);
        Ok(left)
    })
}

/// Answers one line; true after a BYE.
fn answer(line: &[u8], out: &mut Vec<u8>) -> bool {
    let text = std::str::from_utf8(line).ok();
    let Some(Ok(line)) = text.map(serde_json::from_str::<Line>) else {
        return false;
    };
    std::hint::black_box(&line);
    let msg_id = line.msg_id.as_deref().unwrap_or_default();
    match &*line.kind {
        "SEND" => put(out, [r#"{"type":"ACK","msg_id":""#, msg_id, STAMP]),
        "HELLO" => put(out, [r#"{"type":"HELLO_OK","peer_id":""#, SERVER, FEATURES]),
        "BYE" => put(
            out,
            [r#"{"type":"BYE_OK","msg_id":""#, msg_id, "\",\"ttl\":1}\n"],
        ),
        _ => {}
    }
    line.kind == "BYE"
}

const STAMP: &str = "\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"ttl\":1}\n";
const FEATURES: &str =
    "\",\"version\":\"1.0\",\"features\":[\"ack\",\"metrics\",\"stream\"],\"ttl\":1}\n";

fn put(out: &mut Vec<u8>, parts: [&str; 3]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Typed lines that are read ahead, as many as of the node, and are taken together before those who write get their turn.
const LINES: usize = 3 * 256;

/// `/pub * TEXT` from standard input, encoded once, shared by all.
async fn publish(peers: Peers) {
    let (lines, mut typed) = mpsc::channel::<String>(LINES);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                return;
            }
        }
    });
    let (mut batch, mut number) = (Vec::new(), 0_u64);
    while typed.recv_many(&mut batch, LINES).await > 0 {
        let senders: Vec<_> = peers.borrow().values().cloned().collect();
        for line in batch.drain(..) {
            number += 1;
            let Some(line) = line
                .strip_prefix("/pub * ")
                .map(|text| publication(number, text))
            else {
                continue;
            };
            for peer in &senders {
                if let Err(TrySendError::Full(line)) = peer.try_send(line.clone()) {
                    // Whoever has left is not missed.
                    drop(peer.send(line).await);
                }
            }
        }
    }
}

fn publication(number: u64, text: &str) -> Bytes {
    let text = serde_json::to_string(text).unwrap_or_default();
    Bytes::from(format!(
        "{{\"type\":\"PUB\",\"msg_id\":\"{number:08x}-0000-4000-8000-000000000000\",\"src\":\"{SERVER}\",\
         \"dst\":\"*\",\"payload\":{text},\"require_ack\":false,\"ttl\":1}}\n"
    ))
}

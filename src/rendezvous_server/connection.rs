//! One connection: one request line in, one answer line out, then close. Generic over the stream, so that tests
//! use a pipe.

use std::{cell::Cell, io, net::SocketAddr, time::Duration};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time,
};

use super::{actor::AnswerRequest, records_store::RecordsStore};
use crate::{
    actors::door::Door,
    proto::directory::{LINE_BYTES_MAX, Refusal},
};

/// The limits on the time of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    /// Without a byte.
    pub(super) idle: Duration,
    /// For the whole request to arrive; once more for the answer to be found, and once more for it to leave.
    pub(super) request: Duration,
}

/// Where the connections get their answers.
pub(super) struct Desk {
    pub(super) door: Door<AnswerRequest>,
    pub(super) store: RecordsStore,
    pub(super) times: Times,
    /// Bytes of answers that are being written.
    pub(super) leaving: Cell<usize>,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The directory's answer was written.
    Answered,
    /// No whole request came in time; that was said.
    TimedOut,
    /// The line was too long; that was said.
    TooLong,
    /// The directory did not answer in time; that was said.
    Unanswered,
    /// The answer was too large for the moment; that was said.
    Overloaded,
    /// The stream broke, or the answer was not read in time.
    Broken,
}

/// How much is read at a time. The reference server reads as much, and its limit on a line counts all it has read.
const CHUNK_BYTES: usize = 4096;

/// After the answer: how long and how much of what the client still sends is read and thrown away. Closing with
/// unread bytes would reset the connection, and a reset may overtake the answer.
const LINGER_MAX: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 256 * 1024;

/// The most bytes of answers that are being written at one time: many clients that ask for a long list and read it
/// slowly must not fill the memory. Beyond that an answer is replaced by a refusal.
const LEAVING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Serves one connection to its end.
pub(super) async fn serve<S>(stream: &mut S, from: SocketAddr, desk: &Desk) -> Ending
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (answer, ending) = match read_request(stream, desk.times).await {
        Ok(line) => answer(desk, AnswerRequest { from, line }).await,
        Err(Unread::Refused(refusal)) => (refusal.line(), ending_of(&refusal)),
        Err(Unread::Broken) => return Ending::Broken,
    };
    let (answer, ending) = if desk.leaving.get() + answer.len() > LEAVING_BYTES_MAX {
        (Refusal::Busy.line(), Ending::Overloaded)
    } else {
        (answer, ending)
    };
    match send(stream, &answer, desk).await {
        Ok(()) => {
            linger(stream).await;
            ending
        }
        Err(_) => Ending::Broken,
    }
}

/// Writes a refusal without reading the request.
pub(super) async fn refuse<S>(stream: &mut S, refusal: &Refusal, desk: &Desk)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // A client that is gone or does not read has refused itself.
    if send(stream, &refusal.line(), desk).await.is_ok() {
        linger(stream).await;
    }
}

/// Why there is no request line.
enum Unread {
    Refused(Refusal),
    Broken,
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S, times: Times) -> Result<Bytes, Unread> {
    match time::timeout(times.request, read_line(stream, times.idle)).await {
        Ok(line) => line,
        Err(_) => Err(Unread::Refused(Refusal::TooSlow)),
    }
}

/// The bytes before the first newline, or before the end of the stream.
async fn read_line<S: AsyncRead + Unpin>(stream: &mut S, idle: Duration) -> Result<Bytes, Unread> {
    let mut arrived = BytesMut::new();
    loop {
        let seen = arrived.len();
        arrived.reserve(CHUNK_BYTES);
        let mut chunk = (&mut *stream).take(CHUNK_BYTES as u64);
        match time::timeout(idle, chunk.read_buf(&mut arrived)).await {
            Err(_) => return Err(Unread::Refused(Refusal::Idle)),
            Ok(Err(_)) => return Err(Unread::Broken),
            Ok(Ok(0)) => return Ok(arrived.freeze()),
            Ok(Ok(_)) if arrived.len() > LINE_BYTES_MAX => {
                return Err(Unread::Refused(Refusal::LineTooLong));
            }
            Ok(Ok(_)) => {}
        }
        if let Some(at) = memchr::memchr(b'\n', &arrived[seen..]) {
            return Ok(arrived.split_to(seen + at).freeze());
        }
    }
}

/// The directory's answer, once what it promises is in the file.
async fn answer(desk: &Desk, request: AnswerRequest) -> (Bytes, Ending) {
    let asked = time::timeout(desk.times.request, desk.door.ask(request));
    match asked.await {
        Ok(Ok(answered)) => {
            if let Some(version) = answered.after {
                desk.store.saved(version).await;
            }
            (answered.line, Ending::Answered)
        }
        Ok(Err(_)) | Err(_) => (Refusal::Internal.line(), Ending::Unanswered),
    }
}

fn ending_of(refusal: &Refusal) -> Ending {
    match refusal {
        Refusal::LineTooLong => Ending::TooLong,
        _ => Ending::TimedOut,
    }
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, line: &[u8], desk: &Desk) -> io::Result<()> {
    let _leaving = Leaving::count(&desk.leaving, line.len());
    let write = async {
        stream.write_all(line).await?;
        stream.shutdown().await
    };
    time::timeout(desk.times.request, write).await?
}

/// Whatever the client does now, the answer has left.
async fn linger<S: AsyncRead + Unpin>(stream: &mut S) {
    drop(time::timeout(LINGER_MAX, read_away(stream)).await);
}

async fn read_away<S: AsyncRead + Unpin>(stream: &mut S) {
    let mut scratch = [0; CHUNK_BYTES];
    let mut left = LINGER_BYTES_MAX;
    while let Ok(count @ 1..) = stream.read(&mut scratch).await {
        left = left.saturating_sub(count);
        if left == 0 {
            return;
        }
    }
}

/// Counts the bytes of one answer while it is being written.
struct Leaving<'a> {
    total: &'a Cell<usize>,
    bytes: usize,
}

impl<'a> Leaving<'a> {
    fn count(total: &'a Cell<usize>, bytes: usize) -> Self {
        total.set(total.get() + bytes);
        Self { total, bytes }
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.total.set(self.total.get() - self.bytes);
    }
}

#[cfg(test)]
mod tests;

//! One connection of the endpoint: one request, bounded in time and size, one answer, the end.

use std::time::Duration;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::timeout,
};

use super::{
    actor::RenderMetrics,
    request::{self, Asked, HEAD_BYTES_MAX},
};
use crate::{actors::door::Door, metrics::exposition::CONTENT_TYPE};

/// Longest time for a request to arrive, and again for its answer to leave.
pub(super) const TIME_MAX: Duration = Duration::from_secs(5);

/// What more a client may say before the connection is closed: a close over unread bytes would take the answer away.
const REST_BYTES_MAX: u64 = 64 * 1024;

/// Answers one request. Whatever goes wrong is the client's own trouble.
pub(super) async fn serve<S>(mut stream: S, door: &Door<RenderMetrics>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let answer = match timeout(TIME_MAX, read_head(&mut stream)).await {
        Ok(Some(head)) => answer_to(&head, door).await,
        Ok(None) => return,
        Err(_) => request::refusal("408 Request Timeout"),
    };
    let sending = async {
        stream.write_all(&answer).await?;
        stream.shutdown().await?;
        tokio::io::copy(
            &mut (&mut stream).take(REST_BYTES_MAX),
            &mut tokio::io::sink(),
        )
        .await
    };
    // Nobody is left who could be told.
    drop(timeout(TIME_MAX, sending).await);
}

/// The head of the request, or its first bytes if it is too long; none if the client went away.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut head = Vec::with_capacity(1024);
    while head.len() <= HEAD_BYTES_MAX && !request::is_complete(&head) {
        let room = (HEAD_BYTES_MAX + 1 - head.len()) as u64;
        let read = stream.take(room).read_buf(&mut head).await.ok()?;
        if read == 0 {
            return None;
        }
    }
    Some(head)
}

async fn answer_to(head: &[u8], door: &Door<RenderMetrics>) -> Vec<u8> {
    if !request::is_complete(head) {
        return request::refusal("431 Request Header Fields Too Large");
    }
    match request::asked(head) {
        Asked::Metrics => match timeout(TIME_MAX, door.ask(RenderMetrics)).await {
            Ok(Ok(text)) => request::answer("200 OK", CONTENT_TYPE, &text),
            _ => request::refusal("503 Service Unavailable"),
        },
        Asked::NotFound => request::refusal("404 Not Found"),
        Asked::NotAllowed => request::refusal("405 Method Not Allowed"),
        Asked::Bad => request::refusal("400 Bad Request"),
    }
}

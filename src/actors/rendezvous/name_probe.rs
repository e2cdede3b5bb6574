//! Looks whether a live node answers under our own name: a HELLO, and a HELLO_OK within two seconds means yes, unless it
//! names somebody else.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    time::timeout,
};
use uuid::Uuid;

use crate::{
    actors::transport,
    wire::{encode, identity::PeerId, message::Line},
};

/// The time from dialling to HELLO_OK.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// The time for the BYE and the other side's end.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// The most that is read before HELLO_OK, in bytes: one line of the peer protocol.
const PROBE_BYTES_MAX: u64 = 32_768;

/// Whether another node answers at `address`. Our own listener, at `own_port` of this machine, does not count: such a
/// record is a leftover of an earlier run that used the same port.
pub async fn probe(address: SocketAddr, own: &PeerId, own_port: u16) -> bool {
    let asked = timeout(PROBE_TIMEOUT, async {
        let stream = transport::connect(address).await?;
        let ourselves = transport::is_local(&stream) && address.port() == own_port;
        let mut stream = BufReader::new(stream);
        let taken = match ourselves {
            true => None,
            false => greet(&mut stream, own).await?,
        };
        Ok::<_, io::Error>((stream, taken))
    });
    match asked.await {
        Ok(Ok((stream, Some(taken)))) => {
            leave(stream, own).await;
            taken
        }
        _ => false,
    }
}

/// Says HELLO and reads until HELLO_OK; whether that means that the name is taken. None at the end.
async fn greet<S>(stream: &mut BufReader<S>, own: &PeerId) -> io::Result<Option<bool>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut hello = Vec::new();
    encode::hello(&mut hello, "HELLO", own.as_str());
    stream.write_all(&hello).await?;
    let mut reader = stream.take(PROBE_BYTES_MAX);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).await? > 0 {
        if let Some(taken) = hello_ok(&line, own) {
            return Ok(Some(taken));
        }
        line.clear();
    }
    Ok(None)
}

/// Leaves as a peer does, so that the other side does not keep a dead link under our name.
async fn leave<S>(mut stream: BufReader<S>, own: &PeerId)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let goodbye = async {
        let (msg_id, own) = (Uuid::new_v4().to_string(), own.as_str());
        let mut bye = Vec::new();
        encode::bye(&mut bye, &msg_id, own, own, "is this name in use?");
        stream.write_all(&bye).await?;
        stream.shutdown().await?;
        let mut rest = Vec::new();
        let mut reader = stream.take(PROBE_BYTES_MAX);
        reader.read_to_end(&mut rest).await
    };
    if let Ok(Err(error)) = timeout(GOODBYE_TIMEOUT, goodbye).await {
        tracing::debug!(%error, "the goodbye after a probe failed");
    }
}

/// Whether a HELLO_OK comes from a node of our name, however odd its other fields; none for any other line. With
/// another id it is somebody who listens where a node of our name once did.
fn hello_ok(line: &[u8], own: &PeerId) -> Option<bool> {
    let text = String::from_utf8_lossy(line);
    let Ok(Line::HelloOk { peer_id, .. }) = Line::parse(&text) else {
        return None;
    };
    let named = peer_id.and_then(|it| PeerId::parse(&it).ok());
    Some(named.is_none_or(|it| it == *own))
}

#[cfg(test)]
#[path = "name_probe_tests.rs"]
mod tests;

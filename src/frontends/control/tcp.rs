//! The control port: a TCP socket whose clients say the token first.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::{attempts::Attempts, clients::Clients, token::Token};
use crate::{actors::clock, paths::Places, settings::HostPort};

/// The time for the token.
const TOKEN_WAIT: Duration = Duration::from_secs(5);

/// The longest first line that is read, in bytes.
const TOKEN_LINE_MAX: u64 = 256;

/// Connections that have not said the token yet; more are closed at once.
const STRANGERS_MAX: usize = 8;

/// A client that takes nothing for so long is closed: its machine may be gone.
pub(super) const WRITE_WAIT: Duration = Duration::from_secs(60);

/// The listening socket with its token.
pub(super) struct TcpSocket {
    listener: TcpListener,
    token: Token,
    attempts: Mutex<Attempts>,
    strangers: Semaphore,
}

impl TcpSocket {
    /// Binds the address and reads the token, or makes it. An error says in words why there is no control port.
    pub(super) async fn bind(address: &HostPort, places: &Places) -> Result<Self, String> {
        let failed = |what: String, why: String| format!("no control port: {what}: {why}");
        let path = places
            .control_token()
            .map_err(|error| failed("its token".into(), error.to_string()))?;
        let token = Token::load_or_create(&path)
            .map_err(|error| failed(path.display().to_string(), error.to_string()))?;
        let listener = TcpListener::bind((address.host.as_str(), address.port))
            .await
            .map_err(|error| failed(address.to_string(), error.to_string()))?;
        Ok(Self {
            listener,
            token,
            attempts: Mutex::default(),
            strangers: Semaphore::new(STRANGERS_MAX),
        })
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    pub(super) async fn accept(&self) -> std::io::Result<(TcpStream, SocketAddr)> {
        self.listener.accept().await
    }

    /// Serves a connection whose first line is the token, and closes every other.
    pub(super) fn welcome(
        self: &Arc<Self>,
        stream: TcpStream,
        from: SocketAddr,
        clients: &Clients,
    ) {
        let may_try = self.attempts.lock().may_try(clock::now(), from.ip());
        if !may_try || stream.set_nodelay(true).is_err() {
            return;
        }
        let (socket, clients) = (Arc::clone(self), clients.clone());
        actix_rt::spawn(async move {
            let (mut reader, writer) = stream.into_split();
            let Ok(stranger) = socket.strangers.try_acquire() else {
                return;
            };
            if socket.admits(&mut reader, from, stranger).await {
                clients.serve(reader, writer, Some(WRITE_WAIT)).await;
            }
        });
    }

    async fn admits(
        &self,
        reader: &mut (impl AsyncRead + Unpin),
        from: SocketAddr,
        _stranger: SemaphorePermit<'_>,
    ) -> bool {
        let first = timeout(TOKEN_WAIT, first_line(reader)).await;
        let is_token = first.is_ok_and(|line| line.is_some_and(|line| self.token.is(&line)));
        if !is_token {
            tracing::warn!(address = %from, "A client of the control port did not know the token");
            self.attempts.lock().failed(clock::now(), from.ip());
        }
        is_token
    }
}

/// The first line without its ending, byte by byte: what follows belongs to the client's commands.
async fn first_line(reader: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut reader = reader.take(TOKEN_LINE_MAX);
    let mut line = Vec::new();
    loop {
        match reader.read_u8().await.ok()? {
            b'\n' => break,
            byte => line.push(byte),
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_line_ends_where_the_commands_begin_and_is_never_long() {
        let mut input: &[u8] = b"token\r\ncommand\n";
        assert_eq!(first_line(&mut input).await, Some(b"token".to_vec()));
        assert_eq!(input, b"command\n");
        let endless = [b'x'; 1000];
        assert_eq!(first_line(&mut &endless[..]).await, None);
        assert_eq!(first_line(&mut &b"no end"[..]).await, None);
    }
}

//! ControlActor: accepts the clients of the control socket, and tells all of them what happens. It waits for none.

use std::{io, sync::Arc, time::Duration};

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, WrapFuture};
use jiff::Timestamp;
use tokio::net::UnixListener;

use super::{clients::Clients, local::is_of_this_user, tcp::TcpSocket};
use crate::{
    actors::events::EventTapped,
    frontends::cli::{
        client_lines::{ClientLines, EventLine},
        filters::is_hidden,
        json,
    },
};

/// Ends all clients once they were told what came before it; no further one is let in.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct CloseClients;

/// How long accepting pauses when file descriptors or memory run out.
const PAUSE: Duration = Duration::from_millis(200);

/// The control socket of a node.
pub struct ControlActor {
    clients: Clients,
    local: Option<Arc<UnixListener>>,
    tcp: Option<Arc<TcpSocket>>,
}

impl ControlActor {
    pub(super) fn new(
        clients: Clients,
        local: Option<Arc<UnixListener>>,
        tcp: Option<Arc<TcpSocket>>,
    ) -> Self {
        Self {
            clients,
            local,
            tcp,
        }
    }
}

impl Actor for ControlActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some(listener) = self.local.take() {
            ctx.spawn(accept_local(listener, self.clients.clone()).into_actor(self));
        }
        if let Some(socket) = self.tcp.take() {
            ctx.spawn(accept_tcp(socket, self.clients.clone()).into_actor(self));
        }
    }
}

impl Handler<EventTapped> for ControlActor {
    type Result = ();

    fn handle(&mut self, tapped: EventTapped, _: &mut Self::Context) {
        if is_hidden(self.clients.node(), &tapped.event) {
            return;
        }
        let clients = self.clients.all();
        if tapped.missed > 0 {
            clients.iter().for_each(|client| client.skip(tapped.missed));
        }
        for fields in json::objects(&tapped.event, Timestamp::now()) {
            let line = EventLine::new(fields);
            clients.iter().for_each(|client| client.offer(&line));
        }
    }
}

impl Handler<CloseClients> for ControlActor {
    type Result = ();

    fn handle(&mut self, _: CloseClients, ctx: &mut Self::Context) {
        self.clients.all().iter().for_each(ClientLines::close);
        ctx.stop();
    }
}

crate::panics_on_request!(ControlActor);

async fn accept_local(listener: Arc<UnixListener>, clients: Clients) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) if is_of_this_user(&stream) => {
                let (reader, writer) = stream.into_split();
                actix_rt::spawn(clients.clone().serve(reader, writer, None));
            }
            Ok(_) => tracing::warn!("A program of another user came to the control socket"),
            Err(error) => pause(&error).await,
        }
    }
}

async fn accept_tcp(socket: Arc<TcpSocket>, clients: Clients) {
    loop {
        match socket.accept().await {
            Ok((stream, from)) => socket.welcome(stream, from, &clients),
            Err(error) => pause(&error).await,
        }
    }
}

async fn pause(error: &io::Error) {
    tracing::warn!(%error, "Accepting clients of the control socket pauses");
    tokio::time::sleep(PAUSE).await;
}

//! What the rendezvous client needs of the network, as a trait: tests put a script in its place and need no sockets.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    sync::Arc,
    time::Duration,
};

use futures_util::future::LocalBoxFuture;

use super::{name_probe, request};
use crate::{
    proto::registration::Exchange,
    wire::{identity::PeerId, rendezvous::Request},
};

/// The effects of the rendezvous client.
pub trait Network {
    /// One request to the rendezvous `to` (`host:port`), at its resolved address `server` if that is known, within
    /// `limit` from resolving to the last byte.
    fn request(
        &self,
        to: Arc<str>,
        server: Option<SocketAddr>,
        request: Request,
        limit: Duration,
    ) -> LocalBoxFuture<'static, Exchange>;

    /// Whether a node that is not this process answers at `address` to a HELLO of `own`. `own_port` is where this
    /// process listens.
    fn probe(
        &self,
        address: SocketAddr,
        own: &PeerId,
        own_port: u16,
    ) -> LocalBoxFuture<'static, bool>;

    /// Our own address on the way to `server`; `None` without a way there. Sends nothing.
    fn local_ip(&self, server: SocketAddr) -> Option<IpAddr>;
}

/// The real network.
#[derive(Debug, Clone, Copy, Default)]
pub struct TcpNetwork;

impl Network for TcpNetwork {
    fn request(
        &self,
        to: Arc<str>,
        server: Option<SocketAddr>,
        request: Request,
        limit: Duration,
    ) -> LocalBoxFuture<'static, Exchange> {
        let line = request.to_line();
        Box::pin(async move { request::exchange(&to, server, &line, limit).await })
    }

    fn probe(
        &self,
        address: SocketAddr,
        own: &PeerId,
        own_port: u16,
    ) -> LocalBoxFuture<'static, bool> {
        let own = own.clone();
        Box::pin(async move { name_probe::probe(address, &own, own_port).await })
    }

    fn local_ip(&self, server: SocketAddr) -> Option<IpAddr> {
        let any: IpAddr = match server {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        // Connecting a datagram socket only chooses a route.
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect(server).ok()?;
        socket.local_addr().ok().map(|address| address.ip())
    }
}

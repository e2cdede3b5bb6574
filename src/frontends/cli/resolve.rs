//! From the name of a host to its address.

use std::{net::SocketAddr, time::Duration};

/// How long the name of a host may take to resolve.
const RESOLVE_WAIT: Duration = Duration::from_secs(5);

/// The address of a host, IPv4 preferred.
pub async fn resolve(host: &str, port: u16) -> Result<SocketAddr, String> {
    let looked_up = tokio::time::timeout(RESOLVE_WAIT, tokio::net::lookup_host((host, port)));
    let addresses: Vec<SocketAddr> = match looked_up.await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(_)) => return Err("this host is not known".into()),
        Err(_) => return Err("the name service does not answer".into()),
    };
    let v4 = addresses.iter().find(|address| address.is_ipv4());
    let chosen = v4.or(addresses.first());
    chosen
        .copied()
        .ok_or_else(|| "this host has no address".into())
}

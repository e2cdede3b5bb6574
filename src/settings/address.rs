//! Addresses in settings: `HOST:PORT` with names, IPv4 and IPv6, where to listen, and on which port.
//!
//! Knows nothing of sockets or name resolution: a host name is only checked for its letters.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use serde_json::Value;

use super::form::Form;

/// A host, by name or address, and a TCP port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// A DNS name, an IPv4 address or an IPv6 address without brackets (possibly with `%zone`).
    pub host: String,
    /// 1 to 65535.
    pub port: u16,
}

/// Why a text is no [`HostPort`]. The user has to write it differently.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing after the host.
    #[error("the port is missing, as in {0}:8080")]
    NoPort(String),
    /// An IPv6 address whose end nobody can tell from the port.
    #[error("an IPv6 address needs brackets, as in [{0}]:8080")]
    NoBrackets(String),
    /// The port is not a number from 1 to 65535.
    #[error("a port is a number from 1 to 65535")]
    BadPort,
    /// The host is neither a name nor an address.
    #[error("neither a host name nor an IP address")]
    BadHost,
}

/// Where to accept connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// Nobody chose: every address, or only this machine (product, "With no options at all it must work").
    Auto,
    /// Every address, IPv4 and IPv6.
    All,
    /// This address only.
    Address(IpAddr),
}

/// On which port to accept connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// Nobody chose: the first free one from 4000 to 4999.
    Auto,
    /// Any free one.
    Any,
    /// This one or none.
    Exactly(u16),
}

/// The form of a [`HostPort`].
pub(super) struct Address;
/// The form of a [`Listen`].
pub(super) struct ListenAddress;
/// The form of a [`Port`].
pub(super) struct ListenPort;
/// The form of a socket address that is this machine's own unless another is named.
pub(super) struct OwnSocket;

/// Longest host name DNS knows.
const HOST_BYTES_MAX: usize = 253;

impl FromStr for HostPort {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => split_brackets(rest)?,
            None => split_plain(text)?,
        };
        let port = port.parse().ok().filter(|port| *port > 0);
        let port = port.ok_or(AddressError::BadPort)?;
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Form for Address {
    type Value = HostPort;

    fn parse(&self, text: &str) -> Result<HostPort, String> {
        text.parse()
            .map_err(|error: AddressError| error.to_string())
    }

    fn allowed(&self) -> String {
        "HOST:PORT, such as example.org:8080, 192.168.1.7:8080 or [::1]:8080".to_owned()
    }

    fn show(&self, value: &HostPort) -> Value {
        Value::from(value.to_string())
    }
}

impl Form for ListenAddress {
    type Value = Listen;

    fn parse(&self, text: &str) -> Result<Listen, String> {
        match text {
            "" | "auto" => Ok(Listen::Auto),
            "all" => Ok(Listen::All),
            "localhost" => Ok(Listen::Address(IpAddr::V4(Ipv4Addr::LOCALHOST))),
            _ => text
                .parse()
                .map(Listen::Address)
                .map_err(|_| "not an IP address".to_owned()),
        }
    }

    fn allowed(&self) -> String {
        "auto, all, localhost, or an IP address".to_owned()
    }

    fn show(&self, value: &Listen) -> Value {
        match value {
            Listen::Auto => Value::from("auto"),
            Listen::All => Value::from("all"),
            Listen::Address(address) => Value::from(address.to_string()),
        }
    }
}

impl Form for ListenPort {
    type Value = Port;

    fn parse(&self, text: &str) -> Result<Port, String> {
        match text {
            "" | "auto" => Ok(Port::Auto),
            _ => match text.parse() {
                Ok(0) => Ok(Port::Any),
                Ok(port) => Ok(Port::Exactly(port)),
                Err(_) => Err("not a port".to_owned()),
            },
        }
    }

    fn allowed(&self) -> String {
        "auto, 0 for any free port, or a number from 1 to 65535".to_owned()
    }

    fn show(&self, value: &Port) -> Value {
        match value {
            Port::Auto => Value::from("auto"),
            Port::Any => Value::from(0),
            Port::Exactly(port) => Value::from(*port),
        }
    }
}

impl Form for OwnSocket {
    type Value = SocketAddr;

    fn parse(&self, text: &str) -> Result<SocketAddr, String> {
        if let Ok(port) = text.parse() {
            return Ok(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
        }
        let local = text.strip_prefix("localhost:");
        let written = local.map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
        written
            .parse()
            .map_err(|_| "neither a port nor an IP address with a port".to_owned())
    }

    fn allowed(&self) -> String {
        "a port, on this machine only, or IP:PORT; port 0 is any free one".to_owned()
    }

    fn show(&self, value: &SocketAddr) -> Value {
        Value::from(value.to_string())
    }
}

fn split_brackets(rest: &str) -> Result<(&str, &str), AddressError> {
    let (host, after) = rest.split_once(']').ok_or(AddressError::BadHost)?;
    if !is_ipv6(host) {
        return Err(AddressError::BadHost);
    }
    let port = after.strip_prefix(':');
    Ok((
        host,
        port.ok_or_else(|| AddressError::NoPort(format!("[{host}]")))?,
    ))
}

fn split_plain(text: &str) -> Result<(&str, &str), AddressError> {
    if is_ipv6(text) {
        return Err(AddressError::NoBrackets(text.to_owned()));
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(if is_name(text) {
            AddressError::NoPort(text.to_owned())
        } else {
            AddressError::BadHost
        });
    };
    if is_ipv6(host) {
        return Err(AddressError::NoBrackets(host.to_owned()));
    }
    if is_name(host) {
        Ok((host, port))
    } else {
        Err(AddressError::BadHost)
    }
}

/// An IPv6 address, with or without the zone of a link-local one.
fn is_ipv6(host: &str) -> bool {
    let (address, zone) = host.split_once('%').unwrap_or((host, "any"));
    let zone_good = !zone.is_empty()
        && zone
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    address.parse::<Ipv6Addr>().is_ok() && zone_good
}

/// A DNS name or IPv4 address; what is all digits and dots must be an address.
fn is_name(host: &str) -> bool {
    let label_good = |label: &str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let numeric = host
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if numeric {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    host.len() <= HOST_BYTES_MAX
        && host
            .strip_suffix('.')
            .unwrap_or(host)
            .split('.')
            .all(label_good)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_ipv4_and_bracketed_ipv6() {
        for (text, host, port) in [
            ("example.org:8080", "example.org", 8080),
            ("pyp2p.mfcaetano.cc:8080", "pyp2p.mfcaetano.cc", 8080),
            ("example.org.:1", "example.org.", 1),
            ("my_host:65535", "my_host", 65535),
            ("192.168.1.7:8080", "192.168.1.7", 8080),
            ("[::1]:8080", "::1", 8080),
            ("[fe80::1%eth0]:4000", "fe80::1%eth0", 4000),
        ] {
            let expected = HostPort {
                host: host.to_owned(),
                port,
            };
            assert_eq!(text.parse(), Ok(expected.clone()));
            assert_eq!(expected.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_to_do() {
        use AddressError::{BadHost, BadPort, NoBrackets, NoPort};
        for (text, error) in [
            ("example.org", NoPort("example.org".to_owned())),
            ("[::1]", NoPort("[::1]".to_owned())),
            ("::1", NoBrackets("::1".to_owned())),
            (
                "2001:db8::5:8080",
                NoBrackets("2001:db8::5:8080".to_owned()),
            ),
            (
                "1:2:3:4:5:6:7:8:8080",
                NoBrackets("1:2:3:4:5:6:7:8".to_owned()),
            ),
            ("example.org:", BadPort),
            ("example.org:0", BadPort),
            ("example.org:65536", BadPort),
            ("example.org:http", BadPort),
            ("", BadHost),
            (":8080", BadHost),
            ("300.1.2.3:80", BadHost),
            ("1.2.3:80", BadHost),
            ("a..b:80", BadHost),
            ("http://example.org:80", BadHost),
            ("exa mple:80", BadHost),
            ("ex\u{202e}ample:80", BadHost),
            ("[example.org]:80", BadHost),
            ("[::1:80", BadHost),
            ("[fe80::1%]:80", BadHost),
        ] {
            assert_eq!(text.parse::<HostPort>(), Err(error), "{text:?}");
        }
        assert!(
            format!("{}:80", "a".repeat(HOST_BYTES_MAX + 1))
                .parse::<HostPort>()
                .is_err()
        );
    }

    #[test]
    fn listening_is_everywhere_or_on_one_address() {
        let loopback = Listen::Address(IpAddr::V4(Ipv4Addr::LOCALHOST));
        for (text, listen) in [
            ("auto", Some(Listen::Auto)),
            ("", Some(Listen::Auto)),
            ("all", Some(Listen::All)),
            ("127.0.0.1", Some(loopback)),
            ("localhost", Some(loopback)),
            (
                "::",
                Some(Listen::Address(IpAddr::V6(Ipv6Addr::UNSPECIFIED))),
            ),
            ("example.org", None),
            ("127.0.0.1:80", None),
        ] {
            assert_eq!(ListenAddress.parse(text).ok(), listen, "{text:?}");
        }
    }

    #[test]
    fn a_port_is_chosen_any_or_exact() {
        for (text, port) in [
            ("auto", Some(Port::Auto)),
            ("0", Some(Port::Any)),
            ("4000", Some(Port::Exactly(4000))),
            ("65536", None),
            ("-1", None),
        ] {
            assert_eq!(ListenPort.parse(text).ok(), port, "{text:?}");
            if let Some(port) = port {
                let shown = ListenPort.show(&port);
                let shown = shown
                    .as_str()
                    .map_or_else(|| shown.to_string(), str::to_owned);
                assert_eq!(ListenPort.parse(&shown), Ok(port));
            }
        }
    }
}

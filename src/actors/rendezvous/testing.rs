//! A network in memory for the tests of this folder: rendezvous servers by address, everybody at one address.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashSet},
    net::{IpAddr, SocketAddr},
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::LocalBoxFuture;

use super::{
    host::{BindError, HostRendezvous, Hosted},
    network::Network,
};
use crate::{
    actors::clock,
    proto::registration::{Exchange, Outcome},
    wire::{
        identity::PeerId,
        rendezvous::{Answer, Failure, Listing, Record, Request, Success},
    },
};

/// The time from a request to its answer.
const LATENCY: Duration = Duration::from_millis(1);

/// The time from a bind to the first answer.
const BIND_TIME: Duration = Duration::from_millis(20);

/// Who listens at an address.
pub enum Server {
    /// A good rendezvous with its records.
    Rendezvous(Vec<Record>),
    /// Another program.
    Foreign,
    /// Accepts and says nothing.
    Mute,
    /// Answers every request with an error.
    Refusing(&'static str),
    /// Answers every request with a block.
    Blocking(u64),
}

/// The network, and what was asked of it.
#[derive(Clone)]
pub struct Lab(Rc<State>);

struct State {
    start: Instant,
    servers: RefCell<BTreeMap<String, Server>>,
    /// The records files of the embedded servers; `None`: there is no data folder.
    files: RefCell<Option<BTreeMap<String, Vec<Record>>>>,
    asked: RefCell<Vec<(Duration, String)>>,
    answering: RefCell<HashSet<SocketAddr>>,
    local_ip: Cell<Option<IpAddr>>,
}

impl Lab {
    /// Nobody listens anywhere.
    pub fn new() -> Self {
        Self(Rc::new(State {
            start: clock::now(),
            servers: RefCell::default(),
            files: RefCell::new(Some(BTreeMap::new())),
            asked: RefCell::default(),
            answering: RefCell::default(),
            local_ip: Cell::new(Some([10, 0, 0, 1].into())),
        }))
    }

    /// Hosts keep no records over their end.
    pub fn without_files(self) -> Self {
        *self.0.files.borrow_mut() = None;
        self
    }

    pub fn set(&self, address: &str, server: Server) {
        let mut servers = self.0.servers.borrow_mut();
        servers.insert(address.into(), server);
    }

    pub fn remove(&self, address: &str) -> Option<Server> {
        self.0.servers.borrow_mut().remove(address)
    }

    pub fn listens(&self, address: &str) -> bool {
        self.0.servers.borrow().contains_key(address)
    }

    /// A node answers HELLO there.
    pub fn answer_hello(&self, address: &str) {
        let mut answering = self.0.answering.borrow_mut();
        answering.insert(address.parse().unwrap());
    }

    pub fn set_local_ip(&self, ip: Option<IpAddr>) {
        self.0.local_ip.set(ip);
    }

    /// The names registered at an address.
    pub fn registered(&self, address: &str) -> Vec<String> {
        match self.0.servers.borrow().get(address) {
            Some(Server::Rendezvous(records)) => {
                let names = records.iter().map(|record| record.peer.to_string());
                names.collect()
            }
            _ => Vec::new(),
        }
    }

    /// Seconds since the start and text of every request so far; forgotten once told.
    pub fn asked(&self) -> Vec<(f64, String)> {
        let asked = self.0.asked.take().into_iter();
        asked
            .map(|(at, text)| ((at.as_secs_f64() * 10.0).floor() / 10.0, text))
            .collect()
    }

    /// The texts alone.
    pub fn requests(&self) -> Vec<String> {
        self.asked().into_iter().map(|(_, text)| text).collect()
    }

    fn note(&self, to: &str, request: &Request) {
        let text = match request {
            Request::Register { name, .. } => format!("REGISTER {name} {to}"),
            Request::Discover { .. } => format!("DISCOVER {to}"),
            Request::Unregister { name, .. } => format!("UNREGISTER {name} {to}"),
        };
        let at = clock::now().duration_since(self.0.start);
        self.0.asked.borrow_mut().push((at, text));
    }

    /// `None`: no answer ever comes.
    fn outcome(&self, to: &str, request: &Request) -> Option<Outcome> {
        let mut servers = self.0.servers.borrow_mut();
        let answer = match servers.get_mut(to) {
            None => return Some(Outcome::Refused),
            Some(Server::Mute) => return None,
            Some(Server::Foreign) => Answer::NotARendezvous,
            Some(Server::Blocking(seconds)) => Answer::Blocked { seconds: *seconds },
            Some(Server::Refusing(message)) => error(message),
            Some(Server::Rendezvous(records)) => {
                let answer = answer(records, ip(to), request);
                if let Some(files) = &mut *self.0.files.borrow_mut() {
                    files.insert(to.into(), records.clone());
                }
                answer
            }
        };
        Some(Outcome::Answered(answer))
    }
}

/// Where everybody is, as the server at this address sees it.
fn ip(server: &str) -> IpAddr {
    if server.starts_with("127.") {
        [127, 0, 0, 1].into()
    } else {
        [10, 0, 0, 1].into()
    }
}

fn error(message: &str) -> Answer {
    Answer::Error(Failure {
        message: message.into(),
        limit: None,
    })
}

fn answer(records: &mut Vec<Record>, ip: IpAddr, request: &Request) -> Answer {
    let known = records.iter().any(|record| record.address.ip() == ip);
    let mut success = Success::default();
    match request {
        Request::Register {
            namespace,
            name,
            port,
            ttl,
        } => {
            let record = Record {
                peer: PeerId::of_record(name, namespace).unwrap(),
                address: SocketAddr::new(ip, *port),
                expires_in: *ttl,
            };
            records.retain(|other| other.peer != record.peer);
            records.push(record);
            (success.ip, success.port, success.ttl) = (Some(ip), Some(*port), Some(*ttl));
        }
        _ if !known => return error("peer_not_registered"),
        Request::Discover { .. } => {
            success.peers = Listing {
                records: records.clone(),
                ..Listing::default()
            };
        }
        Request::Unregister {
            namespace, name, ..
        } => {
            let peer = PeerId::of_record(name, namespace).unwrap();
            let before = records.len();
            records.retain(|record| record.peer != peer);
            if records.len() == before {
                return error("peer_credentials_do_not_match");
            }
        }
    }
    Answer::Ok(success)
}

impl Network for Lab {
    fn request(
        &self,
        to: Arc<str>,
        _server: Option<SocketAddr>,
        request: Request,
        limit: Duration,
    ) -> LocalBoxFuture<'static, Exchange> {
        let lab = self.clone();
        Box::pin(async move {
            lab.note(&to, &request);
            tokio::time::sleep(LATENCY).await;
            let server = to.parse().ok().or("10.0.0.9:8080".parse().ok());
            if let Some(outcome) = lab.outcome(&to, &request) {
                return Exchange { server, outcome };
            }
            tokio::time::sleep(limit).await;
            let outcome = Outcome::TimedOut;
            Exchange { server, outcome }
        })
    }

    fn probe(
        &self,
        address: SocketAddr,
        _own: &PeerId,
        own_port: u16,
    ) -> LocalBoxFuture<'static, bool> {
        let answers = self.0.answering.borrow().contains(&address);
        Box::pin(async move {
            tokio::time::sleep(LATENCY).await;
            answers && address.port() != own_port
        })
    }

    fn local_ip(&self, _server: SocketAddr) -> Option<IpAddr> {
        self.0.local_ip.get()
    }
}

impl HostRendezvous for Lab {
    fn bind(&self, port: u16) -> LocalBoxFuture<'static, Result<Box<dyn Hosted>, BindError>> {
        let (lab, address) = (self.clone(), format!("127.0.0.1:{port}"));
        Box::pin(async move {
            tokio::time::sleep(BIND_TIME).await;
            if lab.listens(&address) {
                return Err(BindError::InUse);
            }
            let files = lab.0.files.borrow().clone();
            let records = files.and_then(|mut files| files.remove(&address));
            lab.set(&address, Server::Rendezvous(records.unwrap_or_default()));
            Ok(Box::new(Running { lab, address }) as Box<dyn Hosted>)
        })
    }
}

struct Running {
    lab: Lab,
    address: String,
}

impl Hosted for Running {
    fn stop(self: Box<Self>) -> LocalBoxFuture<'static, ()> {
        Box::pin(async move {
            self.lab.remove(&self.address);
        })
    }
}

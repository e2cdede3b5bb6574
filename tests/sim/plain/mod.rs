//! Plain PyP2P clients, with the habits that real ones have: scripted, not made of papo's machines. What they write is
//! as odd as theirs; what they are sent is not judged here (the oracle looks at what nodes write).

mod habits;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use papo::{
    proto::{
        link::LinkId,
        registration::{Exchange, Outcome},
    },
    wire::{
        identity::PeerId,
        message::Line,
        rendezvous::{Answer, Record, Request},
    },
};
use serde_json::json;
use uuid::Uuid;

pub use self::habits::Habits;
use self::habits::{Acks, Second};
use crate::{
    context::{Context, Event, PlainWake, Who},
    network::{ConnId, Side},
};

struct Link {
    conn: (ConnId, Side),
    peer: Option<PeerId>,
    open: bool,
    buffer: Vec<u8>,
    heard: Instant,
}

/// One run of a plain client.
pub struct Plain {
    pub who: Who,
    pub id: PeerId,
    pub address: SocketAddr,
    pub habits: Habits,
    links: BTreeMap<LinkId, Link>,
    last: u64,
    asked: BTreeMap<u64, bool>,
    registered: Option<Instant>,
    discovered: Option<Instant>,
}

/// How often it does its regular work.
const WORK: Duration = Duration::from_secs(5);

impl Plain {
    /// A client that starts now.
    pub fn start(
        ctx: &mut Context,
        who: Who,
        id: PeerId,
        address: SocketAddr,
        habits: Habits,
    ) -> Self {
        ctx.after(Duration::ZERO, Event::Plain(who, PlainWake::Work));
        Self {
            who,
            id,
            address,
            habits,
            links: BTreeMap::new(),
            last: 0,
            asked: BTreeMap::new(),
            registered: None,
            discovered: None,
        }
    }

    /// A timer.
    pub fn wake(&mut self, ctx: &mut Context, wake: PlainWake) {
        match wake {
            PlainWake::Work => self.work(ctx),
            PlainWake::Say(link, bytes) => self.say(ctx, link, &bytes),
        }
    }

    /// Somebody connected.
    pub fn accept(&mut self, ctx: &mut Context, conn: ConnId) -> LinkId {
        self.add(ctx, (conn, 1), None)
    }

    /// The answer to a dial.
    pub fn dialled(&mut self, ctx: &mut Context, link: LinkId, connected: bool) {
        if !connected {
            self.links.remove(&link);
            return;
        }
        let hello = self.hello("HELLO", &self.id.clone());
        self.say(ctx, link, &hello);
        if ctx.one_in(4) {
            // Some do not wait for HELLO_OK.
            let (line, _) = self.text_line(ctx, link);
            self.say(ctx, link, &line);
        }
    }

    /// Whether it reads what comes.
    pub fn reads(&self, link: LinkId) -> bool {
        !self.habits.never_reads || self.links.get(&link).is_some_and(|link| !link.open)
    }

    /// Bytes came.
    pub fn chunk(&mut self, ctx: &mut Context, id: LinkId, chunk: &[u8]) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        link.heard = ctx.now;
        link.buffer.extend_from_slice(chunk);
        while let Some(link) = self.links.get_mut(&id)
            && let Some(end) = link.buffer.iter().position(|byte| *byte == b'\n')
        {
            let line: Vec<u8> = link.buffer.drain(..=end).collect();
            if self.habits.one_line_a_segment {
                link.buffer.clear();
            }
            let line = String::from_utf8_lossy(&line).into_owned();
            self.line(ctx, id, &line);
        }
    }

    /// The link is over.
    pub fn ended(&mut self, ctx: &mut Context, link: LinkId) {
        self.close(ctx, link);
    }

    /// The rendezvous answered, or not.
    pub fn answered(&mut self, ctx: &mut Context, id: u64, exchange: &Exchange) {
        let discover = self.asked.remove(&id);
        let Outcome::Answered(Answer::Ok(success)) = &exchange.outcome else {
            return;
        };
        match discover {
            Some(false) => self.registered = Some(ctx.now),
            Some(true) => self.meet(ctx, &success.peers.records),
            None => {}
        }
    }

    /// Says something to somebody it is linked to.
    pub fn chat(&mut self, ctx: &mut Context) {
        let open: Vec<LinkId> = self
            .links
            .iter()
            .filter(|(_, link)| link.open)
            .map(|(id, _)| *id)
            .collect();
        if open.is_empty() {
            return;
        }
        let link = open[ctx.rng.usize(0..open.len())];
        let (line, is_send) = self.text_line(ctx, link);
        self.say(ctx, link, &line);
        if self.habits.repeats && is_send {
            for seconds in [5, 10] {
                let again = PlainWake::Say(link, line.clone());
                ctx.after(Duration::from_secs(seconds), Event::Plain(self.who, again));
            }
        }
    }

    /// Says BYE, with as little as some do, on every link. That the program ends then is up to the caller.
    pub fn say_bye(&mut self, ctx: &mut Context) {
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            self.say(ctx, link, &bytes(&json!({"type": "BYE"})));
        }
    }

    /// Goes without a word, in whatever way: the connections are closed by the system.
    pub fn quit(&mut self, ctx: &mut Context) {
        for link in self.links.keys().copied().collect::<Vec<_>>() {
            self.close(ctx, link);
        }
    }

    fn work(&mut self, ctx: &mut Context) {
        let is_old = |at: Option<Instant>, age| {
            at.is_none_or(|at| ctx.now.duration_since(at) >= Duration::from_secs(age))
        };
        let (register, discover) = (is_old(self.registered, 120), is_old(self.discovered, 30));
        if register {
            let request = Request::Register {
                namespace: self.id.namespace().into(),
                name: self.id.name().into(),
                port: self.address.port(),
                ttl: 3600,
            };
            self.ask(ctx, &request, false);
        } else if discover && self.habits.dials {
            self.discovered = Some(ctx.now);
            self.ask(ctx, &Request::Discover { namespace: None }, true);
        }
        let (now, impatient) = (ctx.now, self.habits.impatient);
        let silent = |link: &Link| now.duration_since(link.heard) >= Duration::from_secs(60);
        let over: Vec<LinkId> = self
            .links
            .iter()
            .filter(|(_, link)| impatient && silent(link))
            .map(|(id, _)| *id)
            .collect();
        over.into_iter().for_each(|link| self.close(ctx, link));
        ctx.after(WORK, Event::Plain(self.who, PlainWake::Work));
    }

    fn ask(&mut self, ctx: &mut Context, request: &Request, discover: bool) {
        self.last += 1;
        self.asked.insert(self.last, discover);
        let wait = ctx.delay();
        let request = Event::Request {
            from: self.who,
            id: self.last,
            line: request.to_line(),
        };
        ctx.after(wait, request);
    }

    fn meet(&mut self, ctx: &mut Context, records: &[Record]) {
        for record in records {
            let linked = self
                .links
                .values()
                .any(|link| link.peer.as_ref() == Some(&record.peer));
            if record.peer != self.id && !linked {
                self.last += 1;
                let link = LinkId(self.last);
                let conn = ctx.connect(self.who, link, self.address, record.address);
                self.last -= 1;
                self.add(ctx, (conn, 0), Some(record.peer.clone()));
            }
        }
    }

    fn add(&mut self, ctx: &mut Context, conn: (ConnId, Side), peer: Option<PeerId>) -> LinkId {
        self.last += 1;
        if self.habits.one_line_a_segment {
            ctx.keep_intact(conn.0);
        }
        let link = Link {
            conn,
            peer,
            open: false,
            buffer: Vec::new(),
            heard: ctx.now,
        };
        self.links.insert(LinkId(self.last), link);
        LinkId(self.last)
    }

    fn line(&mut self, ctx: &mut Context, id: LinkId, line: &str) {
        match Line::parse(line) {
            Ok(Line::Hello { peer_id, .. }) => self.greeted(ctx, id, &peer_id),
            Ok(Line::HelloOk { .. }) => self.open(id),
            Ok(Line::Ping { msg_id }) if self.habits.answers_ping => {
                let pong = json!({"type": "PONG", "msg_id": msg_id, "timestamp": 1_729_999_999.25, "ttl": 1});
                self.say(ctx, id, &bytes(&pong));
            }
            Ok(Line::Send { msg_id, .. }) => self.acknowledge(ctx, id, &msg_id),
            Ok(Line::Pub { .. }) if self.habits.drops_on_pub => self.close(ctx, id),
            Ok(Line::Bye { msg_id, .. }) if self.habits.answers_bye => {
                let bye_ok = json!({"type": "BYE_OK", "msg_id": msg_id});
                self.say(ctx, id, &bytes(&bye_ok));
                self.close(ctx, id);
            }
            _ => {}
        }
    }

    fn greeted(&mut self, ctx: &mut Context, id: LinkId, peer: &str) {
        let Ok(peer) = PeerId::parse(peer) else {
            return self.close(ctx, id);
        };
        let other = |(other, link): (&LinkId, &Link)| {
            (*other != id && link.open && link.peer.as_ref() == Some(&peer)).then_some(*other)
        };
        let others: Vec<LinkId> = self.links.iter().filter_map(other).collect();
        match self.habits.second {
            Second::Close if !others.is_empty() => return self.close(ctx, id),
            Second::Reject if !others.is_empty() => {
                self.say(ctx, id, &self.hello("HELLO_OK", &self.id.clone()));
                self.say(
                    ctx,
                    id,
                    &bytes(&json!({"type": "HELLO_REJECT", "reason": "duplicate"})),
                );
                return self.close(ctx, id);
            }
            Second::CloseOld => others.into_iter().for_each(|other| self.close(ctx, other)),
            _ => {}
        }
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        link.peer = Some(peer.clone());
        link.open = true;
        let named = if self.habits.mirrors { &peer } else { &self.id };
        let hello_ok = self.hello("HELLO_OK", named);
        match self.habits.hello_ok_after {
            Some(0) => self.say(ctx, id, &hello_ok),
            Some(wait) => {
                let say = Event::Plain(self.who, PlainWake::Say(id, hello_ok));
                ctx.after(Duration::from_millis(wait), say);
            }
            None => {}
        }
    }

    fn open(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.open = true;
        }
    }

    fn acknowledge(&mut self, ctx: &mut Context, id: LinkId, msg_id: &str) {
        let mut ack = bytes(&json!({"type": "ACK", "msg_id": msg_id}));
        if self.habits.acks_twice {
            ack.extend_from_within(..);
        }
        match self.habits.acks {
            Acks::AtOnce => self.say(ctx, id, &ack),
            Acks::After(wait) => {
                let say = Event::Plain(self.who, PlainWake::Say(id, ack));
                ctx.after(Duration::from_millis(wait), say);
            }
            Acks::Never => {}
        }
    }

    /// A SEND or a PUB, and whether it is a SEND.
    fn text_line(&mut self, ctx: &mut Context, link: LinkId) -> (Vec<u8>, bool) {
        let seconds = ctx.now.duration_since(ctx.start).as_secs();
        let msg_id = match self.habits.counts_seconds {
            true => format!("msg-{seconds}"),
            false => Uuid::from_u128(ctx.rng.u128(..)).to_string(),
        };
        let payload = format!("{} says {}", self.id, ctx.rng.u64(..));
        ctx.note_text(&self.id, &msg_id, &payload);
        let peer = self.links.get(&link).and_then(|link| link.peer.clone());
        let dst = peer.as_ref().map_or("?", PeerId::as_str);
        let line = match ctx.one_in(2) {
            true => {
                json!({"type": "SEND", "msg_id": msg_id, "src": self.id.as_str(), "dst": dst, "payload": payload, "require_ack": null})
            }
            false => {
                json!({"type": "PUB", "msg_id": msg_id, "src": self.id.as_str(), "dst": "X", "payload": payload})
            }
        };
        (bytes(&line), line["type"] == "SEND")
    }

    fn hello(&self, kind: &str, named: &PeerId) -> Vec<u8> {
        let features: &[&str] = if self.habits.announces_acks {
            &["ack", "metrics"]
        } else {
            &[]
        };
        bytes(&json!({"type": kind, "peer_id": named.as_str(), "version": 1, "features": features}))
    }

    fn say(&mut self, ctx: &mut Context, id: LinkId, line: &[u8]) {
        if let Some(link) = self.links.get(&id) {
            let conn = link.conn;
            if ctx.write(conn.0, conn.1, line) < line.len() {
                self.close(ctx, id);
            }
        }
    }

    fn close(&mut self, ctx: &mut Context, id: LinkId) {
        if let Some(link) = self.links.remove(&id) {
            ctx.close(link.conn.0, link.conn.1);
        }
    }
}

fn bytes(line: &serde_json::Value) -> Vec<u8> {
    let mut bytes = line.to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}

//! Connections as TCP gives them: in order, delayed, cut into segments wherever it pleases, with room for so many bytes,
//! ended by FIN, RST or not at all. Knows no protocol.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    time::{Duration, Instant},
};

use papo::proto::link::LinkId;

use crate::context::{Context, Event, Who};

/// One connection in this world; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConnId(pub u64);

/// 0 dialled, 1 accepted.
pub type Side = usize;

/// What travels.
#[derive(Debug)]
pub enum Segment {
    /// Bytes.
    Data(Vec<u8>),
    /// Nothing more comes.
    Fin,
    /// It broke.
    Reset,
}

/// One end of a connection.
#[derive(Debug, Clone)]
pub struct End {
    /// Whose it is.
    pub who: Who,
    /// Its owner's number for it.
    pub link: LinkId,
    /// Its address, as the other end sees it.
    pub address: SocketAddr,
    /// Whether its owner holds it.
    pub open: bool,
}

struct Pipe {
    segments: VecDeque<Segment>,
    last: Instant,
    bytes: usize,
    writer_waits: bool,
    fin: bool,
}

/// A connection, or the attempt to make one.
pub struct Conn {
    /// Who dialled, and who accepted once somebody has.
    pub ends: [Option<End>; 2],
    /// Where it was dialled to.
    pub to: SocketAddr,
    /// Nothing passes any more, and nobody is told.
    pub dead: bool,
    /// Segments arrive as they were written: for clients that a merged segment breaks.
    intact: bool,
    pipes: [Pipe; 2],
}

/// All connections.
pub struct Network {
    conns: BTreeMap<ConnId, Conn>,
    last: u64,
    port: u16,
    delay: (u64, u64),
    capacity: usize,
}

impl Network {
    /// With so many milliseconds on each way, and room for so many bytes in each direction of a connection.
    pub fn new(delay: (u64, u64), capacity: usize) -> Self {
        Self {
            conns: BTreeMap::new(),
            last: 0,
            port: 40_000,
            delay,
            capacity,
        }
    }

    /// One connection.
    pub fn get(&self, conn: ConnId) -> Option<&Conn> {
        self.conns.get(&conn)
    }

    /// All connections.
    pub fn ids(&self) -> Vec<ConnId> {
        self.conns.keys().copied().collect()
    }

    /// Whether both ends are held and reach each other.
    pub fn is_alive(&self, conn: ConnId) -> bool {
        let held = |end: &Option<End>| end.as_ref().is_some_and(|end| end.open);
        let conn = self.conns.get(&conn);
        conn.is_some_and(|conn| !conn.dead && conn.ends.iter().all(held))
    }

    /// The end of this side.
    pub fn end(&self, conn: ConnId, side: Side) -> Option<&End> {
        self.conns.get(&conn)?.ends[side].as_ref()
    }
}

impl Context {
    /// The time one segment travels.
    pub fn delay(&mut self) -> Duration {
        let (least, most) = self.net.delay;
        self.millis(least..=most)
    }

    /// Sends a connection request.
    pub fn connect(&mut self, who: Who, link: LinkId, from: SocketAddr, to: SocketAddr) -> ConnId {
        let net = &mut self.net;
        net.last += 1;
        net.port = net.port.checked_add(1).unwrap_or(40_000);
        let id = ConnId(net.last);
        let address = SocketAddr::new(from.ip(), net.port);
        let dialler = End {
            who,
            link,
            address,
            open: true,
        };
        let pipe = || Pipe {
            segments: VecDeque::new(),
            last: self.now,
            bytes: 0,
            writer_waits: false,
            fin: false,
        };
        let conn = Conn {
            ends: [Some(dialler), None],
            to,
            dead: false,
            intact: false,
            pipes: [pipe(), pipe()],
        };
        net.conns.insert(id, conn);
        let wait = self.delay();
        self.after(wait, Event::Syn(id));
        id
    }

    /// Somebody accepted the connection; `intact` if segments must not be cut or merged.
    pub fn accepted(&mut self, conn: ConnId, end: End) {
        if let Some(conn) = self.net.conns.get_mut(&conn) {
            conn.ends[1] = Some(end);
        }
        let wait = self.delay();
        self.after(wait, Event::SynAnswer(conn, true));
    }

    /// From now on segments arrive as they were written.
    pub fn keep_intact(&mut self, conn: ConnId) {
        if let Some(conn) = self.net.conns.get_mut(&conn) {
            conn.intact = true;
        }
    }

    /// Writes as much as there is room for; tells how much that was.
    pub fn write(&mut self, id: ConnId, side: Side, bytes: &[u8]) -> usize {
        let capacity = self.net.capacity;
        let Some(conn) = self.net.conns.get_mut(&id) else {
            return bytes.len();
        };
        let pipe = &mut conn.pipes[1 - side];
        let room = capacity.saturating_sub(pipe.bytes).min(bytes.len());
        pipe.writer_waits = room < bytes.len();
        pipe.bytes += room;
        let intact = conn.intact;
        let mut rest = &bytes[..room];
        while !rest.is_empty() {
            let whole = intact || self.rng.u8(0..3) > 0;
            let length = if whole {
                rest.len()
            } else {
                self.rng.usize(1..=rest.len())
            };
            let (piece, behind) = rest.split_at(length);
            self.send(id, 1 - side, Segment::Data(piece.to_vec()), !intact);
            rest = behind;
        }
        room
    }

    /// Ends one direction.
    pub fn shut_down(&mut self, id: ConnId, side: Side) {
        let Some(conn) = self.net.conns.get_mut(&id) else {
            return;
        };
        if !std::mem::replace(&mut conn.pipes[1 - side].fin, true) {
            self.send(id, 1 - side, Segment::Fin, false);
        }
    }

    /// This side lets go of the connection. What it has not read breaks it for the other.
    pub fn close(&mut self, id: ConnId, side: Side) {
        let Some(conn) = self.net.conns.get_mut(&id) else {
            return;
        };
        let unread = !conn.pipes[side].segments.is_empty();
        let was_open = |end: &mut End| std::mem::replace(&mut end.open, false);
        if !conn.ends[side].as_mut().is_some_and(was_open) {
            return;
        }
        conn.pipes[side].segments.clear();
        if unread {
            self.send(id, 1 - side, Segment::Reset, false);
        } else {
            self.shut_down(id, side);
        }
        self.forget(id);
    }

    /// Both ends are told that it broke, or that it ended, or nobody is told anything.
    pub fn damage(&mut self, id: ConnId, how: Damage) {
        self.log(|| format!("network: {id:?} {how:?}"));
        let Some(conn) = self.net.conns.get_mut(&id) else {
            return;
        };
        if how == Damage::Silent {
            conn.dead = true;
            return;
        }
        for side in [0, 1] {
            if let Some(conn) = self.net.conns.get_mut(&id) {
                conn.pipes[side].segments.clear();
                conn.pipes[side].fin = true;
            }
            let last = if how == Damage::Reset {
                Segment::Reset
            } else {
                Segment::Fin
            };
            self.send(id, side, last, false);
        }
        if let Some(conn) = self.net.conns.get_mut(&id) {
            conn.dead = true;
        }
    }

    /// What arrives at this side now. `None`: nothing, or its owner is gone and the other side is told.
    pub fn arriving(&mut self, id: ConnId, side: Side) -> Option<Segment> {
        let conn = self.net.conns.get_mut(&id)?;
        let pipe = &mut conn.pipes[side];
        let segment = pipe.segments.pop_front()?;
        let is_open = conn.ends[side].as_ref().is_some_and(|end| end.open);
        if conn.dead && matches!(segment, Segment::Data(_)) {
            return None;
        }
        if let Segment::Data(bytes) = &segment {
            pipe.bytes -= bytes.len();
            if std::mem::take(&mut pipe.writer_waits) {
                self.after(Duration::ZERO, Event::Writable(id, 1 - side));
            }
        }
        if !is_open && matches!(segment, Segment::Data(_)) {
            self.send(id, 1 - side, Segment::Reset, false);
        }
        Some(segment).filter(|_| is_open)
    }

    /// A request was refused.
    pub fn drop_request(&mut self, conn: ConnId) {
        self.net.conns.remove(&conn);
    }

    /// A machine lost power: its ends are gone, and nobody is told.
    pub fn vanish(&mut self, host: usize) {
        for conn in self.net.conns.values_mut() {
            for end in conn.ends.iter_mut().flatten() {
                if end.who.host == host {
                    end.open = false;
                }
            }
        }
    }

    fn send(&mut self, id: ConnId, to: Side, segment: Segment, may_merge: bool) {
        let wait = self.delay();
        let merge = may_merge && self.one_in(4);
        let now = self.now;
        let Some(conn) = self.net.conns.get_mut(&id) else {
            return;
        };
        let pipe = &mut conn.pipes[to];
        if conn.dead && matches!(segment, Segment::Data(_)) {
            return pipe.segments.push_back(segment);
        }
        if merge
            && let (Some(Segment::Data(last)), Segment::Data(bytes)) =
                (pipe.segments.back_mut(), &segment)
        {
            return last.extend_from_slice(bytes);
        }
        pipe.last = pipe.last.max(now + wait);
        pipe.segments.push_back(segment);
        let at = pipe.last;
        self.at(at, Event::Arrive(id, to));
    }

    fn forget(&mut self, id: ConnId) {
        let held = |end: &Option<End>| end.as_ref().is_some_and(|end| end.open);
        let conn = self.net.conns.get(&id);
        let over = conn.is_some_and(|conn| !conn.ends.iter().any(held) && conn.ends[1].is_some());
        if over {
            self.net.conns.remove(&id);
        }
    }
}

/// What can happen to a connection on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// Something on the way ends both directions.
    Fin,
    /// Something on the way resets it.
    Reset,
    /// Something on the way forgets it.
    Silent,
}

//! How connections are made and what arrives on them, at machines that may be paused, dark or cut off.

use std::{net::SocketAddr, time::Duration};

use papo::proto::link::LinkId;

use super::{Machine, Program, World};
use crate::{
    context::{Event, Who},
    network::{ConnId, End, Segment, Side},
};

impl World {
    pub(super) fn syn(&mut self, conn: ConnId) {
        let Some((to, from)) = self.ctx.net.get(conn).map(|it| (it.to, it.ends[0].clone())) else {
            return;
        };
        let Some(from) = from else { return };
        let listens = |machine: &Machine| SocketAddr::new(machine.ip, machine.port) == to;
        let Some(host) = self.machines.iter().position(listens) else {
            return self.refuse(conn);
        };
        let machine = &self.machines[host];
        if self.ctx.is_cut(from.who.host, host) || machine.dark {
            return; // nobody answers
        }
        if machine.paused_until > self.ctx.now {
            return self.ctx.at(machine.paused_until, Event::Syn(conn));
        }
        let who = Who {
            host,
            generation: machine.generation,
        };
        let ctx = &mut self.ctx;
        let link = match &mut self.machines[host].program {
            None => return self.refuse(conn),
            Some(Program::Plain(plain)) => plain.accept(ctx, conn),
            Some(Program::Papo(node)) => match node.accept(ctx, conn, from.address) {
                Some(link) => link,
                None => {
                    // Accepted by the system, closed by the node.
                    let end = End {
                        who,
                        link: LinkId(0),
                        address: to,
                        open: true,
                    };
                    ctx.accepted(conn, end);
                    return ctx.close(conn, 1);
                }
            },
        };
        ctx.accepted(
            conn,
            End {
                who,
                link,
                address: to,
                open: true,
            },
        );
    }

    fn refuse(&mut self, conn: ConnId) {
        let wait = self.ctx.delay();
        self.ctx.after(wait, Event::SynAnswer(conn, false));
    }

    pub(super) fn syn_answer(&mut self, conn: ConnId, connected: bool) {
        let Some(end) = self.ctx.net.end(conn, 0).cloned() else {
            return;
        };
        let Some(machine) = self.awake(end.who) else {
            return;
        };
        if machine.paused_until > self.ctx.now {
            return self
                .ctx
                .at(machine.paused_until, Event::SynAnswer(conn, connected));
        }
        if !connected {
            self.ctx.drop_request(conn);
        }
        if !end.open {
            return;
        }
        let ctx = &mut self.ctx;
        match &mut self.machines[end.who.host].program {
            Some(Program::Papo(node)) => node.dialled(ctx, end.link, connected),
            Some(Program::Plain(plain)) => plain.dialled(ctx, end.link, connected),
            None => {}
        }
        self.look_at(end.who.host);
    }

    pub(super) fn arrive(&mut self, conn: ConnId, side: Side) {
        let ends = self.ctx.net.get(conn).map(|it| it.ends.clone());
        let Some([Some(dialler), Some(acceptor)]) = ends else {
            return;
        };
        if self.ctx.is_cut(dialler.who.host, acceptor.who.host) {
            // TCP tries again and again.
            let wait = self.ctx.millis(200..=1_000);
            return self.ctx.after(wait, Event::Arrive(conn, side));
        }
        let end = [dialler, acceptor][side].clone();
        let machine = &self.machines[end.who.host];
        if machine.paused_until > self.ctx.now {
            return self.ctx.at(machine.paused_until, Event::Arrive(conn, side));
        }
        if machine.dark {
            return;
        }
        match &self.machines[end.who.host].program {
            Some(Program::Papo(node)) if end.open && !node.has_room_to_read(end.link) => {
                let wait = Duration::from_millis(20);
                return self.ctx.after(wait, Event::Arrive(conn, side));
            }
            Some(Program::Plain(plain)) if end.open && !plain.reads(end.link) => return,
            _ => {}
        }
        if let Some(segment) = self.ctx.arriving(conn, side) {
            self.deliver(&end, segment);
        }
    }

    fn deliver(&mut self, end: &End, segment: Segment) {
        let (ctx, link) = (&mut self.ctx, end.link);
        match (&mut self.machines[end.who.host].program, segment) {
            (Some(Program::Papo(node)), Segment::Data(bytes)) => {
                node.chunk_received(ctx, link, &bytes)
            }
            (Some(Program::Papo(node)), Segment::Fin) => node.stream_ended(ctx, link, None),
            (Some(Program::Papo(node)), Segment::Reset) => {
                node.stream_ended(ctx, link, Some("connection reset by peer".into()))
            }
            (Some(Program::Plain(plain)), Segment::Data(bytes)) => plain.chunk(ctx, link, &bytes),
            (Some(Program::Plain(plain)), _) => plain.ended(ctx, link),
            (None, _) => {}
        }
        self.look_at(end.who.host);
    }

    pub(super) fn writable(&mut self, conn: ConnId, side: Side) {
        let Some(end) = self.ctx.net.end(conn, side).cloned() else {
            return;
        };
        if self.awake(end.who).is_some()
            && let Some(Program::Papo(node)) = &mut self.machines[end.who.host].program
        {
            node.write_on(&mut self.ctx, end.link);
        }
    }
}

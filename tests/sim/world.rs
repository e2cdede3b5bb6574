//! The world: machines with programs on them, one rendezvous, a network, and what goes wrong. One event after another,
//! and after each the invariants.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant, SystemTime},
};

use papo::{
    proto::registration::{Exchange, Input},
    wire::{destination::Destination, identity::PeerId},
};

use crate::{
    context::{Context, Event, Trace, Who},
    glue::Node,
    network::{ConnId, Damage, End, Network, Segment, Side},
    oracle::Oracle,
    plain::{Habits, Plain},
    rendezvous::{Health, Server},
    scenario::{Scenario, rendezvous_address},
};

/// What goes wrong, and what puts an end to it.
#[derive(Debug, Clone)]
pub enum Fault {
    /// These machines reach one another again.
    Heal(Vec<(usize, usize)>),
    /// The rendezvous answers again.
    Recover,
    /// A program is started on a machine without one.
    Start(usize),
}

/// What runs on a machine.
enum Program {
    Papo(Box<Node>),
    Plain(Box<Plain>),
}

struct Machine {
    name: PeerId,
    ip: IpAddr,
    habits: Option<Habits>,
    program: Option<Program>,
    generation: u32,
    /// It lost power: nothing answers, not even its system.
    dark: bool,
    paused_until: Instant,
    /// By how much its wall clock was set forward, in seconds.
    wall: u64,
    leftover: Option<SocketAddr>,
    port: u16,
}

/// The world.
pub struct World {
    pub ctx: Context,
    pub scenario: Scenario,
    machines: Vec<Machine>,
    server: Server,
    storm: bool,
    /// Programs that are to be started.
    coming: usize,
    said: u64,
}

impl World {
    /// The world of a seed, before anything happened.
    pub fn of(seed: u64, trace: Trace) -> Self {
        let scenario = Scenario::of(seed);
        let names = scenario
            .machines
            .iter()
            .map(|(name, _, habits)| (name.clone(), habits.is_none()));
        let net = Network::new(scenario.delay, scenario.capacity);
        let ctx = Context::new(seed, net, Oracle::new(names.collect()), trace);
        let machine = |(name, ip, habits): &(PeerId, IpAddr, Option<Habits>)| Machine {
            name: name.clone(),
            ip: *ip,
            habits: habits.clone(),
            program: None,
            generation: 0,
            dark: false,
            paused_until: ctx.now,
            wall: 0,
            leftover: None,
            port: 4000,
        };
        let machines = scenario.machines.iter().map(machine).collect();
        let mut world = Self {
            machines,
            ctx,
            scenario,
            server: Server::new(),
            storm: true,
            coming: 0,
            said: 0,
        };
        for host in 0..world.machines.len() {
            let wait = world.ctx.millis(0..=5_000);
            world.start_after(wait, host);
        }
        world.ctx.after(Duration::from_secs(1), Event::Traffic);
        world.ctx.after(Duration::from_secs(1), Event::Damage);
        world
    }

    /// Lets time pass; false if something happened that must not.
    pub fn run_for(&mut self, time: Duration) -> bool {
        let until = self.ctx.now + time;
        while let Some(event) = self.ctx.next(until) {
            self.dispatch(event);
            if self.ctx.oracle.violation.is_some() {
                return false;
            }
        }
        true
    }

    /// All damage ends.
    pub fn calm(&mut self) {
        self.ctx.log(|| "---- calm ----".into());
        self.storm = false;
        self.server.health = Health::Up;
        self.ctx.cut.clear();
    }

    /// Whether a program is still to come or about to go.
    pub fn is_changing(&self) -> bool {
        self.coming > 0 || self.nodes().any(Node::is_leaving)
    }

    /// The nodes that run.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.machines
            .iter()
            .filter_map(|machine| match &machine.program {
                Some(Program::Papo(node)) => Some(&**node),
                _ => None,
            })
    }

    /// The plain clients that run and that a node can be expected to get along with.
    pub fn good_clients(&self) -> impl Iterator<Item = &Plain> {
        self.machines
            .iter()
            .filter_map(|machine| match &machine.program {
                Some(Program::Plain(plain)) if plain.habits.are_good() => Some(&**plain),
                _ => None,
            })
    }

    /// Writes the state of all links into the trace.
    pub fn describe(&self) {
        for node in self.nodes() {
            for (id, link) in &node.links {
                let alive = self.ctx.net.is_alive(link.conn.0);
                self.ctx
                    .log(|| format!("{} {id} alive {alive} {link:?}", node.id));
            }
            for (peer, queue) in &node.queues {
                self.ctx
                    .log(|| format!("{} owes {peer} {queue:?}", node.id));
            }
        }
    }

    /// Does something with the node of a machine, if one runs there.
    pub fn with_node<R>(
        &mut self,
        host: usize,
        act: impl FnOnce(&mut Node, &mut Context) -> R,
    ) -> Option<R> {
        match &mut self.machines[host].program {
            Some(Program::Papo(node)) => Some(act(node, &mut self.ctx)),
            _ => None,
        }
    }

    fn dispatch(&mut self, event: Event) {
        match event {
            Event::Syn(conn) => self.syn(conn),
            Event::SynAnswer(conn, connected) => self.syn_answer(conn, connected),
            Event::Arrive(conn, side) => self.arrive(conn, side),
            Event::Writable(conn, side) => self.writable(conn, side),
            Event::Request { from, id, line } => self.request(from, id, &line),
            Event::Traffic => self.traffic(),
            Event::Damage => self.damage(),
            Event::Fault(fault) => self.fault(fault),
            Event::Node(who, _)
            | Event::Plain(who, _)
            | Event::Answer { to: who, .. }
            | Event::Probed { to: who, .. } => {
                self.for_program(who, event);
            }
        }
    }

    /// What concerns one run of a program, when that is awake.
    fn for_program(&mut self, who: Who, event: Event) {
        let taken = match &event {
            Event::Probed { to, addresses, .. } => addresses
                .iter()
                .copied()
                .find(|at| self.answers_as(*to, *at)),
            _ => None,
        };
        let Some(machine) = self.awake(who) else {
            return;
        };
        if machine.paused_until > self.ctx.now {
            return self.ctx.at(machine.paused_until, event);
        }
        let wall = wall_clock(&self.ctx, machine.wall);
        let ctx = &mut self.ctx;
        match (&mut self.machines[who.host].program, event) {
            (Some(Program::Papo(node)), Event::Node(_, wake)) => node.wake(ctx, wake, wall),
            (Some(Program::Papo(node)), Event::Answer { id, exchange, .. }) => {
                node.feed(ctx, Input::Answered { id, exchange })
            }
            (Some(Program::Papo(node)), Event::Probed { id, .. }) => {
                node.feed(ctx, Input::Probed { id, taken })
            }
            (Some(Program::Plain(plain)), Event::Plain(_, wake)) => plain.wake(ctx, wake),
            (Some(Program::Plain(plain)), Event::Answer { id, exchange, .. }) => {
                plain.answered(ctx, id, &exchange)
            }
            _ => {}
        }
        self.look_at(who.host);
    }

    /// The invariants of one node, and whether it has come to its end.
    fn look_at(&mut self, host: usize) {
        let Some(Program::Papo(node)) = &self.machines[host].program else {
            return;
        };
        node.check_bounds(&mut self.ctx);
        if node.ended && node.links.is_empty() {
            self.machines[host].leftover = node.leftover;
            self.stop(host);
        }
    }

    fn awake(&self, who: Who) -> Option<&Machine> {
        let machine = &self.machines[who.host];
        (machine.generation == who.generation && machine.program.is_some()).then_some(machine)
    }

    fn answers_as(&self, who: Who, at: SocketAddr) -> bool {
        let name = &self.machines[who.host].name;
        let other = |(host, machine): (usize, &Machine)| {
            host != who.host
                && machine.name == *name
                && machine.program.is_some()
                && SocketAddr::new(machine.ip, machine.port) == at
        };
        self.machines.iter().enumerate().any(other)
    }

    // ---- connections ----------------------------------------------------------------------------------------------

    fn syn(&mut self, conn: ConnId) {
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
                        link: papo::proto::link::LinkId(0),
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

    fn syn_answer(&mut self, conn: ConnId, connected: bool) {
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

    fn arrive(&mut self, conn: ConnId, side: Side) {
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

    fn writable(&mut self, conn: ConnId, side: Side) {
        let Some(end) = self.ctx.net.end(conn, side).cloned() else {
            return;
        };
        if self.awake(end.who).is_some()
            && let Some(Program::Papo(node)) = &mut self.machines[end.who.host].program
        {
            node.write_on(&mut self.ctx, end.link);
        }
    }

    // ---- the rendezvous -------------------------------------------------------------------------------------------

    fn request(&mut self, from: Who, id: u64, line: &[u8]) {
        let ctx = &mut self.ctx;
        if ctx.is_cut(from.host, self.machines.len()) {
            return;
        }
        let (ip, up) = (
            self.machines[from.host].ip,
            ctx.now.duration_since(ctx.start),
        );
        if let Some(outcome) = self.server.ask(ctx.now, up, ip, line) {
            let server = Some(rendezvous_address());
            let wait = ctx.delay();
            let exchange = Exchange { server, outcome };
            ctx.after(
                wait,
                Event::Answer {
                    to: from,
                    id,
                    exchange,
                },
            );
        }
    }

    // ---- programs -------------------------------------------------------------------------------------------------

    fn start(&mut self, host: usize) {
        let machine = &mut self.machines[host];
        if machine.program.is_some() {
            return;
        }
        machine.generation += 1;
        machine.dark = false;
        machine.port = if machine.habits.is_some() || self.ctx.rng.bool() {
            machine.port
        } else {
            4000 + self.ctx.rng.u16(0..1000)
        };
        // Behind one address no two listen on the same port.
        machine.port = 1000 * (machine.port / 1000)
            + machine.port % 100
            + 100 * u16::try_from(host).unwrap_or(0);
        let (who, id) = (
            Who {
                host,
                generation: machine.generation,
            },
            machine.name.clone(),
        );
        let address = SocketAddr::new(machine.ip, machine.port);
        self.ctx
            .log(|| format!("{who:?} is {id} and starts at {address}"));
        let ctx = &mut self.ctx;
        ctx.note_reason(None, Some(&id));
        let program = match machine.habits.clone() {
            Some(habits) => Program::Plain(Box::new(Plain::start(ctx, who, id, address, habits))),
            None => {
                let wall = wall_clock(ctx, machine.wall);
                let leftover = machine.leftover.filter(|_| ctx.rng.bool());
                let limits = self.scenario.limits.clone();
                Program::Papo(Box::new(Node::start(
                    ctx, who, id, address, limits, wall, leftover,
                )))
            }
        };
        self.machines[host].program = Some(program);
    }

    /// The process is gone; its system closes the connections.
    fn stop(&mut self, host: usize) {
        let machine = &mut self.machines[host];
        let ctx = &mut self.ctx;
        match machine.program.take() {
            Some(Program::Papo(node)) => {
                machine.leftover = node.leftover;
                node.unshown().for_each(|msg_id| ctx.note_killed(msg_id));
                ctx.note_end_of_run(node.who);
                for link in node.links.values() {
                    ctx.close(link.conn.0, link.conn.1);
                }
            }
            Some(Program::Plain(mut plain)) => plain.quit(ctx),
            None => {}
        }
        ctx.log(|| format!("the program on {host} is gone"));
    }

    fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::Heal(pairs) => pairs.iter().for_each(|pair| {
                self.ctx.cut.remove(pair);
            }),
            Fault::Recover => self.server.health = Health::Up,
            Fault::Start(host) => {
                self.coming -= 1;
                self.start(host);
            }
        }
    }

    // ---- what people and chance do --------------------------------------------------------------------------------

    fn traffic(&mut self) {
        if !self.storm {
            return;
        }
        let host = self.ctx.rng.usize(0..self.machines.len());
        let times = if self.ctx.one_in(10) { 20 } else { 1 };
        for _ in 0..times {
            self.talk(host);
        }
        let mean = self.scenario.traffic;
        let wait = self.ctx.millis(0..=2 * mean);
        self.ctx.after(wait, Event::Traffic);
    }

    fn talk(&mut self, host: usize) {
        if self.machines[host].paused_until > self.ctx.now {
            return;
        }
        let to = self.ctx.rng.usize(0..self.machines.len());
        let to = self.machines[to].name.clone();
        let length = if self.ctx.one_in(20) {
            20_000
        } else {
            self.ctx.rng.usize(0..100)
        };
        let text = self.text(length);
        let wait = [
            None,
            Some(self.scenario.limits.peer_wait),
            Some(Duration::from_secs(2)),
        ][self.ctx.rng.usize(0..3)];
        let ctx = &mut self.ctx;
        match &mut self.machines[host].program {
            Some(Program::Papo(node)) if ctx.one_in(3) => {
                let to = if ctx.one_in(3) {
                    Destination::Namespace("Y".into())
                } else {
                    Destination::Everyone
                };
                node.publish(ctx, to, &text);
            }
            Some(Program::Papo(node)) if to != node.id => {
                node.send(ctx, &to, &text, wait);
            }
            Some(Program::Plain(plain)) => plain.chat(ctx),
            _ => {}
        }
    }

    /// A text that nobody has written yet.
    pub fn text(&mut self, length: usize) -> String {
        self.said += 1;
        format!("{} {}", self.said, "x".repeat(length))
    }

    fn damage(&mut self) {
        let mean = self.scenario.damage;
        if !self.storm || mean == 0 {
            return;
        }
        let host = self.ctx.rng.usize(0..self.machines.len());
        match self.ctx.rng.u8(0..21) {
            0..=6 => self.damage_a_link(),
            7 => self.pause(host),
            8 => self.isolate(host),
            9 => self.lose_power(host),
            10 => self.kill(host),
            11 => self.leave(host),
            12 => self.trouble_the_rendezvous(),
            13 => {
                let (up, keep) = (
                    self.ctx.now.duration_since(self.ctx.start),
                    self.ctx.rng.bool(),
                );
                self.server.restart(up, keep);
            }
            14 => {
                let (by, forward) = (
                    Duration::from_secs(self.ctx.rng.u64(1..8_000)),
                    self.ctx.rng.bool(),
                );
                self.server.set_clock(by, forward);
            }
            15 => self.machines[host].wall += self.ctx.rng.u64(1..8_000),
            16 => {
                self.with_node(host, |node, ctx| node.reconnect(ctx));
            }
            17 => self.call_by_address(host),
            18 => {
                self.with_node(host, |node, ctx| node.replace_router(ctx));
            }
            _ => self.panic_a_link(host),
        }
        let wait = self.ctx.millis(0..=2 * mean);
        self.ctx.after(wait, Event::Damage);
    }

    fn damage_a_link(&mut self) {
        let conns = self.ctx.net.ids();
        if !conns.is_empty() {
            let conn = conns[self.ctx.rng.usize(0..conns.len())];
            let how = [Damage::Fin, Damage::Reset, Damage::Silent][self.ctx.rng.usize(0..3)];
            self.ctx.damage(conn, how);
        }
    }

    fn pause(&mut self, host: usize) {
        let most = *[1_000, 10_000, 100_000]
            .get(self.ctx.rng.usize(0..3))
            .unwrap_or(&0);
        let time = self.ctx.millis(0..=most);
        self.ctx.log(|| format!("{host} is paused for {time:?}"));
        // What is put off cannot be called back: no pause outlasts the storm.
        let storm_ends = self.ctx.start + self.scenario.storm;
        self.machines[host].paused_until = storm_ends.min(self.ctx.now + time);
    }

    fn isolate(&mut self, host: usize) {
        // The last one is the rendezvous.
        let others = self.machines.len() + 1;
        let pairs: Vec<(usize, usize)> = (0..others)
            .filter(|other| *other != host && self.ctx.rng.bool())
            .map(|other| (host.min(other), host.max(other)))
            .collect();
        self.ctx.log(|| format!("nothing passes between {pairs:?}"));
        self.ctx.cut.extend(pairs.iter().copied());
        let time = self.ctx.millis(500..=120_000);
        self.ctx.after(time, Event::Fault(Fault::Heal(pairs)));
    }

    fn lose_power(&mut self, host: usize) {
        self.ctx.log(|| format!("{host} loses power"));
        self.ctx.vanish(host);
        self.machines[host].dark = true;
        self.stop(host);
        self.start_again(host);
    }

    fn kill(&mut self, host: usize) {
        self.stop(host);
        self.start_again(host);
    }

    fn start_again(&mut self, host: usize) {
        let wait = self.ctx.millis(0..=60_000);
        if !self.ctx.one_in(4) {
            self.start_after(wait, host);
        }
    }

    fn start_after(&mut self, wait: Duration, host: usize) {
        self.coming += 1;
        self.ctx.after(wait, Event::Fault(Fault::Start(host)));
    }

    fn leave(&mut self, host: usize) {
        self.with_node(host, |node, ctx| node.leave(ctx));
        self.start_again(host);
    }

    fn trouble_the_rendezvous(&mut self) {
        let sick = [
            Health::Refuses,
            Health::Silent,
            Health::Closes,
            Health::Nonsense,
        ];
        self.server.health = sick[self.ctx.rng.usize(0..sick.len())];
        self.ctx
            .log(|| format!("the rendezvous is {:?}", self.server.health));
        let time = self.ctx.millis(500..=120_000);
        self.ctx.after(time, Event::Fault(Fault::Recover));
    }

    fn call_by_address(&mut self, host: usize) {
        let to = self.ctx.rng.usize(0..self.machines.len());
        let address = SocketAddr::new(self.machines[to].ip, self.machines[to].port);
        let lasting = self.ctx.rng.bool();
        if to != host {
            self.with_node(host, |node, ctx| node.join(ctx, address, lasting));
        }
    }

    fn panic_a_link(&mut self, host: usize) {
        self.with_node(host, |node, ctx| {
            let links: Vec<_> = node.links.keys().copied().collect();
            if !links.is_empty() {
                let link = links[ctx.rng.usize(0..links.len())];
                node.panic(ctx, link);
            }
        });
    }
}

fn wall_clock(ctx: &Context, set_by: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH
        + Duration::from_secs(1_790_000_000 + set_by)
        + ctx.now.duration_since(ctx.start)
}

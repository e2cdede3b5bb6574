//! The world: machines with programs on them, one rendezvous, a network, and what goes wrong. One event after another,
//! and after each the invariants.

mod chance;
mod connections;
mod programs;

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant, SystemTime},
};

use papo::{proto::registration::Input, wire::identity::PeerId};

use crate::{
    context::{Context, Event, Trace, Who},
    glue::Node,
    network::Network,
    oracle::Oracle,
    plain::{Habits, Plain},
    rendezvous::{Health, Server},
    scenario::Scenario,
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
            self.check_bounds();
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

    fn check_bounds(&mut self) {
        let others = self.machines.len() - 1;
        for machine in &self.machines {
            if let Some(Program::Papo(node)) = &machine.program {
                node.check_bounds(&mut self.ctx, others);
            }
        }
    }

    /// Whether a node has come to its end.
    fn look_at(&mut self, host: usize) {
        let Some(Program::Papo(node)) = &self.machines[host].program else {
            return;
        };
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
}

fn wall_clock(ctx: &Context, set_by: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH
        + Duration::from_secs(1_790_000_000 + set_by)
        + ctx.now.duration_since(ctx.start)
}

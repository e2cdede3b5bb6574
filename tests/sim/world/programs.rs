//! How programs start and stop, what undoes a damage, and what the rendezvous is asked.

use std::net::SocketAddr;

use papo::proto::registration::Exchange;

use super::{Fault, Program, World, wall_clock};
use crate::{
    context::{Event, Who},
    glue::Node,
    plain::Plain,
    rendezvous::Health,
    scenario::rendezvous_address,
};

impl World {
    pub(super) fn request(&mut self, from: Who, id: u64, line: &[u8]) {
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

    pub(super) fn start(&mut self, host: usize) {
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
    pub(super) fn stop(&mut self, host: usize) {
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

    pub(super) fn fault(&mut self, fault: Fault) {
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
}

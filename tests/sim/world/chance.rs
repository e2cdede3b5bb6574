//! What people say, and what goes wrong, whenever chance will have it.

use std::{net::SocketAddr, time::Duration};

use papo::wire::destination::Destination;

use super::{Fault, Program, World};
use crate::{context::Event, network::Damage, rendezvous::Health};

impl World {
    pub(super) fn traffic(&mut self) {
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

    pub(super) fn damage(&mut self) {
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

    pub(super) fn start_after(&mut self, wait: Duration, host: usize) {
        self.coming += 1;
        self.ctx.after(wait, Event::Fault(Fault::Start(host)));
    }

    fn leave(&mut self, host: usize) {
        match &mut self.machines[host].program {
            Some(Program::Papo(node)) => node.leave(&mut self.ctx),
            Some(Program::Plain(plain)) => {
                plain.say_bye(&mut self.ctx);
                self.stop(host);
            }
            None => {}
        }
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

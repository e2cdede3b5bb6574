//! Mirrors `src/actors/rendezvous/apply.rs`.

use super::*;

impl Node {
    /// Gives the registration an input and does what it wants.
    pub fn feed(&mut self, ctx: &mut Context, input: Input) {
        let random = ctx.rng.f64();
        for output in self.registration.handle(ctx.now, input, random) {
            self.apply_registration(ctx, output);
        }
        let wake = self.registration.next_wake(ctx.now);
        if wake != self.registration_wake {
            self.registration_wake = wake;
            if let Some(at) = wake {
                ctx.at(at, Event::Node(self.who, Wake::Registration(at)));
            }
        }
    }

    pub(super) fn apply_registration(&mut self, ctx: &mut Context, output: registration::Output) {
        use registration::Output;
        match output {
            Output::Send {
                id,
                server,
                request,
                limit,
                ..
            } => {
                let exchange = registration::Exchange {
                    server,
                    outcome: registration::Outcome::TimedOut,
                };
                ctx.after(
                    limit,
                    Event::Answer {
                        to: self.who,
                        id,
                        exchange,
                    },
                );
                let wait = ctx.delay();
                let line = request.to_line();
                ctx.after(
                    wait,
                    Event::Request {
                        from: self.who,
                        id,
                        line,
                    },
                );
            }
            Output::ProbeOwnName { id, addresses } => {
                let wait = ctx.delay();
                ctx.after(
                    wait,
                    Event::Probed {
                        to: self.who,
                        id,
                        addresses,
                    },
                );
            }
            Output::Discovered(records) => self.post(ctx, Letter::Records(records)),
            Output::Remember { seen, .. } => self.leftover = seen,
            Output::NameTaken(_) => self.ended = true,
            Output::Left { clean } => {
                self.leftover = self.leftover.filter(|_| !clean);
                self.ended = true;
            }
            Output::Repeated(_) | Output::LeftOut(_) | Output::Registered { .. } => {}
            Output::Unreachable { reason, .. } => {
                ctx.log(|| format!("{:?}: rendezvous: {reason}", self.who))
            }
            Output::Blocked(wait) => {
                ctx.log(|| format!("{:?}: rendezvous: blocked for {wait:?}", self.who))
            }
            Output::Refused { message, .. } => {
                ctx.fail(|| format!("{:?} was refused: {message}", self.who))
            }
        }
    }
}

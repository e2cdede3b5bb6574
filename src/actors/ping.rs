//! PingActor: keeps all links alive with one timer, ends those that fell silent, and knows the round-trip times.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, binary_heap::PeekMut, hash_map},
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, AsyncContext, Context, Handler, Message, MessageResult};

use super::{
    clock,
    links::{CloseLink, LinkEnded, LinkOpened, Links},
};
use crate::{
    metrics::Metrics,
    proto::{
        close::CloseReason,
        keep_alive::{KeepAlive, KeepAliveLimits, Need},
        link::LinkId,
        rtt::Rtt,
    },
    wire::identity::PeerId,
};

/// A PONG came after this time.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct PongReceived {
    /// Over which link.
    pub link: LinkId,
    /// The round-trip time.
    pub rtt: Duration,
}

/// Asks for the round-trip times of all links.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "Vec<LinkRtt>")]
pub struct ReportRtts;

/// The round-trip times of one link.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkRtt {
    /// Which link.
    pub link: LinkId,
    /// To whom.
    pub peer: PeerId,
    /// What was measured.
    pub rtt: Rtt,
}

/// How often the links are looked over, at most; less often when the interval is long.
const TICK_MIN: Duration = Duration::from_millis(50);
const TICK_MAX: Duration = Duration::from_millis(500);

/// Keeps links alive.
pub struct PingActor {
    limits: KeepAliveLimits,
    links: Links,
    metrics: Arc<Metrics>,
    table: HashMap<LinkId, Box<Entry>>,
    /// When each link is to be looked at: most ticks have to do with few of many links. Of those that ended it forgets
    /// at that time, half a second after they opened or an interval later.
    due: BinaryHeap<Reverse<(Instant, LinkId)>>,
}

struct Entry {
    opened: LinkOpened,
    keep_alive: KeepAlive,
}

impl PingActor {
    /// Watches over the links that announce themselves, and those that are open already.
    pub fn new(limits: KeepAliveLimits, links: Links, metrics: Arc<Metrics>) -> Self {
        Self {
            limits,
            links,
            metrics,
            table: HashMap::new(),
            due: BinaryHeap::new(),
        }
    }

    fn add(&mut self, opened: LinkOpened) {
        let keep_alive = KeepAlive::new(self.limits, clock::now());
        let link = opened.link;
        if let hash_map::Entry::Vacant(place) = self.table.entry(link) {
            let due = keep_alive.due(opened.out.heard(clock::now()));
            place.insert(Box::new(Entry { opened, keep_alive }));
            self.due.push(Reverse((due, link)));
        }
    }

    fn tick(&mut self) {
        let now = clock::now();
        let mut sent = 0;
        for link in self.take_due(now) {
            // It may have ended meanwhile.
            let Some(entry) = self.table.get_mut(&link) else {
                continue;
            };
            let heard = entry.opened.out.heard(now);
            match entry.keep_alive.check(now, heard) {
                Need::Nothing => {}
                Need::Ping => {
                    sent += 1;
                    entry.opened.actor.ping();
                }
                Need::Close => entry.opened.actor.close(CloseLink {
                    reason: CloseReason::Silent(self.limits.silence_max()),
                    say_bye: false,
                }),
            }
            self.due.push(Reverse((entry.keep_alive.due(heard), link)));
        }
        if sent > 0 {
            self.metrics.pings_sent.add(sent);
            self.log(sent);
        }
    }

    fn take_due(&mut self, now: Instant) -> Vec<LinkId> {
        let mut links = Vec::new();
        while let Some(next) = self.due.peek_mut()
            && next.0.0 <= now
        {
            links.push(PeekMut::pop(next).0.1);
        }
        links
    }

    fn log(&self, sent: u64) {
        let plural = if sent == 1 { "PING" } else { "PINGs" };
        match self.average() {
            Some(average) => {
                let ms = average.as_secs_f64() * 1e3;
                tracing::info!("Sent {sent} {plural}, average RTT = {ms:.1} ms");
            }
            None => tracing::info!("Sent {sent} {plural}"),
        }
    }

    fn average(&self) -> Option<Duration> {
        let measured = self.table.values().map(|entry| entry.keep_alive.rtt);
        let last: Vec<Duration> = measured
            .filter(|rtt| rtt.count > 0)
            .map(|rtt| rtt.last)
            .collect();
        let count = u32::try_from(last.len()).ok()?;
        last.iter().sum::<Duration>().checked_div(count)
    }
}

impl Actor for PingActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        for opened in self.links.announce().0 {
            self.add(opened);
        }
        let tick = (self.limits.interval / 10).clamp(TICK_MIN, TICK_MAX);
        ctx.run_interval(tick, |actor, _| actor.tick());
    }
}

impl Handler<LinkOpened> for PingActor {
    type Result = ();

    fn handle(&mut self, opened: LinkOpened, _: &mut Self::Context) {
        // It may have ended while this message waited; its end may have been handled by an earlier incarnation.
        if self.links.is_open(opened.link) {
            self.add(opened);
        }
    }
}

impl Handler<LinkEnded> for PingActor {
    type Result = ();

    fn handle(&mut self, ended: LinkEnded, _: &mut Self::Context) {
        self.table.remove(&ended.link);
    }
}

impl Handler<PongReceived> for PingActor {
    type Result = ();

    fn handle(&mut self, PongReceived { link, rtt }: PongReceived, _: &mut Self::Context) {
        self.metrics.pongs_received.increment();
        self.metrics.rtt.record(rtt);
        if let Some(entry) = self.table.get_mut(&link) {
            entry.keep_alive.rtt.add(rtt);
        }
    }
}

impl Handler<ReportRtts> for PingActor {
    type Result = MessageResult<ReportRtts>;

    fn handle(&mut self, _: ReportRtts, _: &mut Self::Context) -> Self::Result {
        let row = |entry: &Entry| LinkRtt {
            link: entry.opened.link,
            peer: entry.opened.peer.clone(),
            rtt: entry.keep_alive.rtt,
        };
        let mut rows: Vec<_> = self.table.values().map(|entry| row(entry)).collect();
        rows.sort_by_key(|row| row.link);
        MessageResult(rows)
    }
}

crate::panics_on_request!(PingActor);

#[cfg(test)]
#[path = "ping_tests.rs"]
mod tests;

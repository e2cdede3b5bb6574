//! PingActor with a paused clock: links are real ones of the rig, or made up with probes for their actor.

use std::time::Instant;

use actix::Recipient;
use tokio::time::pause;

use super::*;
use crate::actors::links::{LinkActor, OpenLink, SendPing};
use crate::{
    actors::{
        door::{Door, Doorway, queue},
        link_out::LinkOut,
        supervisor::{PanicNow, Report, supervise},
        testing::{LINK_LIMITS, Mailbox, Order, POLICY, Peer, Rig, id, passed, reports, turn},
    },
    proto::{link::Direction, outgoing::LinkKind},
};

const LIMITS: KeepAliveLimits = KeepAliveLimits {
    interval: Duration::from_secs(30),
    dead_after: 3,
};

struct Pinging {
    rig: Rig,
    doorway: Doorway<PingActor>,
    reports: std::rc::Rc<std::cell::RefCell<Vec<Report>>>,
}

/// A rig of links whose pings go to a supervised PingActor.
fn pinging() -> Pinging {
    pause();
    let (doorway, inbox) = queue(64);
    let rig = Rig::with(|parts| {
        parts.doors.ping_opened = doorway.door();
        parts.doors.ping_ended = doorway.door();
        parts.doors.pong = doorway.door();
    });
    let (links, metrics) = (rig.links.clone(), Arc::clone(&rig.metrics));
    let (report, reports) = reports();
    supervise("ping", inbox, POLICY, report, move |_, _| {
        PingActor::new(LIMITS, links.clone(), Arc::clone(&metrics))
    });
    Pinging {
        rig,
        doorway,
        reports,
    }
}

impl Pinging {
    async fn rtts(&self) -> Vec<LinkRtt> {
        self.doorway.door().ask(ReportRtts).await.unwrap()
    }
}

async fn pong(peer: &mut Peer, ping: &serde_json::Value) {
    peer.say(&format!(r#"{{"type":"PONG","msg_id":{}}}"#, ping["msg_id"]))
        .await;
}

async fn ping_after(peer: &mut Peer, start: Instant, wait: Duration) {
    let ping = peer.hears("PING").await;
    let late = clock::now() - start;
    assert!(
        late >= wait && late < wait + Duration::from_secs(1),
        "{late:?}"
    );
    pong(peer, &ping).await;
}

#[actix_rt::test]
async fn a_link_is_pinged_soon_after_it_opened_and_then_every_interval() {
    let pinging = pinging();
    let (mut peer, _) = pinging.rig.open("bob@X").await;
    let mut start = clock::now();
    ping_after(&mut peer, start, Duration::from_millis(400)).await;
    for _ in 0..4 {
        start = clock::now();
        ping_after(&mut peer, start, Duration::from_millis(29_500)).await;
    }
    assert_eq!(pinging.rig.metrics.pings_sent.get(), 5);
}

#[actix_rt::test]
async fn a_link_that_falls_silent_is_closed_after_three_intervals_and_one_that_answers_is_not() {
    let pinging = pinging();
    let (mut silent, one) = pinging.rig.open("bob@X").await;
    let start = clock::now();
    let (mut alive, two) = pinging.rig.open("eve@Y").await;
    for _ in 0..3 {
        silent.hears("PING").await;
        let ping = alive.hears("PING").await;
        pong(&mut alive, &ping).await;
    }
    silent.hears_end().await;
    let lived = clock::now() - start;
    assert!(
        lived >= Duration::from_secs(90) && lived < Duration::from_secs(91),
        "{lived:?}"
    );
    let ended = pinging.rig.ended.next().await;
    assert_eq!(ended.reason, CloseReason::Silent(Duration::from_secs(90)));
    assert_eq!(ended.link, one.link);
    assert!(pinging.rig.links.is_open(two.link));
}

#[actix_rt::test]
async fn round_trip_times_are_kept_per_link_and_forgotten_with_it() {
    let pinging = pinging();
    let (mut peer, opened) = pinging.rig.open("bob@X").await;
    let (_other, second) = pinging.rig.open("eve@Y").await;
    for wait in [20, 40] {
        let ping = peer.hears("PING").await;
        tokio::time::sleep(Duration::from_millis(wait)).await;
        pong(&mut peer, &ping).await;
    }
    turn().await;
    let rows = pinging.rtts().await;
    let links: Vec<_> = rows.iter().map(|row| row.link).collect();
    assert_eq!(links, [opened.link, second.link]);
    assert_eq!((&rows[0].peer, rows[0].rtt.count), (&id("bob@X"), 2));
    assert!(rows[0].rtt.min < rows[0].rtt.last && rows[1].rtt.count == 0);
    assert_eq!(pinging.rig.metrics.pongs_received.get(), 2);
    drop(peer);
    pinging.rig.ended.next().await;
    let rows = pinging.rtts().await;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].link, second.link);
}

#[actix_rt::test]
async fn a_pong_of_a_link_that_is_gone_and_an_end_of_one_that_never_was_do_no_harm() {
    let pinging = pinging();
    let pong: Door<PongReceived> = pinging.doorway.door();
    let rtt = Duration::from_millis(1);
    let link = LinkId(999);
    pong.ask(PongReceived { link, rtt }).await.unwrap();
    let other = Rig::new();
    let (peer, _) = other.open("x@X").await;
    drop(peer);
    let ended: Door<LinkEnded> = pinging.doorway.door();
    ended.ask(other.ended.next().await).await.unwrap();
    assert_eq!(pinging.rtts().await, []);
}

#[actix_rt::test]
async fn an_opening_that_is_told_behind_its_end_is_not_taken() {
    let pinging = pinging();
    let other = Rig::new();
    let (_peer, opened) = other.open("x@X").await;
    let door: Door<LinkOpened> = pinging.doorway.door();
    door.ask(opened).await.unwrap();
    assert_eq!(pinging.rtts().await, [], "the rig has no such link");
}

#[actix_rt::test]
async fn a_restarted_ping_actor_goes_on_with_the_links_there_are() {
    let pinging = pinging();
    let (mut peer, opened) = pinging.rig.open("bob@X").await;
    let ping = peer.hears("PING").await;
    pong(&mut peer, &ping).await;
    let panics: Door<PanicNow> = pinging.doorway.door();
    panics.try_put_once(PanicNow).unwrap();
    turn().await;
    let (mut during, second) = pinging.rig.open("eve@Y").await;
    let rows = pinging.rtts().await;
    let links: Vec<_> = rows.iter().map(|row| row.link).collect();
    assert_eq!(links, [opened.link, second.link], "each once");
    assert_eq!(pinging.reports.borrow().len(), 1, "one restart");
    peer.hears("PING").await;
    during.hears("PING").await;
}

impl LinkActor for (Recipient<SendPing>, Recipient<CloseLink>) {
    fn ping(&self) {
        self.0.do_send(SendPing);
    }

    fn close(&self, how: CloseLink) {
        self.1.do_send(how);
    }

    fn panic(&self) {}
}

#[actix_rt::test]
async fn what_a_link_needs_goes_to_its_own_actor() {
    pause();
    let (ping, leave) = (
        Mailbox::new(&Order::default()),
        Mailbox::new(&Order::default()),
    );
    let opened = LinkOpened(Arc::new(OpenLink {
        link: LinkId(1),
        peer: id("bob@X"),
        direction: Direction::Inbound,
        address: "10.0.0.2:1".parse().unwrap(),
        target: None,
        kind: LinkKind {
            stream: false,
            acks: true,
        },
        opened: clock::now(),
        out: LinkOut::new(LinkId(1), LINK_LIMITS.out, clock::now()),
        actor: Box::new((ping.recipient(), leave.recipient())),
    }));
    let start = clock::now();
    let mut actor = PingActor::new(LIMITS, Rig::new().links, Arc::default());
    actor.add(opened.clone());
    actor.add(opened);
    actor.tick();
    assert_eq!(ping.len() + leave.len(), 0);
    tokio::time::sleep(Duration::from_millis(500)).await;
    actor.tick();
    actor.tick();
    turn().await;
    assert_eq!((ping.len(), leave.len()), (1, 0));
    tokio::time::sleep(Duration::from_millis(89_500)).await;
    assert!(passed(start, Duration::from_secs(90)));
    actor.tick();
    let close: CloseLink = leave.next().await;
    assert!(!close.say_bye);
    assert_eq!(close.reason, CloseReason::Silent(Duration::from_secs(90)));
    assert_eq!((ping.len(), leave.len()), (1, 0));
}

//! The reader of one link: bytes to the PeerActor, what it found to the router, and only then the ACKs. It waits for
//! room at each step, so that TCP feels a full queue.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::Addr;
use jiff::Timestamp;
use tokio::{io::AsyncRead, sync::oneshot};

use super::{
    chunk::Chunk,
    clock,
    events::ReceivedTexts,
    link_out::LinkOut,
    links::{LinkOpened, Links},
    peer::{ChunkReceived, PeerActor, StreamEnded, WriterOverloaded},
    ping::PongReceived,
    router::{AcksReceived, TextsReceived},
    transport,
};
use crate::{
    proto::{link::LinkId, texts::Texts},
    store::facts::Incoming,
    wire::{destination::Destination, identity::PeerId},
};

/// What one chunk brought, to be handed up in this order.
pub struct Upward {
    /// The link is open now.
    pub opened: Option<LinkOpened>,
    /// Who is at the other end, once the link is open; texts and ACKs of nobody go nowhere.
    pub peer: Option<PeerId>,
    /// The link.
    pub link: LinkId,
    /// The address of the other end.
    pub address: SocketAddr,
    /// Texts, duplicates included.
    pub texts: Texts,
    /// Message ids that were acknowledged.
    pub acked: Vec<String>,
    /// Round-trip times.
    pub rtts: Vec<Duration>,
    /// ACKs to write once the texts are handed up.
    pub acks: Vec<u8>,
    /// Nothing is written behind them.
    pub finish: bool,
}

/// Reads until the stream ends, or the actor does and `gone` resolves. What the actor has answered is handed up all the
/// same, so the end of a link is told behind all that came over it. Gives whether [`LinkOpened`] was told.
pub fn read(
    from: Box<dyn AsyncRead + Send + Unpin>,
    actor: Addr<PeerActor>,
    out: Arc<LinkOut>,
    links: Links,
    mut gone: oneshot::Receiver<()>,
) -> impl Future<Output = bool> {
    // What an `async fn` is given it holds twice.
    let mut reader = Reader {
        from,
        actor,
        out,
        pace: Pace::new(links.limits().rate),
        wait: None,
        links,
    };
    async move {
        let mut told = false;
        loop {
            let upward = tokio::select! {
                biased;
                upward = reader.next() => upward,
                _ = &mut gone => None,
            };
            let Some(upward) = upward else { return told };
            told |= upward.opened.is_some();
            // An idle link needs no room for this.
            if !Box::pin(hand_up(upward, &reader.out, &reader.links)).await {
                reader.actor.do_send(WriterOverloaded);
            }
        }
    }
}

struct Reader {
    from: Box<dyn AsyncRead + Send + Unpin>,
    actor: Addr<PeerActor>,
    out: Arc<LinkOut>,
    links: Links,
    pace: Pace,
    /// How long a peer above its rate is not read.
    wait: Option<Duration>,
}

impl Reader {
    /// What the next chunk brought; none at the end of the stream or of the actor.
    async fn next(&mut self) -> Option<Box<Upward>> {
        if let Some(wait) = self.wait.take() {
            Box::pin(tokio::time::sleep(wait)).await;
        }
        if !self.out.has_room_to_read() {
            Box::pin(self.out.room_to_read()).await;
        }
        self.out.heard_now(clock::now());
        self.out.set_busy(false);
        let chunk = match Chunk::read(&mut self.from).await {
            Ok(chunk) if !chunk.is_empty() => chunk,
            end => {
                let broken = end.err().map(|error| transport::io_words(&error));
                self.actor.do_send(StreamEnded(broken));
                return None;
            }
        };
        self.out.set_busy(true);
        let bytes = u64::try_from(chunk.len()).unwrap_or(0);
        self.links.metrics().bytes_in.add(bytes);
        self.wait = self.pace.wait(clock::now(), &chunk);
        self.actor.send(ChunkReceived(chunk)).await.ok()
    }
}

/// Hands up what a chunk brought, then lets its ACKs leave; false if those find no room.
async fn hand_up(mut upward: Box<Upward>, out: &LinkOut, links: &Links) -> bool {
    if let Some(opened) = upward.opened.take() {
        links.tell_opened(opened).await;
    }
    for rtt in std::mem::take(&mut upward.rtts) {
        let pong = PongReceived {
            link: upward.link,
            rtt,
        };
        // One statistic less matters less than texts that wait for the ping actor.
        if let Err(error) = links.doors().pong.try_put(pong) {
            tracing::debug!(%error, "A round-trip time is lost");
        }
    }
    let Some(peer) = upward.peer.take() else {
        return true;
    };
    if !upward.acked.is_empty() {
        let acks = AcksReceived {
            peer: peer.clone(),
            msg_ids: std::mem::take(&mut upward.acked).into(),
            at: clock::now(),
        };
        links.doors().acks.tell(acks).await;
    }
    keep(&peer, &mut upward, links).await;
    if !upward.texts.is_empty() {
        let texts = TextsReceived(Arc::new(ReceivedTexts {
            from: peer,
            address: upward.address,
            to_us: Destination::Peer(links.own().clone()),
            texts: upward.texts,
        }));
        // Not handed up, not acknowledged: the sender has to try again elsewhere.
        if links.doors().texts.put(texts).await.is_err() {
            return true;
        }
    }
    let fits = out.reply(upward.acks).is_ok();
    if upward.finish {
        out.finish();
    }
    fits
}

/// Keeps the texts on disk, if there is a history: only what is new goes up. What cannot be kept is neither shown nor
/// acknowledged.
async fn keep(peer: &PeerId, upward: &mut Upward, links: &Links) {
    let Some(disk) = links.kept().disk().filter(|_| !upward.texts.is_empty()) else {
        return;
    };
    let incoming = Incoming {
        from: peer.clone(),
        address: upward.address,
        at: Timestamp::now(),
        texts: std::mem::take(&mut upward.texts),
    };
    match disk.keep(incoming).await {
        Ok(new) => upward.texts = new,
        Err(_) => upward.acks.clear(),
    }
}

/// The rate limit of one link: a peer above it is read more slowly, never cut.
struct Pace {
    rate: Option<f64>,
    /// When the lines read so far would have come at the allowed rate.
    due: Option<Instant>,
}

impl Pace {
    fn new(rate: Option<f64>) -> Self {
        Self { rate, due: None }
    }

    fn wait(&mut self, now: Instant, chunk: &[u8]) -> Option<Duration> {
        let rate = self.rate.filter(|rate| *rate > 0.0)?;
        let lines = memchr::memchr_iter(b'\n', chunk).count();
        let lines = u32::try_from(lines).unwrap_or(u32::MAX);
        let due =
            self.due.unwrap_or(now).max(now) + Duration::from_secs_f64(f64::from(lines) / rate);
        self.due = Some(due);
        // A second's worth may come at once.
        due.saturating_duration_since(now)
            .checked_sub(Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_below_its_rate_is_not_slowed_and_one_above_is() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(10.0));
        let lines = |count| vec![b'\n'; count];
        assert_eq!(pace.wait(start, &lines(5)), None);
        assert_eq!(pace.wait(start, &lines(5)), Some(Duration::ZERO));
        assert_eq!(pace.wait(start, &lines(20)), Some(Duration::from_secs(2)));
        let later = start + Duration::from_secs(60);
        assert_eq!(pace.wait(later, &lines(5)), None);
        assert_eq!(Pace::new(None).wait(start, &lines(1_000_000)), None);
    }
}

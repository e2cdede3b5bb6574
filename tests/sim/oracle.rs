//! What must hold, whatever happens: facts come in from the nodes, and the first that must not be is kept.
//!
//! - No text is shown twice by one run of a node, nor one that nobody wrote.
//! - Every SEND that was accepted ends in exactly one of *delivered*, *sent without ACK* and *failed*, with at most one
//!   timeout warning before; *delivered* means shown, *failed* means not shown; and it ends in time.
//! - No dial storm: per peer and in all, and nobody is called within ten seconds of its BYE.
//! - Tables and queues stay within their bounds.
//! - Lines are whole, in the order of the protocol, one in a segment towards plain clients, and nothing of ours stands
//!   behind a BYE.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use papo::{
    proto::{
        close::CloseReason,
        link::{Direction, LinkId},
        outgoing::Outcome,
        peer_table::Target,
    },
    wire::{codec::LINE_BYTES_MAX, identity::PeerId, message::Line},
};
use uuid::Uuid;

use crate::context::{Context, Who};

/// A SEND is settled within this time, whatever happens to its links.
const SETTLED_WITHIN: Duration = Duration::from_secs(600);

/// What is acknowledged is shown within this time: a machine may have been paused in between.
const SHOWN_WITHIN: Duration = Duration::from_secs(120);

/// Dials to one peer in a minute: a series of five after each renewal of its record (every 30 s at most), and one every
/// ten seconds for messages that wait. Each link that was lost in that minute and was not just made excuses two more, each `/reconnect` and
/// each start of the peer another series.
const DIALS_A_MINUTE_MAX: usize = 16;
const STABLE_AFTER: Duration = Duration::from_secs(2);
const EXCUSED_BY_LOSS: usize = 2;
const EXCUSED_BY_REASON: usize = 5;

/// A peer is not called within this time of its BYE.
const AFTER_BYE: Duration = Duration::from_secs(10);

/// Nor so soon after the last time, unless there is a reason: backoff begins with a second.
const BETWEEN_DIALS: Duration = Duration::from_millis(500);

/// What a SEND has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Pending,
    Warned,
    Sent,
    Delivered,
    Failed,
}

struct Sent {
    from: Who,
    to: PeerId,
    at: Instant,
    state: State,
    /// How often its line was written as a whole.
    written: u8,
}

/// What is known of the dials of one run of a node to one target.
#[derive(Default)]
struct Dialled {
    at: VecDeque<Instant>,
    lost: VecDeque<Instant>,
    reasons: VecDeque<Instant>,
    count: usize,
    bye: Option<Instant>,
    /// When it was dialled last, unless there was a reason to dial it again at once since then.
    last: Option<Instant>,
}

/// What one end of a link has written so far.
#[derive(Default)]
struct Written {
    lines: u32,
    said_bye: bool,
    last: Option<Instant>,
}

/// All facts.
#[derive(Default)]
pub struct Oracle {
    /// What must not have happened and did.
    pub violation: Option<String>,
    /// How much was looked at, so that a test can tell that it was not nothing.
    pub counts: Counts,
    /// The machines' names, and which of them run papo.
    names: Vec<(PeerId, bool)>,
    /// Every text that was written: by whom, its id, its words.
    texts: BTreeSet<(PeerId, String, String)>,
    /// Texts that a run of a node had acknowledged, but not shown yet, when it was killed.
    killed: BTreeSet<String>,
    /// Texts that were acknowledged and wait to be shown: by whom, since when.
    awaited: BTreeMap<String, (PeerId, Instant)>,
    sends: BTreeMap<Uuid, Sent>,
    /// Who showed what of whom.
    shown: BTreeSet<(Who, PeerId, String, String)>,
    dialled: BTreeMap<(Who, String), Dialled>,
    written: BTreeMap<(Who, LinkId), Written>,
}

/// How much happened.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Links that opened.
    pub links: u64,
    /// Dials that began.
    pub dials: u64,
    /// Texts shown.
    pub shown: u64,
    /// Texts that came again.
    pub duplicates: u64,
    /// SENDs that were acknowledged.
    pub delivered: u64,
    /// SENDs whose last word was *sent*.
    pub unconfirmed: u64,
    /// SENDs that failed.
    pub failed: u64,
}

impl Oracle {
    /// For machines of these names, and whether they run papo.
    pub fn new(names: Vec<(PeerId, bool)>) -> Self {
        Self {
            names,
            ..Self::default()
        }
    }

    /// How often this peer was dialled by anybody, in the minutes that are remembered.
    pub fn dials_to(&self, peer: &PeerId) -> usize {
        let name = peer.to_string();
        let same = |((_, target), _): &(&(Who, String), &Dialled)| *target == name;
        self.dialled
            .iter()
            .filter(same)
            .map(|(_, dialled)| dialled.count)
            .sum()
    }

    /// Whether a run of the machine of this name has shown this message.
    fn was_shown_by(&self, peer: &PeerId, msg_id: &str) -> bool {
        let is_it = |who: &Who| {
            self.names
                .get(who.host)
                .is_some_and(|(name, _)| name == peer)
        };
        let mut shown = self.shown.iter();
        shown.any(|(who, _, id, _)| id == msg_id && is_it(who))
    }

    fn runs_papo(&self, peer: &PeerId) -> bool {
        self.names.iter().any(|(name, papo)| name == peer && *papo)
    }
}

impl Context {
    /// Somebody wrote a text.
    pub fn note_text(&mut self, from: &PeerId, msg_id: &str, payload: &str) {
        let text = (from.clone(), msg_id.to_owned(), payload.to_owned());
        self.oracle.texts.insert(text);
    }

    /// A run of a node is killed that has acknowledged this text, but not shown it yet.
    pub fn note_killed(&mut self, msg_id: &str) {
        self.oracle.killed.insert(msg_id.to_owned());
        self.oracle.awaited.remove(msg_id);
    }

    /// A node accepted a SEND.
    pub fn note_send(&mut self, from: Who, to: &PeerId, msg_id: Uuid) {
        let sent = Sent {
            from,
            to: to.clone(),
            at: self.now,
            state: State::Pending,
            written: 0,
        };
        self.oracle.sends.insert(msg_id, sent);
    }

    /// The line of a message was written as a whole; towards a plain client at most once more than once.
    pub fn note_sent(&mut self, who: Who, to: &PeerId, msg_id: Uuid, stream: bool) {
        let Some(sent) = self.oracle.sends.get_mut(&msg_id) else {
            return; // a publication
        };
        sent.written += 1;
        let (times, most) = (sent.written, if stream { 4 } else { 2 });
        // The first lines of a batch may be acknowledged before its last one is written.
        let is_owed = matches!(sent.state, State::Pending | State::Delivered);
        if times > most || !is_owed {
            let state = sent.state;
            self.fail(|| format!("{who:?} wrote {msg_id} to {to} {times} times, being {state:?}"));
        }
    }

    /// A node said what became of a message to a peer.
    pub fn note_outcome(&mut self, who: Who, peer: &PeerId, outcome: &Outcome) {
        let (message, next) = match outcome {
            Outcome::Delivered(message, _) => (message, State::Delivered),
            Outcome::AckTimedOut(message) => (message, State::Warned),
            Outcome::Unconfirmed(message, _) => (message, State::Sent),
            Outcome::Failed(message, _) => (message, State::Failed),
            Outcome::Missed(_) => return, // publications
        };
        let msg_id = message.msg_id;
        self.log(|| format!("{who:?}: {msg_id} to {peer} is {next:?}"));
        let id = msg_id.to_string();
        let shown = self.oracle.was_shown_by(peer, &id);
        let unseen = self.oracle.runs_papo(peer) && !shown && !self.oracle.killed.contains(&id);
        if next == State::Delivered && unseen {
            let awaited = (peer.clone(), self.now);
            self.oracle.awaited.insert(id, awaited);
        }
        let Some(sent) = self.oracle.sends.get_mut(&msg_id) else {
            return; // a publication
        };
        let before = std::mem::replace(&mut sent.state, next);
        let allowed = match before {
            State::Pending => true,
            State::Warned | State::Sent => next == State::Delivered,
            State::Delivered | State::Failed => false,
        };
        if !allowed || sent.from != who {
            self.fail(|| format!("{msg_id} was {before:?} and became {next:?} at {who:?}"));
        }
        if next == State::Failed && shown {
            self.fail(|| format!("{msg_id} failed, but {peer} has shown it"));
        }
        let counts = &mut self.oracle.counts;
        match next {
            State::Delivered => counts.delivered += 1,
            State::Failed => counts.failed += 1,
            _ => counts.unconfirmed += 1,
        }
    }

    /// A run of a node ended: of what it had accepted nobody will say more.
    pub fn note_end_of_run(&mut self, who: Who) {
        self.oracle.sends.retain(|_, sent| sent.from != who);
        self.oracle.written.retain(|(it, _), _| *it != who);
    }

    /// A node showed a text.
    pub fn note_shown(&mut self, who: Who, from: &PeerId, msg_id: &str, payload: &str) {
        self.oracle.counts.shown += 1;
        self.log(|| format!("{who:?} shows {msg_id} of {from}: {payload}"));
        let text = (who, from.clone(), msg_id.to_owned(), payload.to_owned());
        self.oracle.awaited.remove(msg_id);
        let written = (from.clone(), msg_id.to_owned(), payload.to_owned());
        if !self.oracle.texts.contains(&written) {
            self.fail(|| format!("{who:?} shows {msg_id} of {from}, who never wrote it"));
        }
        if !self.oracle.shown.insert(text) {
            self.fail(|| format!("{who:?} has shown {msg_id} of {from} twice"));
        }
    }

    /// How often a text of this content was shown, by runs of whichever machine.
    pub fn times_shown(&self, who: Who, payload: &str) -> usize {
        let same =
            |(it, _, _, text): &&(Who, PeerId, String, String)| *it == who && text == payload;
        self.oracle.shown.iter().filter(same).count()
    }

    /// Whether this SEND was acknowledged.
    pub fn is_delivered(&self, msg_id: Uuid) -> bool {
        let sent = self.oracle.sends.get(&msg_id);
        sent.is_some_and(|sent| sent.state == State::Delivered)
    }

    /// A SEND of which no node has said yet what became of it.
    pub fn unsettled(&self) -> Option<String> {
        let mut sends = self.oracle.sends.iter();
        let (msg_id, sent) = sends.find(|(_, sent)| sent.state == State::Pending)?;
        Some(format!("{msg_id} of {:?} to {}", sent.from, sent.to))
    }

    /// A dial begins.
    pub fn note_dial(&mut self, who: Who, dial: &Target) {
        let (peer, to) = (&dial.peer, dial.address);
        self.oracle.counts.dials += 1;
        self.log(|| format!("{who:?} dials {peer:?} at {to}"));
        let target = peer
            .as_ref()
            .map_or_else(|| to.to_string(), ToString::to_string);
        let now = self.now;
        let dialled = self
            .oracle
            .dialled
            .entry((who, target.clone()))
            .or_default();
        dialled.at.push_back(now);
        dialled.count += 1;
        let since = dialled.last.replace(now).map(|at| now - at);
        let old = |at: &Instant| now.duration_since(*at) >= Duration::from_secs(60);
        dialled.at.retain(|at| !old(at));
        dialled.lost.retain(|at| !old(at));
        dialled.reasons.retain(|at| !old(at));
        let count = dialled.at.len();
        let excused =
            dialled.lost.len() * EXCUSED_BY_LOSS + dialled.reasons.len() * EXCUSED_BY_REASON;
        let bye = dialled.bye;
        if count > DIALS_A_MINUTE_MAX + excused {
            self.fail(|| format!("{who:?} dialled {target} {count} times in a minute"));
        }
        if since.is_some_and(|since| since < BETWEEN_DIALS) {
            self.fail(|| format!("{who:?} dials {target} again after {since:?}"));
        }
        if bye.is_some_and(|at| now.duration_since(at) < AFTER_BYE) {
            self.fail(|| format!("{who:?} dials {target} right after its BYE"));
        }
    }

    /// A node has a reason to dial everybody, or everybody has one to dial a peer.
    pub fn note_reason(&mut self, who: Option<Who>, peer: Option<&PeerId>) {
        let peer = peer.map(ToString::to_string);
        for ((dialler, target), dialled) in &mut self.oracle.dialled {
            let concerns = who.is_none_or(|who| who == *dialler);
            if concerns && peer.as_ref().is_none_or(|peer| peer == target) {
                dialled.reasons.push_back(self.now);
                dialled.last = None;
            }
        }
    }

    /// A node looks at new records, which may be renewed, or was told an address: it may dial at once.
    pub fn note_news(&mut self, who: Who) {
        let dialled = self.oracle.dialled.iter_mut();
        let of_it = dialled.filter(|((dialler, _), _)| *dialler == who);
        of_it.for_each(|(_, dialled)| dialled.last = None);
    }

    /// A router was replaced: the next one does not know who said BYE.
    pub fn note_replaced(&mut self, who: Who) {
        self.note_reason(Some(who), None);
        let dialled = self.oracle.dialled.iter_mut();
        let of_it = dialled.filter(|((dialler, _), _)| *dialler == who);
        of_it.for_each(|(_, dialled)| dialled.bye = None);
    }

    /// A link opened.
    pub fn note_opened(&mut self, who: Who, peer: &PeerId, direction: Direction) {
        self.oracle.counts.links += 1;
        self.log(|| format!("{who:?} is linked to {peer}, {}", direction.name()));
        let key = (who, peer.to_string());
        self.oracle.dialled.entry(key).or_default().bye = None;
    }

    /// A link ended that was open for a while; `last` if no other to this peer is left.
    pub fn note_ended(
        &mut self,
        who: Who,
        peer: &PeerId,
        reason: &CloseReason,
        lived: Duration,
        last: bool,
    ) {
        self.log(|| format!("{who:?} lost a link to {peer}: {reason}"));
        let now = self.now;
        let key = (who, peer.to_string());
        let dialled = self.oracle.dialled.entry(key).or_default();
        if lived >= STABLE_AFTER {
            dialled.lost.push_back(now);
            dialled.last = None;
        }
        if last && matches!(reason, CloseReason::PeerLeft(_)) {
            dialled.bye = Some(now);
        }
    }

    /// A node writes to a connection; the `gap` between two lines unless the peer is known to parse a stream.
    pub fn note_written(
        &mut self,
        who: Who,
        link: LinkId,
        direction: Direction,
        gap: Option<Duration>,
        bytes: &[u8],
    ) {
        let mut written = self.oracle.written.remove(&(who, link)).unwrap_or_default();
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        if !bytes.ends_with(b"\n") || (gap.is_some() && lines != 1) {
            self.fail(|| format!("{who:?} wrote {lines} lines, or not a whole one, in a segment"));
        }
        let since = written.last.replace(self.now).map(|at| self.now - at);
        if since.zip(gap).is_some_and(|(since, gap)| since < gap) {
            self.fail(|| format!("{who:?} wrote on {link} {since:?} after the last line"));
        }
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let first = written.lines == 0;
            written.lines += 1;
            let text = std::str::from_utf8(line).unwrap_or_default();
            let ours = match Line::parse(text) {
                Ok(Line::Hello { .. }) => first && direction == Direction::Outbound,
                Ok(Line::HelloOk { .. }) => direction == Direction::Inbound || !first,
                Ok(Line::Send { .. } | Line::Pub { .. }) => !first && !written.said_bye,
                Ok(Line::Bye { .. }) => !first && !std::mem::replace(&mut written.said_bye, true),
                Ok(_) => !first,
                Err(_) => false,
            };
            if !ours || line.len() > LINE_BYTES_MAX || !line.is_ascii() {
                self.fail(|| format!("{who:?} wrote on {link}, where it must not: {text}"));
            }
        }
        self.oracle.written.insert((who, link), written);
    }

    /// Whatever was accepted long ago must be settled, and whatever was acknowledged must be shown.
    pub fn check_settled(&mut self) {
        let now = self.now;
        let is_late = |at: Instant, within| now.saturating_duration_since(at) >= within;
        let late = |sent: &Sent| sent.state == State::Pending && is_late(sent.at, SETTLED_WITHIN);
        if let Some((msg_id, sent)) = self.oracle.sends.iter().find(|(_, sent)| late(sent)) {
            let what = format!("{msg_id} of {:?} to {} has no end", sent.from, sent.to);
            self.fail(|| what);
        }
        let mut awaited = self.oracle.awaited.iter();
        if let Some((msg_id, (peer, _))) = awaited.find(|(_, (_, at))| is_late(*at, SHOWN_WITHIN)) {
            let what = format!("{msg_id} was delivered, but {peer} has not shown it");
            self.fail(|| what);
        }
    }
}

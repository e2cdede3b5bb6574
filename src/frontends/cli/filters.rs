//! `/ignore` and `/block`: whom a user means, what is hidden from then on, and what the commands answer.

use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

use super::{
    command::{CommandError, Party},
    errors::{internal, send_error},
    json::milliseconds,
    replies::{Reply, align, cells},
    session::Session,
    style::duration,
};
use crate::{
    actors::{
        events::NodeEvent,
        recent::{RecentEntry, RecentFact},
        router::{PeerName, Recipients, SendError},
    },
    node::{KeepError, NodeHandle},
    proto::filters::{Blocked, FILTERS_MAX, Filters, FiltersFull},
    wire::identity::PeerId,
};

/// Whether an event is told to nobody: what hidden peers say, and that an ignored one comes and goes.
pub fn is_hidden(node: &NodeHandle, event: &NodeEvent) -> bool {
    let filters = node.filters();
    match event {
        NodeEvent::TextsReceived(received) => filters.hides(&received.from),
        NodeEvent::PeerConnected { peer, .. }
        | NodeEvent::PeerDisconnected { peer, .. }
        | NodeEvent::PeerUnreachable { peer, .. } => filters.ignores(peer),
        _ => false,
    }
}

impl Session {
    /// Past events without what hidden peers said.
    pub(super) fn without_hidden(&self, mut entries: Vec<RecentEntry>) -> Vec<RecentEntry> {
        let filters = self.node.filters();
        entries.retain(|entry| match &entry.what {
            RecentFact::Received(received) => !filters.hides(&received.from),
            RecentFact::Sent(_) | RecentFact::Delivered(..) => true,
        });
        entries
    }

    /// `/ignore PEER [DURATION]`
    pub(super) async fn ignore(
        &self,
        name: PeerName,
        time: Option<Duration>,
    ) -> Result<Reply, CommandError> {
        let peer = self.named(name).await?;
        let filters = self.node.filters();
        let change = |now, filters: &mut Filters| filters.ignore(now, peer.clone(), time);
        let (result, kept) = filters.change(change).await;
        result.map_err(full)?;
        let for_time = time.map_or(String::new(), |time| format!(" for {}", duration(time)));
        let line = format!("{peer} is ignored{for_time}: /unignore {peer} shows it again");
        let data = json!({"peer": peer.as_str(), "for_ms": time.map(milliseconds)});
        Ok(told(line, data, kept))
    }

    /// `/unignore PEER`
    pub(super) async fn unignore(&self, name: &PeerName) -> Result<Reply, CommandError> {
        let filters = self.node.filters();
        let ignored = filters.list().ignored(SystemTime::now());
        let ignored: Vec<PeerId> = ignored.into_iter().map(|(peer, _)| peer).collect();
        let Some(peer) = one(name, &ignored)? else {
            return Err(not_listed(&shown(name), "ignored", "/ignore"));
        };
        let change = |now, filters: &mut Filters| filters.unignore(now, &peer);
        let (_, kept) = filters.change(change).await;
        let data = json!({"peer": peer.as_str()});
        Ok(told(format!("{peer} is shown again"), data, kept))
    }

    /// `/block PEER|ADDRESS`
    pub(super) async fn block(&self, whom: Party) -> Result<Reply, CommandError> {
        let whom = match whom {
            Party::Peer(name) => Blocked::Peer(self.named(name).await?),
            Party::Address(address) => Blocked::Address(address),
        };
        let filters = self.node.filters();
        let change = |_, filters: &mut Filters| filters.block(whom.clone());
        let (result, kept) = filters.change(change).await;
        let words = match (result.map_err(full)?, &whom) {
            (false, _) => "was blocked before",
            (true, Blocked::Peer(_)) => "is blocked",
            (true, Blocked::Address(_)) => "is blocked, with every peer there",
        };
        let line = format!("{whom} {words}: /unblock {whom} allows links again");
        Ok(told(line, party_data(&whom), kept))
    }

    /// `/unblock PEER|ADDRESS`
    pub(super) async fn unblock(&self, whom: Party) -> Result<Reply, CommandError> {
        let filters = self.node.filters();
        let blocked = filters.list().blocked();
        let whom = match &whom {
            Party::Address(address) => Some(Blocked::Address(*address)),
            Party::Peer(name) => {
                let peers: Vec<PeerId> = blocked.iter().filter_map(peer_of).cloned().collect();
                one(name, &peers)?.map(Blocked::Peer)
            }
        }
        .ok_or_else(|| not_listed(&party_words(&whom), "blocked", "/block"))?;
        let change = |_, filters: &mut Filters| filters.unblock(&whom);
        let (was_blocked, kept) = filters.change(change).await;
        if !was_blocked {
            return Err(not_listed(&whom.to_string(), "blocked", "/block"));
        }
        self.node.reconnect().await.map_err(internal)?;
        let line = format!("{whom} is not blocked any more: it is looked for");
        Ok(told(line, party_data(&whom), kept))
    }

    /// An error if a text goes to who is blocked: it would wait, or be refused, without a reason.
    pub(super) async fn refuse_blocked(&self, to: &Recipients) -> Result<(), CommandError> {
        let filters = self.node.filters().list();
        let Recipients::Peer(name) = to else {
            return Ok(());
        };
        let peers: Vec<PeerId> = filters
            .blocked()
            .iter()
            .filter_map(peer_of)
            .cloned()
            .collect();
        if peers.is_empty() {
            return Ok(());
        }
        // A name that is not known, or known twice, gets its own error.
        match self.node.resolve(name.clone()).await {
            Ok(peer) if filters.refuses_peer(&peer) => Err(is_blocked(&Blocked::Peer(peer))),
            _ => Ok(()),
        }
    }

    /// An error if an address that is to be dialled is blocked.
    pub(super) fn refuse_blocked_address(&self, address: SocketAddr) -> Result<(), CommandError> {
        match self.node.filters().list().refuses_address(address.ip()) {
            true => Err(is_blocked(&Blocked::Address(address.ip()))),
            false => Ok(()),
        }
    }

    /// Whom a user means: a known peer, also as its id is shown, or an id that nobody has yet.
    async fn named(&self, name: PeerName) -> Result<PeerId, CommandError> {
        let rows = self.node.peers().await.map_err(internal)?;
        let known: Vec<PeerId> = rows.into_iter().map(|row| row.peer).collect();
        let own = &self.node.facts().own;
        match (one(&name, &known)?, name) {
            (Some(peer), _) => Ok(peer),
            (None, PeerName::Full(peer)) if peer != *own => Ok(peer),
            (None, PeerName::Short(name)) if name != own.name() => {
                Err(send_error(SendError::Unknown(name).into()))
            }
            (None, _) => Err(send_error(SendError::Ourselves.into())),
        }
    }
}

/// `/ignore`
pub fn ignored(filters: &Filters, now: SystemTime) -> Reply {
    let ignored = filters.ignored(now);
    let row = |(peer, left): &(PeerId, Option<Duration>)| json!({"peer": peer.as_str(), "left_ms": left.map(milliseconds)});
    let data = json!({"ignored": ignored.iter().map(row).collect::<Vec<Value>>()});
    if ignored.is_empty() {
        return Reply::line("nobody is ignored").with(data);
    }
    let mut table = vec![cells(["IGNORED", "FOR"])];
    table.extend(ignored.into_iter().map(|(peer, left)| {
        let left = left.map_or("until /unignore".into(), duration);
        [peer.to_string(), left]
    }));
    Reply::lines(align(&table)).with(data)
}

/// `/block`
pub fn blocked(filters: &Filters) -> Reply {
    let blocked = filters.blocked();
    let rows: Vec<Value> = blocked.iter().map(party_data).collect();
    let data = json!({ "blocked": rows });
    if blocked.is_empty() {
        return Reply::line("nobody is blocked").with(data);
    }
    let mut lines = vec!["BLOCKED".to_owned()];
    lines.extend(blocked.iter().map(ToString::to_string));
    Reply::lines(lines).with(data)
}

/// What `/peers` says of a peer beside its status.
pub fn mark(filters: &Filters, now: SystemTime, peer: &PeerId) -> Option<&'static str> {
    if filters.refuses_peer(peer) {
        return Some("blocked");
    }
    filters.ignores(now, peer).then_some("ignored")
}

/// The one of these whom the name means; an error if several have it.
fn one(name: &PeerName, peers: &[PeerId]) -> Result<Option<PeerId>, CommandError> {
    let is_it = |peer: &&PeerId| match name {
        PeerName::Full(full) => *peer == full || peer.to_string() == full.as_str(),
        PeerName::Short(short) => peer.name() == short,
    };
    let mut found: Vec<PeerId> = peers.iter().filter(is_it).cloned().collect();
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(send_error(SendError::Ambiguous(found).into())),
    }
}

fn peer_of(blocked: &Blocked) -> Option<&PeerId> {
    match blocked {
        Blocked::Peer(peer) => Some(peer),
        Blocked::Address(_) => None,
    }
}

/// A reply, with a word if it does not outlive the node.
fn told(line: String, mut data: Value, kept: Result<(), KeepError>) -> Reply {
    data["kept"] = kept.is_ok().into();
    let mut lines = vec![line];
    if let Err(error) = kept {
        lines.push(format!("until this node ends: {error}"));
    }
    Reply::lines(lines).with(data)
}

fn party_data(whom: &Blocked) -> Value {
    match whom {
        Blocked::Peer(peer) => json!({"peer": peer.as_str()}),
        Blocked::Address(address) => json!({ "address": address }),
    }
}

fn party_words(whom: &Party) -> String {
    match whom {
        Party::Peer(name) => shown(name),
        Party::Address(address) => address.to_string(),
    }
}

fn shown(name: &PeerName) -> String {
    super::replies::recipients(&Recipients::Peer(name.clone()))
}

fn full(error: FiltersFull) -> CommandError {
    CommandError {
        code: "list_full",
        message: error.to_string(),
        hint: format!("a list has at most {FILTERS_MAX}: take somebody off it first"),
    }
}

fn not_listed(whom: &str, what: &str, command: &str) -> CommandError {
    CommandError {
        code: "not_listed",
        message: format!("{whom} is not {what}"),
        hint: format!("{command} lists who is"),
    }
}

fn is_blocked(whom: &Blocked) -> CommandError {
    CommandError {
        code: "blocked",
        message: format!("{whom} is blocked"),
        hint: format!("/unblock {whom} first"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> PeerId {
        PeerId::parse(text).unwrap()
    }

    #[test]
    fn lists_say_who_and_for_how_long() {
        let now = SystemTime::UNIX_EPOCH;
        let mut filters = Filters::default();
        assert_eq!(ignored(&filters, now).text(), "  nobody is ignored");
        assert_eq!(blocked(&filters).text(), "  nobody is blocked");
        let ten = Some(Duration::from_secs(600));
        filters.ignore(now, id("bob@X"), ten).unwrap();
        filters.ignore(now, id("e\u{1b}@X"), None).unwrap();
        let reply = ignored(&filters, now);
        assert_eq!(
            reply.text(),
            "  IGNORED    FOR\n  bob@X      10 min\n  e\\u{1b}@X  until /unignore"
        );
        assert_eq!(reply.data["ignored"][0]["left_ms"], 600_000.0);
        filters.block(Blocked::Peer(id("eve@X"))).unwrap();
        let address = Blocked::Address("10.0.0.7".parse().unwrap());
        filters.block(address).unwrap();
        let reply = blocked(&filters);
        assert_eq!(reply.text(), "  BLOCKED\n  eve@X\n  10.0.0.7");
        assert_eq!(reply.data["blocked"][1]["address"], "10.0.0.7");
        assert_eq!(mark(&filters, now, &id("eve@X")), Some("blocked"));
        assert_eq!(mark(&filters, now, &id("bob@X")), Some("ignored"));
        assert_eq!(mark(&filters, now, &id("ann@X")), None);
    }

    #[test]
    fn a_peer_is_meant_by_its_name_its_id_or_its_id_as_it_is_shown() {
        let peers = [id("bob@X"), id("bob@Y"), id("a b@X")];
        let full = |text| PeerName::Full(id(text));
        let short = |text: &str| PeerName::Short(text.into());
        assert_eq!(one(&full("bob@Y"), &peers), Ok(Some(id("bob@Y"))));
        assert_eq!(one(&full("a\\u{20}b@X"), &peers), Ok(Some(id("a b@X"))));
        assert_eq!(one(&short("a b"), &peers), Ok(Some(id("a b@X"))));
        assert_eq!(one(&short("eve"), &peers), Ok(None));
        let error = one(&short("bob"), &peers).unwrap_err();
        assert_eq!(error.code, "ambiguous_peer");
    }

    #[test]
    fn what_is_not_kept_is_said() {
        let reply = told("done".into(), json!({}), Err(KeepError::NoFile));
        assert_eq!(
            reply.text(),
            "  done\n  until this node ends: this node keeps nothing"
        );
        assert_eq!(reply.data["kept"], false);
    }
}

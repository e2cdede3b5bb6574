//! Who gets no link: whom the user blocked (`proto::filters`), those for whom there is no place, and we ourselves.

use std::{io, net::SocketAddr, sync::Arc};

use parking_lot::RwLock;

use super::{LinkEnded, Links, State};
use crate::{
    actors::transport::{Stream, Wire},
    proto::{
        close::CloseReason,
        filters::Filters,
        link::{Direction, LinkId},
        peer_table::Target,
    },
    wire::identity::PeerId,
};

/// The user's filters: changed by whoever runs a command, looked at wherever a link begins.
pub type SharedFilters = Arc<RwLock<Filters>>;

/// Own ends of dials that are remembered; a dial of ourselves is noticed within milliseconds.
const OWN_ENDS_MAX: usize = 64;

impl Links {
    /// The filters, for whoever changes them; after a block follows [`Links::close_blocked`].
    pub fn filters(&self) -> &SharedFilters {
        &self.0.filters
    }

    /// Closes every link, and ends every dial, whose peer or address is blocked by now. They hear nothing but that.
    pub fn close_blocked(&self) {
        let state = self.0.state.lock();
        let is_blocked = |peer: Option<&PeerId>, address| self.refuses(peer, address);
        state.close(is_blocked, CloseReason::Blocked, false);
    }

    /// Whether this peer, or everyone at this address, is blocked.
    pub(super) fn refuses(&self, peer: Option<&PeerId>, address: SocketAddr) -> bool {
        let filters = self.0.filters.read();
        filters.refuses_address(address.ip()) || peer.is_some_and(|peer| filters.refuses_peer(peer))
    }

    /// Why an accepted connection may not even say HELLO; none if it may.
    pub(super) fn why_refused(
        &self,
        state: &mut State,
        link: LinkId,
        from: SocketAddr,
    ) -> Option<&'static str> {
        if self.refuses(None, from) {
            return Some("its address is blocked");
        }
        let has_place = !state.closing && state.admission.accept(link, from);
        (!has_place).then_some("all places are taken")
    }

    /// A dial got its connection. Where it comes from is noted: a node that dials itself is no stranger under its name.
    pub(in crate::actors) fn dialled(&self, stream: Stream) -> io::Result<Wire> {
        let from = stream.local_addr()?;
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        let mut state = self.0.state.lock();
        if state.own_ends.len() == OWN_ENDS_MAX {
            state.own_ends.pop_front();
        }
        state.own_ends.push_back(from);
        drop(state);
        Wire::of_tcp(stream)
    }

    /// Whether a connection that was accepted from this address was dialled here.
    pub(super) fn is_own_dial(&self, from: SocketAddr) -> bool {
        self.0.state.lock().own_ends.contains(&from)
    }

    /// Tells the router that a dial ended, which was not begun.
    pub(super) fn refuse_dial(&self, target: Target) {
        let ended = LinkEnded {
            link: self.0.state.lock().next_id(),
            peer: None,
            direction: Direction::Outbound,
            address: target.address,
            target: Some(target),
            was_open: None,
            reason: CloseReason::Blocked,
        };
        let door = self.0.doors.ended.clone();
        actix_rt::spawn(async move { door.tell(ended).await });
    }
}

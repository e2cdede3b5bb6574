//! How the end of a connection is told: behind all that came over it, and to whom it concerns.

use parking_lot::Mutex;

use super::{LinkEnded, Links};
use crate::{
    actors::{peer::Ending, supervisor::Exit},
    proto::{close::CloseReason, link::LinkId, outgoing::LinkKind},
};

impl Links {
    /// The actor of a link has ended: tells it once all that came over the link is handed up.
    pub(super) async fn ended(&self, exit: Exit, ending: &Mutex<Ending>, mut ended: LinkEnded) {
        let ending = std::mem::take(&mut *ending.lock());
        let was_admitted = self.closed(ended.link);
        let told = match ending.reader {
            Some(reader) => reader.await.unwrap_or(false),
            None => false,
        };
        ended.peer = ending.peer;
        ended.was_open = was_admitted.filter(|_| told);
        ended.reason = match exit {
            Exit::Panicked(message) | Exit::Failed(message) => CloseReason::Panicked(message),
            Exit::Normal => ending.reason.unwrap_or(CloseReason::EndOfStream),
        };
        self.tell_ended(ended, was_admitted.is_some()).await;
    }

    /// The link's actor is gone; gives how it was written to, if it was admitted.
    fn closed(&self, link: LinkId) -> Option<LinkKind> {
        let mut state = self.0.state.lock();
        state.dialling.remove(&link);
        state.open.remove(&link).map(|open| open.kind)
    }

    /// Tells that a connection ended, to whom it concerns. It keeps its place until then, so that those who come and
    /// go cannot be more than there are places.
    async fn tell_ended(&self, ended: LinkEnded, was_announced: bool) {
        self.count_end(&ended);
        if was_announced {
            self.0.doors.ping_ended.tell(ended.clone()).await;
        }
        let (link, peer) = (ended.link, ended.peer.clone());
        let is_claim = ended.reason == CloseReason::NameInUse && !self.is_own_dial(ended.address);
        if was_announced || ended.target.is_some() || is_claim {
            self.0.doors.ended.tell(ended).await;
        }
        let mut state = self.0.state.lock();
        state.admission.ended(link, peer.as_ref());
    }
}

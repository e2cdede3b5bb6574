//! The side of a queue that looks to the disk: what finds no link is parked there instead of failed, and what is here
//! must not come from there too.

use std::sync::Arc;

use uuid::Uuid;

use super::{Outcome, OwnMessage, PeerQueue, owed::Owed};

impl PeerQueue {
    /// The same queue; messages that find no link are parked instead of failed.
    pub fn parking(mut self) -> Self {
        self.parks = true;
        self
    }

    /// Whether unacknowledged messages of a lost link are sent again.
    pub fn resends(&self) -> bool {
        self.limits.resend
    }

    /// The messages that wait or are not acknowledged.
    pub fn owed(&self) -> impl Iterator<Item = Uuid> {
        let in_flight = self.in_flight.iter().map(|it| &it.owed);
        let all = self.waiting.iter().chain(in_flight);
        all.filter_map(Owed::message).map(|message| message.msg_id)
    }

    /// Takes a message out that no link has taken; false if it is not here, or on its way.
    pub fn withdraw(&mut self, msg_id: Uuid) -> bool {
        let is_it = |owed: &Owed| owed.message().is_some_and(|it| it.msg_id == msg_id);
        let at = self.waiting.iter().position(is_it);
        let withdrawn = at.and_then(|at| self.waiting.remove(at));
        withdrawn
            .inspect(|owed| self.drop_from_bounds(owed))
            .is_some()
    }

    /// What waits here after it was written on links that were lost.
    pub fn returned(&self) -> impl Iterator<Item = &Arc<OwnMessage>> {
        let returned = self.waiting.iter().filter(|owed| owed.lost() > 0);
        returned.filter_map(Owed::message)
    }

    /// What becomes of a message for which no link came.
    pub(super) fn given_up(&mut self, owed: Owed, reason: &'static str) -> Outcome {
        self.drop_from_bounds(&owed);
        match owed {
            Owed::Text(entry) if self.parks => Outcome::Parked(entry.message),
            owed => owed.given_up(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use bytes::Bytes;

    use super::*;
    use crate::proto::outgoing::{
        Publications, RETURN_WAIT,
        tests::{FIRST, LIMITS, PLAIN, entry, id, names, queue, write},
    };

    #[test]
    fn a_queue_that_parks_fails_no_direct_message_for_want_of_a_link() {
        let mut queue = PeerQueue::new(LIMITS).parking();
        let start = Instant::now();
        queue.set_writer(Some(FIRST));
        queue.push(entry(1)).unwrap();
        let lines = Bytes::from_static(b"x\n");
        queue.publish(Publications { lines, count: 1 });
        queue.push(entry(3)).unwrap();
        write(&mut queue, FIRST, start, PLAIN);
        assert_eq!(names(&queue.link_lost(FIRST, PLAIN)), [("lost", 1)]);
        assert_eq!(queue.returned().count(), 1);
        queue.expire(start);
        let over = names(&queue.expire(start + RETURN_WAIT));
        assert_eq!(over, [("parked", 1), ("missed", 1), ("parked", 3)]);
        assert_eq!((queue.lines(), queue.bytes), (0, 0));
    }

    #[test]
    fn only_what_no_link_has_taken_can_be_withdrawn() {
        let (mut queue, _) = queue(1..=3);
        queue.take(FIRST, false);
        assert_eq!(queue.owed().count(), 3);
        assert!(!queue.withdraw(id(1)) && !queue.withdraw(id(4)));
        assert!(queue.withdraw(id(2)));
        assert_eq!((queue.lines(), queue.bytes), (2, 20));
    }
}

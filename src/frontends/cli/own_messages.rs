//! The messages that one client of the control socket sent, by their ids: so that its `ref` comes back to it alone, and
//! its end can wait for them. Pure.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use uuid::Uuid;

/// Messages that are remembered; of the oldest the `ref` is forgotten, and nobody waits for them.
pub const OWN_MAX: usize = 4096;

/// The newest messages of one client.
#[derive(Debug, Default)]
pub struct OwnMessages {
    known: HashMap<Uuid, Own>,
    order: VecDeque<Uuid>,
    unsettled: usize,
}

#[derive(Debug)]
struct Own {
    reference: Option<Arc<str>>,
    settled: bool,
}

impl OwnMessages {
    /// Adds one that is new.
    pub fn add(&mut self, msg_id: Uuid, reference: Option<Arc<str>>) {
        if self.order.len() == OWN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.forget(oldest);
        }
        let settled = false;
        self.known.insert(msg_id, Own { reference, settled });
        self.order.push_back(msg_id);
        self.unsettled += 1;
    }

    /// Whether it is one of them.
    pub fn knows(&self, msg_id: Uuid) -> bool {
        self.known.contains_key(&msg_id)
    }

    /// The `ref` of the command that caused it.
    pub fn reference(&self, msg_id: Uuid) -> Option<Arc<str>> {
        self.known.get(&msg_id)?.reference.clone()
    }

    /// It need not be waited for any more; more may still be told of it.
    pub fn settle(&mut self, msg_id: Uuid) {
        if let Some(own) = self.known.get_mut(&msg_id).filter(|own| !own.settled) {
            own.settled = true;
            self.unsettled -= 1;
        }
    }

    /// Events were lost: nobody can know any more which of them still have to be waited for.
    pub fn settle_all(&mut self) {
        self.known.values_mut().for_each(|own| own.settled = true);
        self.unsettled = 0;
    }

    /// Nothing will be told of it.
    pub fn forget(&mut self, msg_id: Uuid) {
        self.settle(msg_id);
        self.known.remove(&msg_id);
    }

    /// How many have to be waited for.
    pub fn unsettled(&self) -> usize {
        self.unsettled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_and_waited_for_is_bounded() {
        let mut own = OwnMessages::default();
        let id = |number: usize| Uuid::from_u128(number as u128);
        for number in 0..=OWN_MAX {
            own.add(id(number), Some("r".into()));
        }
        assert_eq!((own.known.len(), own.order.len()), (OWN_MAX, OWN_MAX));
        assert_eq!(own.unsettled(), OWN_MAX);
        assert!(!own.knows(id(0)) && own.knows(id(OWN_MAX)));
    }

    #[test]
    fn a_message_is_settled_once_and_keeps_its_reference() {
        let mut own = OwnMessages::default();
        let id = Uuid::from_u128(1);
        own.add(id, Some("17".into()));
        own.settle(id);
        own.settle(id);
        assert_eq!(own.unsettled(), 0);
        assert_eq!(own.reference(id).as_deref(), Some("17"));
        own.forget(id);
        assert_eq!((own.unsettled(), own.reference(id)), (0, None));
    }
}

//! What does not die with an incarnation of RendezvousActor: the hosted server, and the registration as it is known.
//!
//! Every incarnation gets the same [`Kept`] from the factory and writes each change into it, so a panic neither ends the
//! hosting nor leaves the registration behind.

use std::{cell::RefCell, collections::BTreeMap, path::Path, time::Duration};

use futures_util::future::join_all;

use super::{
    RendezvousConfig, host::Hosted, leftover::LastRegistration, network::Network,
    startup::Established,
};
use crate::{
    actors::clock,
    proto::{
        hosting::Hosting,
        registration::{Facts, Input, Output, Registration},
    },
};

/// The state all incarnations share. On one arbiter, so no lock is needed; nothing is borrowed across an await.
pub struct Kept(RefCell<State>);

struct State {
    facts: Facts,
    hosting: Option<Hosting>,
    hosted: BTreeMap<u16, Box<dyn Hosted>>,
    /// Our last registration of an earlier run.
    previous: Option<LastRegistration>,
    swept: bool,
}

impl Kept {
    /// What [`establish`](super::startup::establish) found, before the first incarnation. `name_checked` is true for a
    /// name that the start has chosen because it is free. `folder` is the identity's folder, if it can be written.
    pub fn new(established: Established, name_checked: bool, folder: Option<&Path>) -> Self {
        let previous = folder.and_then(LastRegistration::load);
        let leftover = previous.as_ref().and_then(|previous| previous.seen);
        Self(RefCell::new(State {
            facts: Facts::at_start(established.endpoint, name_checked, leftover),
            hosting: established.hosting,
            hosted: established.hosted,
            previous,
            swept: false,
        }))
    }

    /// For the case that the actor has given up: takes the registration back and stops the hosted server, within
    /// `limit`. True if no record of ours is left behind.
    pub async fn leave(
        &self,
        config: &RendezvousConfig,
        network: &dyn Network,
        limit: Duration,
    ) -> bool {
        let leave = async {
            let clean = self.unregister(config, network).await;
            self.stop_hosting().await;
            clean
        };
        tokio::time::timeout(limit, leave).await.unwrap_or(false)
    }

    pub(super) fn facts(&self) -> Facts {
        self.0.borrow().facts.clone()
    }

    pub(super) fn keep_facts(&self, facts: &Facts) {
        self.0.borrow_mut().facts.clone_from(facts);
    }

    pub(super) fn hosting(&self) -> Option<Hosting> {
        self.0.borrow().hosting.as_ref().map(Hosting::resume)
    }

    pub(super) fn keep_hosting(&self, hosting: &Hosting) {
        self.0.borrow_mut().hosting = Some(hosting.clone());
    }

    /// Keeps a server; one that was kept for the same port before is dropped, which cannot be: the port is exclusive.
    pub(super) fn keep_hosted(&self, port: u16, hosted: Box<dyn Hosted>) {
        self.0.borrow_mut().hosted.insert(port, hosted);
    }

    pub(super) fn take_hosted(&self, port: u16) -> Option<Box<dyn Hosted>> {
        self.0.borrow_mut().hosted.remove(&port)
    }

    pub(super) async fn stop_hosting(&self) {
        let all = std::mem::take(&mut self.0.borrow_mut().hosted);
        join_all(all.into_values().map(Hosted::stop)).await;
    }

    /// Our last registration of an earlier run, once: the second incarnation does not sweep again.
    pub(super) fn begin_sweep(&self) -> Option<Option<LastRegistration>> {
        let mut state = self.0.borrow_mut();
        let first = !std::mem::replace(&mut state.swept, true);
        first.then(|| state.previous.take())
    }

    async fn unregister(&self, config: &RendezvousConfig, network: &dyn Network) -> bool {
        let now = clock::now();
        let mut registration = Registration::new(now, config.registration.clone(), self.facts());
        let mut outputs = registration.handle(now, Input::Leave, 0.0);
        while let Some(output) = outputs.pop() {
            match output {
                Output::Left { clean } => return clean,
                Output::Send {
                    id,
                    to,
                    server,
                    request,
                    limit,
                } => {
                    let exchange = network.request(to, server, request, limit).await;
                    let input = Input::Answered { id, exchange };
                    outputs = registration.handle(clock::now(), input, 0.0);
                }
                _ => {}
            }
        }
        false
    }
}

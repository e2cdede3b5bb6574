//! Where events go: through the main door, which pushes back on whoever tells, and to taps, which never do. It knows
//! nothing of what an event says.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use actix::Message;

use super::NodeEvent;
use crate::actors::door::{Door, DoorError};

/// The way out for everything that happens. Cloning is cheap.
#[derive(Clone)]
pub struct Events {
    main: Door<NodeEvent>,
    taps: Arc<[Tap]>,
}

/// An event as a tap got it.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct EventTapped {
    /// The event, already accepted by the main door.
    pub event: NodeEvent,
    /// How many events before it the tap had no room for.
    pub missed: u64,
}

/// A bounded way beside the main door. It costs nothing while nobody listens. Cloning is cheap.
#[derive(Clone)]
pub struct Tap(Arc<Shared>);

struct Shared {
    door: Door<EventTapped>,
    listening: AtomicUsize,
    missed: AtomicU64,
}

/// Somebody listens at a tap as long as this lives.
pub struct Listening(Tap);

impl Events {
    /// Events go through this door.
    pub fn new(main: Door<NodeEvent>) -> Self {
        Self {
            main,
            taps: Arc::default(),
        }
    }

    /// Events go to this tap, too. Called by the front end before the node starts.
    #[must_use]
    pub fn with_tap(self, tap: Tap) -> Self {
        let taps = self.taps.iter().cloned().chain([tap]).collect();
        Self { taps, ..self }
    }

    /// Tells an event if the main door has room; otherwise nobody hears of it.
    pub fn try_put(&self, event: NodeEvent) -> Result<(), DoorError> {
        let heard = self.heard(&event);
        self.main.try_put(event)?;
        self.overhear(heard);
        Ok(())
    }

    /// Tells an event, waiting for room at the main door.
    pub async fn put(&self, event: NodeEvent) -> Result<(), DoorError> {
        let heard = self.heard(&event);
        self.main.put(event).await?;
        self.overhear(heard);
        Ok(())
    }

    /// Like [`Events::put`], for senders to whom a closed door says no more than that the node is ending.
    pub async fn tell(&self, event: NodeEvent) {
        if self.put(event).await.is_err() {
            tracing::trace!("No front end listens any more");
        }
    }

    /// A copy for the taps, if anybody listens at one.
    fn heard(&self, event: &NodeEvent) -> Option<NodeEvent> {
        let is_heard = self.taps.iter().any(Tap::is_heard);
        is_heard.then(|| event.clone())
    }

    fn overhear(&self, event: Option<NodeEvent>) {
        if let Some(event) = event {
            for tap in self.taps.iter() {
                tap.offer(&event);
            }
        }
    }
}

impl From<Door<NodeEvent>> for Events {
    fn from(main: Door<NodeEvent>) -> Self {
        Self::new(main)
    }
}

impl Tap {
    /// A tap into this queue, whose bound is the tap's.
    pub fn new(door: Door<EventTapped>) -> Self {
        Self(Arc::new(Shared {
            door,
            listening: AtomicUsize::new(0),
            missed: AtomicU64::new(0),
        }))
    }

    /// From now on somebody listens.
    pub fn listen(&self) -> Listening {
        self.0.listening.fetch_add(1, Ordering::Relaxed);
        Listening(self.clone())
    }

    fn is_heard(&self) -> bool {
        self.0.listening.load(Ordering::Relaxed) > 0
    }

    /// A full tap counts what it misses, and says so with the next event it takes.
    fn offer(&self, event: &NodeEvent) {
        if !self.is_heard() {
            return;
        }
        let missed = self.0.missed.swap(0, Ordering::Relaxed);
        let event = event.clone();
        let tapped = EventTapped { event, missed };
        if self.0.door.try_put(tapped).is_err() {
            self.0.missed.fetch_add(missed + 1, Ordering::Relaxed);
        }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.0.listening.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use actix::{Actor, Context, Handler};

    use super::*;
    use crate::actors::{
        door::{Doorway, Inbox, queue},
        supervisor::supervise,
    };

    /// Notes the codes of what it is told.
    struct Noting(Arc<parking_lot::Mutex<Vec<String>>>);

    impl Actor for Noting {
        type Context = Context<Self>;
    }

    impl Handler<NodeEvent> for Noting {
        type Result = ();

        fn handle(&mut self, event: NodeEvent, _: &mut Self::Context) {
            self.0.lock().push(code(&event));
        }
    }

    impl Handler<EventTapped> for Noting {
        type Result = ();

        fn handle(&mut self, tapped: EventTapped, _: &mut Self::Context) {
            let words = format!("{} after {}", code(&tapped.event), tapped.missed);
            self.0.lock().push(words);
        }
    }

    fn code(event: &NodeEvent) -> String {
        match event {
            NodeEvent::Trouble { code, .. } => (*code).to_owned(),
            other => panic!("{other:?}"),
        }
    }

    fn event(code: &'static str) -> NodeEvent {
        NodeEvent::Trouble {
            code,
            message: String::new(),
            hint: String::new(),
        }
    }

    type Ends = (Doorway<Noting>, Inbox<Noting>);

    fn ends(main: usize, tap: usize) -> (Events, Tap, Ends, Ends) {
        let (main, tapped) = (queue::<Noting>(main), queue::<Noting>(tap));
        let tap = Tap::new(tapped.0.door());
        let events = Events::new(main.0.door()).with_tap(tap.clone());
        (events, tap, main, tapped)
    }

    /// Runs the actor until all that is in its queue is noted.
    async fn noted((ways, inbox): Ends) -> Vec<String> {
        let notes = Arc::default();
        let kept = Arc::clone(&notes);
        drop(ways);
        let policy = crate::actors::testing::POLICY;
        let done = supervise(
            "noting",
            inbox,
            policy,
            std::rc::Rc::new(|_| ()),
            move |_, _| Noting(Arc::clone(&kept)),
        );
        done.await.unwrap();
        let notes: Vec<String> = std::mem::take(&mut notes.lock());
        notes
    }

    #[actix_rt::test]
    async fn a_full_tap_counts_what_it_misses_and_holds_nobody_up() {
        let (events, tap, main, tapped) = ends(8, 1);
        let _listening = tap.listen();
        for name in ["a", "b", "c"] {
            events.try_put(event(name)).unwrap();
        }
        let (ways, mut inbox) = tapped;
        inbox.0.recv().await.unwrap();
        events.tell(event("d")).await;
        drop((events, tap, _listening));
        assert_eq!(noted((ways, inbox)).await, ["d after 2"]);
        assert_eq!(noted(main).await, ["a", "b", "c", "d"]);
    }

    #[actix_rt::test]
    async fn what_the_main_door_has_no_room_for_is_not_heard_at_a_tap() {
        let (events, tap, main, tapped) = ends(1, 8);
        let listening = tap.listen();
        assert_eq!(events.try_put(event("a")), Ok(()));
        assert_eq!(events.try_put(event("b")), Err(DoorError::Full));
        drop((events, tap, listening));
        assert_eq!(noted(tapped).await, ["a after 0"]);
        assert_eq!(noted(main).await, ["a"]);
    }

    #[actix_rt::test]
    async fn a_tap_at_which_nobody_listens_gets_nothing() {
        let (events, tap, main, tapped) = ends(8, 8);
        events.try_put(event("before")).unwrap();
        let listening = tap.listen();
        events.try_put(event("heard")).unwrap();
        drop(listening);
        events.try_put(event("after")).unwrap();
        drop((events, tap));
        assert_eq!(noted(tapped).await, ["heard after 0"]);
        assert_eq!(noted(main).await.len(), 3);
    }
}

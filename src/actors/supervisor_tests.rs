//! Supervision under a paused clock: restarts, backoff, order, poison, giving up.

use std::{cell::RefCell, time::Duration};

use actix::Handler;

use super::*;
use crate::{
    actors::door::{DoorError, Doorway, queue},
    proto::backoff::Backoff,
};

#[derive(Clone, Message)]
#[rtype(result = "u32")]
struct Add(u32);

#[derive(Clone, Message)]
#[rtype(result = "()")]
struct Fail(&'static str);

/// Adds up outside of itself, so that a restart does not forget; panics on 13.
struct Adder {
    seen: Rc<RefCell<Vec<u32>>>,
    note: ExitNote,
}

impl Actor for Adder {
    type Context = Context<Self>;
}

impl Handler<Add> for Adder {
    type Result = u32;

    fn handle(&mut self, Add(number): Add, _: &mut Self::Context) -> u32 {
        assert!(number != 13, "unlucky");
        self.seen.borrow_mut().push(number);
        self.seen.borrow().iter().sum()
    }
}

impl Handler<Fail> for Adder {
    type Result = ();

    fn handle(&mut self, Fail(reason): Fail, context: &mut Self::Context) {
        self.note.fail(context, reason);
    }
}

panics_on_request!(Adder);

struct Rig {
    doorway: Doorway<Adder>,
    seen: Rc<RefCell<Vec<u32>>>,
    reports: Rc<RefCell<Vec<Report>>>,
    task: JoinHandle<Exit>,
}

const POLICY: RestartPolicy = RestartPolicy {
    backoff: Backoff {
        base: Duration::from_millis(500),
        factor: 2.0,
        cap: Duration::from_secs(30),
    },
    stable_after: Duration::from_secs(30),
    window: Duration::from_secs(60),
    failures_max: 3,
};

fn rig(capacity: usize) -> Rig {
    tokio::time::pause();
    let (doorway, inbox) = queue(capacity);
    let seen = Rc::new(RefCell::new(Vec::new()));
    let reports = Rc::new(RefCell::new(Vec::new()));
    let (kept, sink) = (Rc::clone(&seen), Rc::clone(&reports));
    let report: Reports = Rc::new(move |report| sink.borrow_mut().push(report));
    let task = supervise("adder", inbox, POLICY, report, move |_, note| Adder {
        seen: Rc::clone(&kept),
        note,
    });
    Rig {
        doorway,
        seen,
        reports,
        task,
    }
}

fn restarts(rig: &Rig) -> usize {
    let is_restart = |report: &&Report| matches!(report, Report::Restarting { .. });
    rig.reports.borrow().iter().filter(is_restart).count()
}

#[actix_rt::test]
async fn messages_queued_behind_a_panic_arrive_in_order_at_the_next_incarnation() {
    let rig = rig(16);
    let add = rig.doorway.door::<Add>();
    add.try_put(Add(1)).unwrap();
    rig.doorway
        .door::<PanicNow>()
        .try_put_once(PanicNow)
        .unwrap();
    add.try_put(Add(2)).unwrap();
    assert_eq!(add.ask(Add(3)).await, Ok(6));
    assert_eq!(*rig.seen.borrow(), [1, 2, 3]);
    assert_eq!(restarts(&rig), 1);
}

#[actix_rt::test]
async fn a_message_that_panics_its_actor_is_given_once_more_and_then_poisoned() {
    let rig = rig(16);
    let add = rig.doorway.door::<Add>();
    assert_eq!(add.ask(Add(13)).await, Err(DoorError::Poisoned));
    assert_eq!(add.ask(Add(1)).await, Ok(1));
    assert_eq!(restarts(&rig), 2);
    let poisoned = Report::Poisoned {
        actor: "adder",
        message: std::any::type_name::<Add>(),
    };
    assert!(rig.reports.borrow().contains(&poisoned));
}

#[actix_rt::test]
async fn a_noted_failure_is_reported_with_its_reason_and_restarted() {
    let rig = rig(16);
    rig.doorway
        .door::<Fail>()
        .try_put(Fail("disk on fire"))
        .unwrap();
    assert_eq!(rig.doorway.door::<Add>().ask(Add(5)).await, Ok(5));
    let reports = rig.reports.borrow();
    let Report::Restarting { exit, delay, .. } = &reports[0] else {
        panic!("a restart was expected: {reports:?}");
    };
    assert_eq!(*exit, Exit::Failed("disk on fire".into()));
    assert!(*delay > Duration::from_millis(300) && *delay <= Duration::from_millis(500));
}

#[actix_rt::test]
async fn too_many_panics_in_the_window_end_the_actor_and_close_its_doors() {
    let rig = rig(16);
    let door = rig.doorway.door::<PanicNow>();
    for _ in 0..4 {
        door.try_put_once(PanicNow).unwrap();
    }
    let exit = rig.task.await.unwrap();
    assert_eq!(exit, Exit::Panicked("asked to panic".into()));
    assert_eq!(
        rig.doorway.door::<Add>().ask(Add(1)).await,
        Err(DoorError::Closed)
    );
    let last = rig.reports.borrow().last().cloned();
    assert!(matches!(last, Some(Report::GaveUp { actor: "adder", .. })));
}

#[actix_rt::test]
async fn an_incarnation_that_panics_while_it_starts_costs_no_message_a_delivery() {
    tokio::time::pause();
    let (doorway, inbox) = queue(16);
    let starts = Rc::new(RefCell::new(0));
    let reports = Rc::new(RefCell::new(Vec::new()));
    let (counted, sink) = (Rc::clone(&starts), Rc::clone(&reports));
    let report: Reports = Rc::new(move |report| sink.borrow_mut().push(report));
    let add = doorway.door::<AddLate>();
    add.try_put(AddLate(1)).unwrap();
    supervise("late", inbox, POLICY, report, move |_, _| Late {
        starts: Rc::clone(&counted),
    });
    assert_eq!(add.ask(AddLate(2)).await, Ok(2));
    assert_eq!(*starts.borrow(), 4);
    let is_poisoned = |report: &Report| matches!(report, Report::Poisoned { .. });
    assert!(!reports.borrow().iter().any(is_poisoned));
}

#[derive(Clone, Message)]
#[rtype(result = "u32")]
struct AddLate(u32);

/// Panics in its first three starts.
struct Late {
    starts: Rc<RefCell<u32>>,
}

impl Actor for Late {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        *self.starts.borrow_mut() += 1;
        assert!(*self.starts.borrow() > 3, "not yet");
    }
}

impl Handler<AddLate> for Late {
    type Result = u32;

    fn handle(&mut self, AddLate(number): AddLate, _: &mut Self::Context) -> u32 {
        number
    }
}

#[actix_rt::test]
async fn a_full_queue_refuses_and_does_not_drop_what_is_in_it() {
    let rig = rig(2);
    let add = rig.doorway.door::<Add>();
    assert_eq!(add.try_put(Add(1)), Ok(()));
    assert_eq!(add.try_put(Add(2)), Ok(()));
    assert_eq!(add.try_put(Add(3)), Err(DoorError::Full));
    assert_eq!(add.ask(Add(4)).await, Ok(7));
}

#[actix_rt::test]
async fn an_actor_whose_doors_are_all_dropped_ends_normally() {
    let Rig { doorway, task, .. } = rig(2);
    drop(doorway);
    assert_eq!(task.await.unwrap(), Exit::Normal);
}

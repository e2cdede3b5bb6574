//! Doors: full, closed, in order, and made of a probe.

use std::time::Duration;

use super::*;
use crate::actors::{
    supervisor::{Exit, supervise},
    testing::{Mailbox, Order, POLICY, Probe, reports, turn},
};

#[derive(Clone, Debug, PartialEq, Message)]
#[rtype(result = "()")]
struct Note(u32);

#[derive(Clone, Message)]
#[rtype(result = "u32")]
struct Double(u32);

struct Doubler;

impl Actor for Doubler {
    type Context = Context<Self>;
}

impl Handler<Double> for Doubler {
    type Result = u32;

    fn handle(&mut self, Double(number): Double, _: &mut Self::Context) -> u32 {
        assert!(number != 13, "unlucky");
        number * 2
    }
}

#[actix_rt::test]
async fn a_full_queue_refuses_a_try_and_makes_a_put_wait_for_room() {
    tokio::time::pause();
    let (doorway, mut inbox) = queue::<Probe<Note>>(1);
    let door = doorway.door();
    assert_eq!(door.try_put(Note(1)), Ok(()));
    assert_eq!(door.try_put(Note(2)), Err(DoorError::Full));
    let waiting = door.put(Note(3));
    let mut waiting = std::pin::pin!(waiting);
    let limit = Duration::from_secs(600);
    assert!(tokio::time::timeout(limit, &mut waiting).await.is_err());
    assert!(inbox.0.recv().await.is_some());
    assert_eq!(waiting.await, Ok(()));
}

#[actix_rt::test]
async fn a_closed_door_refuses_and_whoever_only_tells_goes_on() {
    let (doorway, inbox) = queue::<Probe<Note>>(1);
    let door: Door<Note> = doorway.door();
    drop(inbox);
    assert_eq!(door.try_put(Note(1)), Err(DoorError::Closed));
    assert_eq!(door.put(Note(1)).await, Err(DoorError::Closed));
    assert_eq!(door.ask(Note(1)).await, Err(DoorError::Closed));
    door.tell(Note(1)).await;
}

#[actix_rt::test]
async fn whoever_asks_learns_whether_the_actor_failed_on_it_or_is_gone() {
    tokio::time::pause();
    let (doorway, inbox) = queue(8);
    let door: Door<Double> = doorway.door();
    let (report, _) = reports();
    let task = supervise("doubler", inbox, POLICY, report, |_, _| Doubler);
    assert_eq!(door.ask(Double(4)).await, Ok(8));
    assert_eq!(door.ask(Double(13)).await, Err(DoorError::Poisoned));
    // Left in the queue of an actor that was given up.
    let (doorway, inbox) = queue::<Doubler>(8);
    let door: Door<Double> = doorway.door();
    let asked = actix_rt::spawn(async move { door.ask(Double(4)).await });
    turn().await;
    drop(inbox);
    assert_eq!(asked.await.unwrap(), Err(DoorError::Closed));
    drop(task);
}

#[actix_rt::test]
async fn all_doors_of_an_actor_share_one_order() {
    let (doorway, inbox) = queue(8);
    let order = Order::default();
    let mailbox = Mailbox::new(&order);
    let (first, second): (Door<Note>, Door<Note>) = (doorway.door(), doorway.door());
    for number in 0..4 {
        let door = if number % 2 == 0 { &first } else { &second };
        door.try_put(Note(number)).unwrap();
    }
    let probe = mailbox.probe();
    let (report, _) = reports();
    let task = supervise("probe", inbox, POLICY, report, move |_, _| probe.clone());
    drop((doorway, first, second));
    assert_eq!(task.await.unwrap(), Exit::Normal);
    assert_eq!(mailbox.take_all(), [0, 1, 2, 3].map(Note));
}

#[actix_rt::test]
async fn a_door_made_of_a_probe_gives_its_messages_and_answers() {
    let mailbox = Mailbox::new(&Order::default());
    let door: Door<Note> = mailbox.door();
    door.try_put(Note(1)).unwrap();
    door.put(Note(2)).await.unwrap();
    assert_eq!(door.ask(Note(3)).await, Ok(()));
    door.try_put_once(Note(4)).unwrap();
    turn().await;
    assert_eq!(mailbox.take_all(), [1, 2, 3, 4].map(Note));
}

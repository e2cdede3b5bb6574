//! The life of our own messages on one peer's queue.

use proptest::prelude::*;

use super::*;

const LIMITS: QueueLimits = QueueLimits {
    lines_max: 4,
    bytes_max: 100,
    ack_timeout: Duration::from_secs(5),
    resend: true,
    late_max: 2,
    late_age: Duration::from_secs(600),
};
const PLAIN: LinkKind = LinkKind {
    stream: false,
    acks: true,
};
const STREAM: LinkKind = LinkKind {
    stream: true,
    acks: true,
};
const FIRST: LinkId = LinkId(1);

fn id(number: u64) -> Uuid {
    Uuid::from_u128(u128::from(number))
}

fn entry(number: u64) -> Entry {
    let message = OwnMessage {
        msg_id: id(number),
        number,
        to: Destination::Everyone,
        text: "x".into(),
        reference: None,
    };
    Entry {
        message: Arc::new(message),
        line: Bytes::from_static(b"0123456789"),
        expires: None,
        announced: true,
        lost: 0,
    }
}

fn queue(numbers: impl IntoIterator<Item = u64>) -> (PeerQueue, Instant) {
    let mut queue = PeerQueue::new(LIMITS);
    queue.set_writer(Some(FIRST));
    for number in numbers {
        queue.push(entry(number)).unwrap();
    }
    (queue, Instant::now())
}

fn write(queue: &mut PeerQueue, link: LinkId, now: Instant, kind: LinkKind) -> Option<u64> {
    queue.set_writer(Some(link));
    queue.take(link, false)?;
    let number = queue.in_flight.back()?.message().map(|it| it.number);
    queue.written(now, link, kind);
    number
}

fn name(outcome: &Outcome) -> (&'static str, u64) {
    match outcome {
        Outcome::Delivered(message, _) => ("delivered", message.number),
        Outcome::AckTimedOut(message) => ("timeout", message.number),
        Outcome::Unconfirmed(message, _) => ("sent", message.number),
        Outcome::Failed(message, _) => ("failed", message.number),
        Outcome::Missed(count) => ("missed", u64::try_from(*count).unwrap()),
    }
}

fn names(outcomes: &[Outcome]) -> Vec<(&'static str, u64)> {
    outcomes.iter().map(name).collect()
}

#[test]
fn what_was_written_is_counted_by_type() {
    use crate::wire::kind::LineKind::{Pub, Send};
    let (mut queue, now) = queue([1, 2]);
    queue.publish(publications(2));
    while queue.take(FIRST, true).is_some() {}
    let written: Vec<_> = queue.written(now, FIRST, STREAM).iter().collect();
    assert_eq!(written, [(Send, 2), (Pub, 2)]);
    assert_eq!(queue.written(now, FIRST, STREAM).iter().count(), 0);
}

#[test]
fn an_ack_delivers_and_measures_from_the_writing() {
    let (mut queue, start) = queue([1]);
    write(&mut queue, FIRST, start, PLAIN);
    let rtt = Duration::from_millis(3);
    let outcome = queue.acknowledged(start + rtt, id(1)).unwrap();
    assert_eq!(outcome, Outcome::Delivered(entry(1).message, rtt));
    assert_eq!(
        queue.acknowledged(start, id(1)),
        None,
        "a second ACK is a stray"
    );
    assert_eq!(queue.lines(), 0);
}

#[test]
fn the_queue_is_bounded_in_lines_and_bytes_whatever_is_in_flight() {
    let (mut queue, start) = queue(1..=4);
    write(&mut queue, FIRST, start, PLAIN);
    assert_eq!(queue.push(entry(5)), Err(QueueFull));
    assert!(queue.above_half());
    queue.acknowledged(start, id(1));
    let mut large = entry(5);
    large.line = Bytes::from(vec![b'x'; 71]);
    assert_eq!(queue.push(large), Err(QueueFull));
    assert_eq!(queue.push(entry(5)), Ok(()));
    let mut alone = PeerQueue::new(LIMITS);
    let mut larger_than_the_limit = entry(1);
    larger_than_the_limit.line = Bytes::from(vec![b'x'; 1000]);
    assert_eq!(alone.push(larger_than_the_limit), Ok(()));
}

#[test]
fn only_the_writing_link_gets_messages() {
    let (mut queue, _) = queue([1]);
    assert_eq!(queue.take(LinkId(2), true), None);
    assert!(queue.take(FIRST, true).is_some());
    assert_eq!(queue.take(FIRST, true), None);
}

#[test]
fn a_missing_ack_is_told_once_and_a_late_one_still_delivers() {
    let (mut queue, start) = queue([1]);
    assert_eq!(
        queue.expire(start + Duration::from_secs(60)),
        [],
        "not written yet"
    );
    write(&mut queue, FIRST, start, PLAIN);
    assert_eq!(queue.expire(start + Duration::from_secs(4)), []);
    let late = start + Duration::from_secs(5);
    assert_eq!(names(&queue.expire(late)), [("timeout", 1)]);
    assert_eq!(queue.expire(late), []);
    let outcome = queue.acknowledged(start + Duration::from_secs(7), id(1));
    assert_eq!(
        outcome,
        Some(Outcome::Delivered(entry(1).message, Duration::from_secs(7)))
    );
}

#[test]
fn unwritten_messages_of_a_lost_link_keep_their_order_and_their_attempts() {
    let (mut queue, start) = queue(1..=3);
    queue.take(FIRST, true);
    queue.take(FIRST, true);
    for _ in 0..5 {
        assert_eq!(queue.link_lost(FIRST, PLAIN), []);
        queue.set_writer(Some(FIRST));
        queue.take(FIRST, true);
        queue.take(FIRST, true);
    }
    queue.link_lost(FIRST, PLAIN);
    let order: Vec<u64> =
        std::iter::from_fn(|| write(&mut queue, LinkId(2), start, PLAIN)).collect();
    assert_eq!(order, [1, 2, 3]);
}

#[test]
fn a_written_message_is_sent_again_once_to_a_plain_peer_and_three_times_to_a_stream_peer() {
    for (kind, resends) in [(PLAIN, 1), (STREAM, 3)] {
        let (mut queue, start) = queue([1]);
        for link in 0..resends {
            assert_eq!(write(&mut queue, LinkId(link), start, kind), Some(1));
            assert_eq!(queue.link_lost(LinkId(link), kind), []);
        }
        write(&mut queue, LinkId(9), start, kind);
        assert_eq!(names(&queue.link_lost(LinkId(9), kind)), [("sent", 1)]);
        assert_eq!(queue.lines(), 0);
        let late = queue.acknowledged(start, id(1)).unwrap();
        assert_eq!(
            name(&late),
            ("delivered", 1),
            "an ACK may still be in the other link"
        );
    }
}

#[test]
fn with_resend_off_a_lost_link_ends_what_was_written_on_it() {
    let mut queue = PeerQueue::new(QueueLimits {
        resend: false,
        ..LIMITS
    });
    queue.push(entry(1)).unwrap();
    write(&mut queue, FIRST, Instant::now(), STREAM);
    assert_eq!(names(&queue.link_lost(FIRST, STREAM)), [("sent", 1)]);
}

fn publications(count: usize) -> Publications {
    let lines: String = (1..=count)
        .map(|number| format!("pub {number}\n"))
        .collect();
    Publications {
        lines: lines.into(),
        count,
    }
}

#[test]
fn a_publication_is_done_when_written_and_a_peer_without_acks_ends_as_sent() {
    let (mut queue, start) = queue([]);
    queue.publish(publications(2));
    queue.push(entry(3)).unwrap();
    assert_eq!((queue.lines(), queue.bytes), (3, 22));
    queue.set_writer(Some(FIRST));
    queue.take(FIRST, true).unwrap();
    queue.written(start, FIRST, PLAIN);
    assert_eq!((queue.expire(start), queue.lines()), (vec![], 1));
    queue.take(FIRST, true).unwrap();
    let no_acks = LinkKind {
        stream: false,
        acks: false,
    };
    queue.written(start, FIRST, no_acks);
    assert!(!queue.is_settled());
    assert_eq!(names(&queue.expire(start)), [("sent", 3)]);
    assert!(queue.is_settled() && queue.bytes == 0);
}

#[test]
fn publications_are_taken_together_or_one_by_one_and_come_back_in_order() {
    let (mut queue, start) = queue([]);
    queue.publish(publications(3));
    queue.set_writer(Some(FIRST));
    let mut plain = || queue.take(FIRST, false).unwrap();
    assert_eq!([plain(), plain()], ["pub 1\n", "pub 2\n"]);
    assert_eq!(queue.link_lost(FIRST, PLAIN), []);
    queue.set_writer(Some(LinkId(2)));
    assert_eq!(queue.take(LinkId(2), true).unwrap(), "pub 1\n");
    queue.written(start, LinkId(2), STREAM);
    assert_eq!(queue.take(LinkId(2), true).unwrap(), "pub 2\n");
    assert_eq!(queue.take(LinkId(2), true).unwrap(), "pub 3\n");
    queue.written(start, LinkId(2), STREAM);
    assert!(queue.is_settled() && queue.bytes == 0);
}

#[test]
fn publications_that_nobody_took_are_counted() {
    let (mut queue, start) = queue([]);
    queue.publish(publications(3));
    assert_eq!(queue.fail_waiting("gone"), [Outcome::Missed(3)]);
    queue.publish(publications(2));
    queue.set_writer(None);
    assert_eq!(queue.expire(start), []);
    let over = queue.expire(start + RETURN_WAIT);
    assert_eq!((over, queue.lines()), (vec![Outcome::Missed(2)], 0));
}

#[test]
fn room_is_bounded_in_lines_and_bytes_and_a_large_line_goes_alone() {
    let (queue, _) = queue([1]);
    assert_eq!(queue.room(&[10, 20, 30, 40]), 3);
    assert_eq!(queue.room(&[60, 90, 91]), 2);
    assert_eq!(queue.room(&[91]), 0);
    assert_eq!(PeerQueue::new(LIMITS).room(&[1000, 1010]), 1);
}

#[test]
fn what_two_links_of_a_peer_write_in_turn_ends_on_the_link_that_wrote_it() {
    let (mut queue, start) = queue(1..=4);
    queue.take(FIRST, true).unwrap();
    queue.set_writer(Some(LinkId(2)));
    queue.take(LinkId(2), true).unwrap();
    queue.written(start, LinkId(2), PLAIN);
    queue.take(LinkId(2), true).unwrap();
    queue.written(start, FIRST, PLAIN);
    let written = queue.in_flight.iter().map(|it| it.written.is_some());
    assert_eq!(written.collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn a_message_for_an_absent_peer_fails_at_its_time_unless_a_link_opens() {
    let (mut queue, start) = queue([]);
    let mut waits = entry(1);
    waits.expires = Some(start + Duration::from_secs(15));
    waits.announced = false;
    queue.push(waits.clone()).unwrap();
    assert_eq!(queue.expire(start + Duration::from_secs(14)), []);
    assert_eq!(
        names(&queue.expire(start + Duration::from_secs(15))),
        [("failed", 1)]
    );
    queue.push(waits).unwrap();
    assert_eq!(queue.announce().len(), 1);
    assert_eq!(queue.announce().len(), 0, "told once");
    assert_eq!(queue.expire(start + Duration::from_secs(99)), []);
}

#[test]
fn giving_up_fails_what_was_never_written_and_leaves_the_rest_as_sent() {
    let (mut queue, start) = queue([1, 2]);
    write(&mut queue, FIRST, start, PLAIN);
    queue.link_lost(FIRST, PLAIN);
    let outcomes = queue.fail_waiting("gone");
    assert_eq!(names(&outcomes), [("sent", 1), ("failed", 2)]);
    assert_eq!((queue.lines(), queue.bytes), (0, 0));
}

#[test]
fn what_a_lost_link_gave_back_waits_for_the_next_one_but_not_for_ever() {
    let (mut queue, start) = queue([1, 2]);
    write(&mut queue, FIRST, start, PLAIN);
    queue.link_lost(FIRST, PLAIN);
    assert_eq!(queue.writer(), None, "a lost link writes nothing more");
    assert_eq!(queue.expire(start), []);
    let almost = start + RETURN_WAIT - Duration::from_millis(1);
    assert_eq!(queue.expire(almost), []);
    let over = names(&queue.expire(start + RETURN_WAIT));
    assert_eq!(over, [("sent", 1), ("failed", 2)]);
}

#[test]
fn the_wait_for_the_next_link_begins_anew_with_each_loss() {
    let (mut queue, start) = queue([1]);
    queue.link_lost(FIRST, PLAIN);
    queue.expire(start);
    queue.set_writer(Some(LinkId(2)));
    let later = start + RETURN_WAIT;
    assert_eq!(queue.expire(later), [], "a slow link is no reason to fail");
    queue.link_lost(LinkId(2), PLAIN);
    assert_eq!(queue.expire(later), []);
    assert_eq!(names(&queue.expire(later + RETURN_WAIT)), [("failed", 1)]);
}

#[test]
fn links_on_which_nothing_can_be_written_do_not_keep_a_message_waiting_for_ever() {
    let (mut queue, start) = queue([1]);
    let mut now = start;
    let mut outcomes = Vec::new();
    for link in 1.. {
        queue.set_writer(Some(LinkId(link)));
        queue.take(LinkId(link), true);
        now += Duration::from_secs(30);
        outcomes.extend(queue.expire(now));
        outcomes.extend(queue.link_lost(LinkId(link), PLAIN));
        outcomes.extend(queue.expire(now));
        if !outcomes.is_empty() {
            break;
        }
        assert!(link < 10, "it waits for ever");
    }
    assert_eq!(names(&outcomes), [("failed", 1)]);
    assert!(now >= start + Duration::from_secs(90), "three get a chance");
}

#[test]
fn a_late_ack_of_a_peer_that_said_it_sends_none_leaves_nothing_more_to_tell() {
    let (mut queue, start) = queue([1]);
    let silent = LinkKind {
        acks: false,
        ..PLAIN
    };
    write(&mut queue, FIRST, start, silent);
    let outcome = queue.acknowledged(start, id(1));
    assert!(matches!(outcome, Some(Outcome::Delivered(..))));
    assert_eq!(queue.expire(start), [], "delivered is its last state");
}

#[test]
fn a_half_written_batch_may_have_arrived_at_a_stream_but_not_at_a_plain_peer() {
    for (kind, last) in [(PLAIN, "failed"), (STREAM, "sent")] {
        let (mut queue, _) = queue([1]);
        queue.take(FIRST, true);
        assert_eq!(queue.link_lost(FIRST, kind), []);
        assert_eq!(names(&queue.fail_waiting("gone")), [(last, 1)]);
    }
}

#[derive(Debug, Clone)]
enum Step {
    Push,
    Take(u64),
    Written,
    Ack,
    Lost(u64),
    Pass(u64),
    Fail,
}

proptest! {
    #[test]
    fn every_message_ends_exactly_once(
        steps in proptest::collection::vec(
            prop_oneof![
                Just(Step::Push), (1u64..3).prop_map(Step::Take), Just(Step::Written), Just(Step::Ack),
                (1u64..3).prop_map(Step::Lost), (0u64..7).prop_map(Step::Pass), Just(Step::Fail),
            ],
            0..80,
        ),
        resend in any::<bool>(),
    ) {
        let mut queue = PeerQueue::new(QueueLimits { resend, late_max: 1000, ..LIMITS });
        let mut now = Instant::now();
        let (mut pushed, mut taken, mut ends) = (0, Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Push => pushed += u64::from(queue.push(entry(pushed + 1)).is_ok()),
                Step::Take(link) => {
                    queue.set_writer(Some(LinkId(link)));
                    if queue.take(LinkId(link), true).is_some() {
                        let newest = queue.in_flight.back().and_then(InFlight::message);
                        taken.extend(newest.map(|it| (it.msg_id, LinkId(link))));
                    }
                }
                Step::Written => if let Some((_, link)) = taken.last() {
                    queue.written(now, *link, PLAIN);
                },
                Step::Ack => if let Some((msg_id, _)) = taken.first().copied() {
                    taken.remove(0);
                    ends.extend(queue.acknowledged(now, msg_id));
                },
                Step::Lost(link) => ends.extend(queue.link_lost(LinkId(link), PLAIN)),
                Step::Pass(seconds) => {
                    now += Duration::from_secs(seconds);
                    ends.extend(queue.expire(now));
                }
                Step::Fail => ends.extend(queue.fail_waiting("gone")),
            }
            prop_assert!(queue.lines() <= LIMITS.lines_max);
            let in_flight = queue.in_flight.iter().map(|it| &it.owed);
            let owed: Vec<&Owed> = queue.waiting.iter().chain(in_flight).collect();
            prop_assert_eq!(queue.bytes, owed.iter().map(|it| it.bytes().len()).sum::<usize>());
            prop_assert_eq!(queue.lines, owed.iter().map(|it| it.lines()).sum::<usize>());
        }
        for link in 1..3 {
            ends.extend(queue.link_lost(LinkId(link), PLAIN));
        }
        ends.extend(queue.fail_waiting("end"));
        for number in 1..=pushed {
            let last: Vec<_> = names(&ends).into_iter().filter(|(_, n)| *n == number).collect();
            let finals = last.iter().filter(|(kind, _)| *kind != "delivered").count();
            let delivered = last.iter().filter(|(kind, _)| *kind == "delivered").count();
            prop_assert!(finals <= 1 && delivered <= 1 && finals + delivered >= 1, "#{number}: {last:?}");
        }
    }
}

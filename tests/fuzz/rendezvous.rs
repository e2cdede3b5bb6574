//! Both sides of the rendezvous: request lines into the directory, answers into the client.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use papo::{
    proto::{
        backoff::Backoff,
        directory::{Directory, Limits, Outcome},
        registration::{
            self, Config, Endpoint, Exchange, Facts, Input, Registration, records::Viewpoint,
        },
    },
    wire::{
        identity::PeerId,
        pyjson::{self, PRINTED_MAX},
        rendezvous::{ANSWER_BYTES_MAX, Answer, RECORDS_MAX},
    },
};

use crate::harness::Target;

const REQUEST_WORDS: &[&str] = &[
    r#"{"type":"REGISTER","namespace":"UnB","name":"alice","port":4000,"ttl":3600}"#,
    r#"{"type":"DISCOVER"}"#,
    r#"{"type":"DISCOVER","namespace":"UnB"}"#,
    r#"{"type":"UNREGISTER","namespace":"UnB","name":"alice","port":4000}"#,
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\n",
    " ",
    "null",
    "true",
    "NaN",
    "-Infinity",
    "1e400",
    "0x1",
    "007",
    "1_000",
    "\"type\":",
    "\"REGISTER\"",
    "\"dIsCoVeR\"",
    "\"UNREGISTER\"",
    "\"name\":",
    "\"namespace\":",
    "\"port\":",
    "\"ttl\":",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"\u{661}\u{662}\"",
    "99999999999999999999",
    "65536",
    "\"60.5\"",
    "\\",
    "'",
];

const ANSWER_WORDS: &[&str] = &[
    r#"{"status": "OK", "ttl": 3600, "ip": "10.0.0.1", "port": 4000}"#,
    r#"{"status": "OK", "peers": [{"ip": "10.0.0.2", "port": 4000, "name": "bob", "namespace": "X", "ttl": 60, "expires_in": 59}]}"#,
    r#"{"status": "ERROR", "message": "peer_not_registered"}"#,
    "Connection from 10.0.0.1:5 has been blocked due to excessive login attempts (limit: 50). The block will be lifted in 60 seconds.",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\n",
    "null",
    "1e999",
    "-1",
    "99999999999999999999",
    "\"status\":",
    "\"OK\"",
    "\"ERROR\"",
    "\"peers\":",
    "\"message\":",
    "\"ttl\":",
    "\"ip\":",
    "\"port\":",
    "\"name\":",
    "\"namespace\":",
    "\"expires_in\":",
    "\"::ffff:10.0.0.3\"",
    "\"127.0.0.1\"",
    "\"0.0.0.0\"",
    "\"\\ud800\"",
    "has been blocked",
    "lifted in ",
    "HTTP/1.1 400 Bad Request\r",
];

#[test]
fn any_request_gets_one_answer_that_our_own_client_understands() {
    let target = Target {
        name: "request",
        words: REQUEST_WORDS,
        cases: 3_000,
        check: check_requests,
    };
    target.run();
}

#[test]
fn any_answer_leaves_a_client_that_knows_what_it_does_next() {
    let target = Target {
        name: "answer",
        words: ANSWER_WORDS,
        cases: 3_000,
        check: check_answers,
    };
    target.run();
}

const LIMITS: Limits = Limits {
    records_max: 6,
    records_per_address_max: 3,
};

pub fn check_requests(input: &[u8]) {
    let mut directory = Directory::new(LIMITS);
    let mut now = Duration::from_secs(1_790_000_000);
    for (number, line) in (0u8..=255).zip(input.split(|byte| *byte == b'\n')) {
        let from = IpAddr::from([10, 0, 0, number % 3]);
        check_request(&mut directory, now, from, line);
        now += Duration::from_millis(u64::from(number) * 100);
    }
}

fn check_request(directory: &mut Directory, now: Duration, from: IpAddr, line: &[u8]) {
    if let Ok(value) = pyjson::read_line(line) {
        assert!(value.printed().len() <= PRINTED_MAX + 3);
        value.to_integer();
    }
    let answer = directory.answer(now, from, line);
    assert!(answer.line.is_ascii() && answer.line.len() <= ANSWER_BYTES_MAX);
    assert_eq!(
        answer.line.iter().position(|byte| *byte == b'\n'),
        Some(answer.line.len() - 1)
    );
    match Answer::parse(&answer.line) {
        Answer::Ok(success) => {
            assert!(!matches!(answer.outcome, Outcome::Refused(_)));
            assert_eq!((success.peers.skipped, success.peers.beyond_limit), (0, 0));
        }
        Answer::Error(failure) => {
            assert!(matches!(answer.outcome, Outcome::Refused(_)) && !failure.message.is_empty());
        }
        other => panic!("{other:?}"),
    }
    assert!(directory.len() <= LIMITS.records_max);
    let saved = directory.snapshot().to_saved();
    let restored = Directory::restored(LIMITS, now, saved.clone());
    assert_eq!(restored.snapshot().to_saved(), saved);
}

pub fn check_answers(input: &[u8]) {
    let mut client = Client::new();
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        let answer = Answer::parse(line);
        check_bounds(&answer);
        client.answered(answer);
    }
}

fn check_bounds(answer: &Answer) {
    let own = PeerId::parse("me@X").unwrap();
    match answer {
        Answer::Ok(success) => {
            let records = &success.peers.records;
            assert!(records.len() <= RECORDS_MAX);
            let usable = |at: SocketAddr| at.port() != 0 && !at.ip().is_unspecified();
            assert!(records.iter().all(|record| usable(record.address)));
            let viewpoint = Viewpoint {
                own: &own,
                seen: None,
                server: Some([10, 9, 9, 9].into()),
            };
            let arranged = viewpoint.arrange(records.clone());
            assert!(arranged.records.len() <= records.len() && arranged.sharers >= 1);
        }
        Answer::Error(failure) => assert!(failure.message.chars().count() <= 256),
        Answer::Blocked { .. } | Answer::NotARendezvous => {}
    }
}

/// A client that gets these answers, one after the other.
struct Client {
    registration: Registration,
    now: Instant,
    asked: Option<u64>,
}

impl Client {
    fn new() -> Self {
        let config = Config {
            own: PeerId::parse("me@X").unwrap(),
            port: 4000,
            ttl: Duration::from_secs(7200),
            discovery_interval: Duration::from_secs(60),
            timeout: Duration::from_secs(5),
            backoff: Backoff {
                base: Duration::from_secs(1),
                factor: 2.0,
                cap: Duration::from_secs(60),
            },
        };
        let endpoint = Endpoint {
            address: "10.9.9.9:8080".into(),
            hosted: false,
            embedded: false,
        };
        let facts = Facts::at_start(Some(endpoint), false, None);
        let now = Instant::now();
        let mut client = Self {
            registration: Registration::new(now, config, facts),
            now,
            asked: None,
        };
        client.take(Input::Started);
        client
    }

    fn take(&mut self, input: Input) {
        for output in self.registration.handle(self.now, input, 0.5) {
            match output {
                registration::Output::Send { id, .. } => self.asked = Some(id),
                registration::Output::ProbeOwnName { id, .. } => {
                    self.now += Duration::from_millis(10);
                    self.take(Input::Probed { id, taken: None });
                }
                _ => {}
            }
        }
    }

    fn answered(&mut self, answer: Answer) {
        if let Some(id) = self.asked.take() {
            let exchange = Exchange {
                server: Some(([10, 9, 9, 9], 8080).into()),
                outcome: registration::Outcome::Answered(answer),
            };
            self.take(Input::Answered { id, exchange });
        }
        let wake = self
            .registration
            .next_wake(self.now)
            .expect("there is always something next");
        assert!(wake > self.now || self.asked.is_some(), "it does not spin");
        self.now = self.now.max(wake);
        self.take(Input::Tick);
    }
}

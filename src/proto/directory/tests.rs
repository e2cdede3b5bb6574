//! The directory: answers to the letter, the life of a record, the bounds, and the way over a restart.

use std::net::SocketAddr;

use proptest::prelude::*;

use super::{rows::ROWS, *};
use crate::wire::rendezvous::ANSWER_BYTES_MAX;

const LIMITS: Limits = Limits {
    records_max: 1_000,
    records_per_address_max: 100,
};

/// 2025-10-27T10:00:00Z.
const START: Duration = Duration::from_secs(1_761_559_200);

fn after_ms(ms: u64) -> Duration {
    START + Duration::from_millis(ms)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// The line of an answer without its newline.
fn ask(directory: &mut Directory, ms: u64, from: &str, line: &[u8]) -> String {
    let answer = directory.answer(after_ms(ms), ip(from), line);
    let line = String::from_utf8(answer.line.to_vec()).unwrap();
    let line = line.strip_suffix('\n').unwrap();
    assert!(!line.contains('\n') && line.is_ascii());
    line.to_owned()
}

fn register(name: &str, namespace: &str, port: u16, ttl: u32) -> Vec<u8> {
    let request = serde_json::json!({
        "type": "REGISTER", "name": name, "namespace": namespace, "port": port, "ttl": ttl,
    });
    request.to_string().into_bytes()
}

fn error(message: &str) -> String {
    format!(r#"{{"status": "ERROR", "message": "{message}"}}"#)
}

const DISCOVER: &[u8] = br#"{"type":"DISCOVER"}"#;

/// What every row meets: four records of two addresses.
fn fixture() -> Directory {
    let mut directory = Directory::new(LIMITS);
    for (from, name, namespace, port, ttl) in [
        ("10.0.0.1", "alice", "UnB", 4000, 3600),
        ("10.0.0.1", "bob", "UnB", 4001, 7200),
        ("10.0.0.2", "carol", "CIC", 5000, 60),
        ("10.0.0.1", "alice", "CIC", 4000, 3600),
    ] {
        let line = register(name, namespace, port, ttl);
        assert!(ask(&mut directory, 0, from, &line).contains("OK"));
    }
    directory
}

#[test]
fn requests_are_answered_as_the_reference_server_does() {
    for (from, line, answer) in ROWS {
        let got = ask(&mut fixture(), 10_250, from, line);
        assert_eq!(got, *answer, "{:?}", String::from_utf8_lossy(line));
    }
}

/// Asks one after the other: milliseconds, from, request, answer.
fn check_talk(talk: &[(u64, &str, &str, &str)]) {
    let mut directory = Directory::new(LIMITS);
    for (ms, from, line, answer) in talk {
        let got = ask(&mut directory, *ms, from, line.as_bytes());
        assert_eq!(got, *answer, "at {ms} ms: {line}");
    }
}

#[test]
#[rustfmt::skip]
fn a_record_lives_for_its_ttl_and_a_renewal_keeps_its_place() {
    let register_a = r#"{"type":"REGISTER","namespace":"n","name":"a","port":1,"ttl":10}"#;
    let register_b = r#"{"type":"REGISTER","namespace":"n","name":"b","port":2,"ttl":100}"#;
    let move_a = r#"{"type":"REGISTER","namespace":"n","name":"a","port":3,"ttl":10}"#;
    let discover = r#"{"type":"DISCOVER","namespace":"n"}"#;
    let ok_a = r#"{"status": "OK", "ttl": 10, "ip": "10.0.0.1", "port": 1}"#;
    let ok_b = r#"{"status": "OK", "ttl": 100, "ip": "10.0.0.2", "port": 2}"#;
    check_talk(&[
        (0, "10.0.0.1", register_a, ok_a),
        (0, "10.0.0.2", register_b, ok_b),
        (0, "10.0.0.1", discover, r#"{"status": "OK", "peers": [{"ip": "10.0.0.1", "port": 1, "name": "a", "namespace": "n", "ttl": 10, "expires_in": 10}, {"ip": "10.0.0.2", "port": 2, "name": "b", "namespace": "n", "ttl": 100, "expires_in": 100}]}"#),
        (1, "10.0.0.1", discover, r#"{"status": "OK", "peers": [{"ip": "10.0.0.1", "port": 1, "name": "a", "namespace": "n", "ttl": 10, "expires_in": 9}, {"ip": "10.0.0.2", "port": 2, "name": "b", "namespace": "n", "ttl": 100, "expires_in": 99}]}"#),
        (5_000, "10.0.0.1", move_a, r#"{"status": "OK", "ttl": 10, "ip": "10.0.0.1", "port": 3}"#),
        (14_999, "10.0.0.2", discover, r#"{"status": "OK", "peers": [{"ip": "10.0.0.1", "port": 3, "name": "a", "namespace": "n", "ttl": 10, "expires_in": 0}, {"ip": "10.0.0.2", "port": 2, "name": "b", "namespace": "n", "ttl": 100, "expires_in": 85}]}"#),
        (15_000, "10.0.0.1", r#"{"type":"DISCOVER","namespace":"x"}"#, r#"{"status": "OK", "peers": []}"#),
        (15_001, "10.0.0.1", discover, r#"{"status": "ERROR", "message": "peer_not_registered"}"#),
        (15_001, "10.0.0.1", r#"{"type":"UNREGISTER","namespace":"n"}"#, r#"{"status": "ERROR", "message": "peer_not_registered"}"#),
        (15_001, "10.0.0.2", discover, r#"{"status": "OK", "peers": [{"ip": "10.0.0.2", "port": 2, "name": "b", "namespace": "n", "ttl": 100, "expires_in": 84}]}"#),
        (16_000, "10.0.0.1", register_a, ok_a),
        (16_000, "10.0.0.1", discover, r#"{"status": "OK", "peers": [{"ip": "10.0.0.2", "port": 2, "name": "b", "namespace": "n", "ttl": 100, "expires_in": 84}, {"ip": "10.0.0.1", "port": 1, "name": "a", "namespace": "n", "ttl": 10, "expires_in": 10}]}"#),
    ]);
}

#[test]
#[rustfmt::skip]
fn unregister_takes_only_what_was_named_and_only_of_the_caller() {
    let ok = r#"{"status": "OK"}"#;
    let discover = r#"{"type":"DISCOVER"}"#;
    let mut directory = fixture();
    let carol = ask(&mut directory, 0, "10.0.0.2", br#"{"type":"UNREGISTER","namespace":"UnB"}"#);
    assert_eq!(carol, error("peer_credentials_do_not_match"));
    assert_eq!(ask(&mut directory, 0, "10.0.0.1", br#"{"type":"UNREGISTER","namespace":"UnB","port":4001}"#), ok);
    let left = r#"{"status": "OK", "peers": [{"ip": "10.0.0.1", "port": 4000, "name": "alice", "namespace": "UnB", "ttl": 3600, "expires_in": 3600}, {"ip": "10.0.0.2", "port": 5000, "name": "carol", "namespace": "CIC", "ttl": 60, "expires_in": 60}, {"ip": "10.0.0.1", "port": 4000, "name": "alice", "namespace": "CIC", "ttl": 3600, "expires_in": 3600}]}"#;
    assert_eq!(ask(&mut directory, 0, "10.0.0.1", discover.as_bytes()), left);
    assert_eq!(ask(&mut directory, 0, "10.0.0.1", br#"{"type":"UNREGISTER","namespace":"UnB","name":"alice"}"#), ok);
    assert_eq!(ask(&mut directory, 0, "10.0.0.1", br#"{"type":"UNREGISTER","namespace":"CIC"}"#), ok);
    assert_eq!(ask(&mut directory, 0, "10.0.0.1", discover.as_bytes()), error("peer_not_registered"));
    assert_eq!(directory.len(), 1);
}

#[test]
fn only_what_changes_the_records_says_so() {
    let mut directory = fixture();
    let mut is_changed = |from: &str, line: &[u8]| {
        let answer = directory.answer(START, ip(from), line);
        answer.outcome.is_change()
    };
    assert!(is_changed("10.0.0.3", &register("dave", "UnB", 1, 60)));
    assert!(is_changed("10.0.0.3", &register("dave", "UnB", 1, 60)));
    assert!(!is_changed("10.0.0.3", &register("", "UnB", 1, 60)));
    assert!(!is_changed("10.0.0.3", DISCOVER));
    let unregister = br#"{"type":"UNREGISTER","namespace":"UnB"}"#;
    assert!(is_changed("10.0.0.3", unregister));
    assert!(!is_changed("10.0.0.3", unregister));
}

#[test]
fn an_ipv4_mapped_address_is_its_ipv4() {
    let mut directory = fixture();
    let line = register("dave", "UnB", 4004, 60);
    let answer = ask(&mut directory, 0, "::ffff:10.0.0.9", &line);
    let expected = r#"{"status": "OK", "ttl": 60, "ip": "10.0.0.9", "port": 4004}"#;
    assert_eq!(answer, expected);
    let discover = br#"{"type":"DISCOVER","namespace":"none"}"#;
    let answer = ask(&mut directory, 0, "10.0.0.9", discover);
    assert_eq!(answer, r#"{"status": "OK", "peers": []}"#);
}

#[test]
fn an_ipv6_address_is_written_in_its_short_form() {
    let mut directory = Directory::new(LIMITS);
    let line = register("dave", "UnB", 4004, 60);
    let answer = ask(&mut directory, 0, "2001:db8:0:0:0:0:0:1", &line);
    let expected = r#"{"status": "OK", "ttl": 60, "ip": "2001:db8::1", "port": 4004}"#;
    assert_eq!(answer, expected);
}

#[test]
fn a_full_directory_refuses_new_records_and_renews_known_ones() {
    let limits = Limits {
        records_max: 2,
        records_per_address_max: 2,
    };
    let mut directory = Directory::new(limits);
    let mut try_register =
        |ms, from, name| ask(&mut directory, ms, from, &register(name, "n", 1, 60));
    assert!(try_register(0, "10.0.0.1", "a").contains("OK"));
    assert!(try_register(0, "10.0.0.2", "b").contains("OK"));
    assert_eq!(try_register(0, "10.0.0.3", "c"), error("server_full"));
    assert!(try_register(0, "10.0.0.1", "a").contains("OK"));
    assert!(try_register(60_001, "10.0.0.3", "c").contains("OK"));
    let answer = directory.answer(after_ms(60_001), ip("10.0.0.4"), &register("d", "n", 1, 60));
    assert!(answer.outcome.is_change());
}

#[test]
fn one_address_cannot_fill_the_directory_unless_it_is_loopback() {
    let limits = Limits {
        records_max: 10,
        records_per_address_max: 1,
    };
    let mut directory = Directory::new(limits);
    let mut try_register = |from, name| ask(&mut directory, 0, from, &register(name, "n", 1, 60));
    assert!(try_register("10.0.0.1", "a").contains("OK"));
    assert_eq!(try_register("10.0.0.1", "b"), error("address_full"));
    assert!(try_register("10.0.0.1", "a").contains("OK"));
    for name in ["a", "b", "c"] {
        assert!(try_register("127.0.0.1", name).contains("OK"));
        assert!(try_register("::1", name).contains("OK"));
    }
}

#[test]
fn an_answer_never_outgrows_what_clients_accept() {
    let limits = Limits {
        records_max: 10_000,
        records_per_address_max: 10_000,
    };
    let mut directory = Directory::new(limits);
    for number in 0..5_000 {
        let name = format!("{number:04}{}", "😀".repeat(60));
        ask(
            &mut directory,
            0,
            "10.0.0.1",
            &register(&name, &name, 1, 60),
        );
    }
    let answer = ask(&mut directory, 0, "10.0.0.1", DISCOVER);
    assert!(answer.len() < ANSWER_BYTES_MAX && answer.len() > ANSWER_BYTES_MAX - 2_000);
    let value: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert!(value["peers"].as_array().unwrap().len() > 1_000);
}

#[test]
fn a_clock_that_goes_back_makes_no_record_immortal() {
    let mut directory = fixture();
    let year = Duration::from_secs(365 * 86_400);
    let in_past = |seconds| START - year + Duration::from_secs(seconds);
    let mut carol = |at| directory.answer(at, ip("10.0.0.2"), DISCOVER).line;
    assert!(carol(in_past(0)).starts_with(b"{\"status\": \"OK\""));
    assert!(carol(in_past(60)).starts_with(b"{\"status\": \"OK\""));
    assert_eq!(carol(in_past(61)), Refusal::NotRegistered.line());
}

#[test]
fn a_clock_that_jumps_forward_ends_records() {
    let mut directory = fixture();
    let answer = ask(&mut directory, 86_400_000, "10.0.0.1", DISCOVER);
    assert_eq!(answer, error("peer_not_registered"));
    assert!(directory.is_empty());
}

#[test]
fn records_survive_a_restart_in_order_and_the_ended_do_not() {
    let mut directory = fixture();
    let saved = serde_json::to_string(&directory.snapshot().to_saved()).unwrap();
    let before = ask(&mut directory, 61_000, "10.0.0.1", DISCOVER);
    let saved = serde_json::from_str(&saved).unwrap();
    let mut directory = Directory::restored(LIMITS, after_ms(60_001), saved);
    assert_eq!(directory.len(), 3);
    assert_eq!(ask(&mut directory, 61_000, "10.0.0.1", DISCOVER), before);
}

#[test]
fn a_resumed_directory_goes_on_where_the_snapshot_was_taken() {
    let mut directory = fixture();
    let mut resumed = Directory::resumed(LIMITS, &directory.snapshot());
    let before = ask(&mut directory, 10, "10.0.0.1", DISCOVER);
    assert_eq!(ask(&mut resumed, 10, "10.0.0.1", DISCOVER), before);
}

#[test]
fn saved_records_that_could_not_have_been_registered_are_left_out() {
    let good = SavedRecord {
        ip: ip("10.0.0.1"),
        port: 4000,
        name: "alice".into(),
        namespace: "UnB".into(),
        ttl: 3600,
        registered_at_ms: 1_761_559_200_000,
    };
    let bad = |change: fn(&mut SavedRecord)| {
        let mut record = good.clone();
        change(&mut record);
        record
    };
    let records = vec![
        bad(|record| record.port = 0),
        bad(|record| record.name = String::new()),
        bad(|record| record.name = "x".repeat(65)),
        bad(|record| record.namespace = "x".repeat(65)),
        bad(|record| record.ttl = 0),
        bad(|record| record.ttl = 86_401),
        bad(|record| record.registered_at_ms = 0),
        good.clone(),
        good.clone(),
        bad(|record| (record.name, record.registered_at_ms) = ("late".into(), u64::MAX)),
    ];
    let saved = SavedRecords {
        version: SavedRecords::VERSION,
        records,
    };
    let directory = Directory::restored(LIMITS, START, saved);
    let kept = directory.snapshot().to_saved().records;
    let names: Vec<_> = kept.iter().map(|record| record.name.as_str()).collect();
    assert_eq!(names, ["alice", "late"]);
    assert_eq!(kept[1].registered_at_ms, 1_761_559_200_000);
}

#[test]
fn the_oldest_saved_records_are_taken_when_there_are_too_many() {
    let saved = fixture().snapshot().to_saved();
    let limits = Limits {
        records_max: 2,
        ..LIMITS
    };
    let kept = Directory::restored(limits, START, saved).snapshot();
    let names = kept.to_saved().records.into_iter();
    assert_eq!(
        names.map(|record| record.name).collect::<Vec<_>>(),
        ["alice", "bob"]
    );
}

#[test]
fn refusals_outside_of_the_directory_are_worded_to_the_letter() {
    let check = |refusal: Refusal, line: &str| assert_eq!(refusal.line(), format!("{line}\n"));
    let blocked = |from: &str, ms| Refusal::Blocked {
        from: from.parse::<SocketAddr>().unwrap(),
        limit: 50,
        wait: Duration::from_millis(ms),
    };
    check(
        Refusal::LineTooLong,
        r#"{"status": "ERROR", "message": "line_too_long", "limit": 32768}"#,
    );
    check(
        Refusal::Idle,
        r#"{"status": "ERROR", "message": "Timeout: no data received, closing connection"}"#,
    );
    check(
        blocked("203.0.113.42:40046", 59_999),
        r#"{"status": "ERROR", "message": "Connection from 203.0.113.42:40046 has been blocked due to excessive login attempts (limit: 50). The block will be lifted in 59 seconds."}"#,
    );
    check(
        blocked("[::ffff:203.0.113.42]:40046", 1),
        r#"{"status": "ERROR", "message": "Connection from 203.0.113.42:40046 has been blocked due to excessive login attempts (limit: 50). The block will be lifted in 1 seconds."}"#,
    );
}

fn any_line() -> impl Strategy<Value = Vec<u8>> {
    let bytes = proptest::collection::vec(any::<u8>(), 0..300);
    let fields = "\\{(\"(type|name|namespace|port|ttl)\":(\"(REGISTER|discover|UNREGISTER)\"|\"\\PC{0,3}\"|[0-9]{1,6}|null|NaN|Infinity|\\[\\]|true|\"\\\\\\\\ud800\"),?){0,6}\\}";
    prop_oneof![bytes, fields.prop_map(String::into_bytes)]
}

proptest! {
    #[test]
    fn any_bytes_get_exactly_one_line_of_ascii_json(lines in proptest::collection::vec(any_line(), 1..8)) {
        let mut directory = fixture();
        for line in lines {
            let answer = ask(&mut directory, 0, "10.0.0.1", &line);
            let value: serde_json::Value = serde_json::from_str(&answer).unwrap();
            prop_assert!(value["status"] == "OK" || value["message"].is_string(), "{answer}");
        }
    }

    #[test]
    fn any_clock_is_survived(times in proptest::collection::vec(any::<u64>(), 1..20)) {
        let mut directory = Directory::new(LIMITS);
        for ms in times {
            let now = Duration::from_millis(ms);
            let answer = directory.answer(now, ip("10.0.0.1"), &register("a", "n", 1, 86_400));
            prop_assert!(answer.outcome.is_change());
            let answer = directory.answer(now, ip("10.0.0.1"), DISCOVER);
            let is_whole = answer.line.ends_with(b"\"expires_in\": 86400}]}\n");
            prop_assert!(is_whole, "{:?}", answer.line);
        }
    }
}

//! Answers as the reference server, odd servers and other programs give them.

use proptest::prelude::*;

use super::*;

fn ok(line: &str) -> Success {
    match Answer::parse(line.as_bytes()) {
        Answer::Ok(success) => success,
        other => panic!("{line} gave {other:?}"),
    }
}

/// Peers, addresses and expiry of a list of records, and how many were skipped.
fn listed(peers: &str) -> (Vec<(String, String, u64)>, usize) {
    let Listing {
        records, skipped, ..
    } = ok(&format!("{{\"status\": \"OK\", \"peers\": {peers}}}\n")).peers;
    let shown = |record: Record| {
        let peer = record.peer.as_str().to_owned();
        (peer, record.address.to_string(), record.expires_in)
    };
    (records.into_iter().map(shown).collect(), skipped)
}

const BLOCKED: &str = "Connection from 10.0.0.1:4711 has been blocked due to excessive login attempts (limit: 50). \
                       The block will be lifted in 42 seconds.";

#[test]
fn the_answer_to_register_tells_ttl_address_and_port() {
    let success = ok(
        "{\"status\": \"OK\", \"ttl\": 3600, \"ip\": \"::ffff:45.171.103.246\", \"port\": 4000}\n",
    );
    assert_eq!(success.ttl, Some(3600));
    assert_eq!(success.ip, Some([45, 171, 103, 246].into()));
    assert_eq!(success.port, Some(4000));
}

#[test]
fn odd_or_missing_fields_of_an_ok_answer_count_as_missing() {
    assert_eq!(ok("{\"status\":\"OK\"}"), Success::default());
    let odd =
        r#"{"status":"ok","ttl":"x","ip":7,"port":70000,"peers":{"a":1},"new":[{}],"ttl":null}"#;
    assert_eq!(ok(odd), Success::default());
    assert_eq!(
        ok(r#"{"ttl":1,"status":"ERROR","ttl":2,"status":"OK"}"#).ttl,
        Some(2)
    );
}

#[test]
fn records_keep_the_servers_order_and_odd_characters() {
    let peers = r#"[
        {"ip": "10.0.0.1", "port": 4000, "name": "bob", "namespace": "CIC", "ttl": 7200, "expires_in": 7100},
        {"ip": "::ffff:10.0.0.2", "port": 4001, "name": "a b\u0000", "namespace": "", "ttl": 60, "expires_in": 0},
        {"ip": "2001:db8::1", "port": 4002, "name": "x@y", "namespace": "z"}
    ]"#;
    let (records, skipped) = listed(peers);
    let expected = [
        ("bob@CIC", "10.0.0.1:4000", 7100),
        ("a b\0@", "10.0.0.2:4001", 0),
        ("x@y@z", "[2001:db8::1]:4002", 0),
    ];
    let expected = expected.map(|(peer, at, left)| (peer.into(), at.into(), left));
    assert_eq!((records, skipped), (expected.into(), 0));
}

#[test]
fn one_odd_record_is_skipped_and_counted() {
    let good = r#"{"ip":"10.0.0.1","port":4000,"name":"b","namespace":"C","expires_in":1}"#;
    let long = "x".repeat(130);
    let odd = [
        "7".to_owned(),
        "null".into(),
        "[]".into(),
        "{}".into(),
        good.replace("4000", "0"),
        good.replace("4000", "65536"),
        good.replace("4000", "\"4000\""),
        good.replace("4000", "4000.5"),
        good.replace("10.0.0.1", "example.org"),
        good.replace("10.0.0.1", "0.0.0.0"),
        good.replace("10.0.0.1", "255.255.255.255"),
        good.replace("10.0.0.1", "ff02::1"),
        good.replace("\"b\"", "null"),
        good.replace("\"b\"", "\"\\ud800\""),
        good.replace("\"b\"", &format!("\"{long}\"")),
        good.replace(":1}", ":-1}"),
        good.replace(":1}", ":\"1\"}"),
    ];
    for odd in odd {
        let (records, skipped) = listed(&format!("[{odd},{good}]"));
        assert_eq!((records.len(), skipped), (1, 1), "{odd}");
    }
}

#[test]
fn no_more_records_are_taken_than_the_limit_allows() {
    let one = r#"{"ip":"10.0.0.1","port":4000,"name":"b","namespace":"C","expires_in":1},"#;
    let peers = one.repeat(RECORDS_MAX + 3);
    let line = format!(
        "{{\"status\":\"OK\",\"peers\":[{}]}}",
        peers.trim_end_matches(',')
    );
    let listing = ok(&line).peers;
    assert_eq!(
        (listing.records.len(), listing.beyond_limit),
        (RECORDS_MAX, 3)
    );
}

#[test]
fn an_error_carries_its_words_and_the_limit() {
    let line = br#"{"status": "ERROR", "message": "line_too_long", "limit": 32768}"#;
    let expected = Failure {
        message: "line_too_long".into(),
        limit: Some(32768),
    };
    assert_eq!(Answer::parse(line), Answer::Error(expected));
}

#[test]
fn an_error_without_words_or_with_too_many_stays_an_error() {
    let message = |line: &str| match Answer::parse(line.as_bytes()) {
        Answer::Error(failure) => failure.message,
        other => panic!("{line} gave {other:?}"),
    };
    assert_eq!(message(r#"{"status":"ERROR"}"#), "");
    assert_eq!(message(r#"{"status":7,"message":[1]}"#), "[1]");
    let long = format!(
        r#"{{"status":"ERROR","message":"{}"}}"#,
        "é".repeat(MESSAGE_CHARS_MAX * 2)
    );
    assert_eq!(message(&long).chars().count(), MESSAGE_CHARS_MAX);
}

#[test]
fn a_block_is_recognised_bare_and_inside_an_error() {
    assert_eq!(
        Answer::parse(BLOCKED.as_bytes()),
        Answer::Blocked { seconds: 42 }
    );
    let wrapped = format!(r#"{{"status":"ERROR","message":"{BLOCKED}"}}"#);
    assert_eq!(
        Answer::parse(wrapped.as_bytes()),
        Answer::Blocked { seconds: 42 }
    );
    let vague = b"Connection from 10.0.0.1:1 has been blocked.";
    assert_eq!(Answer::parse(vague), Answer::Blocked { seconds: 60 });
}

#[test]
fn what_is_no_object_with_a_status_is_no_rendezvous() {
    let others: [&[u8]; 9] = [
        b"",
        b"\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"{}",
        b"[\"status\"]",
        b"\"OK\"",
        b"{\"status\": \"OK\"",
        b"{\"status\":\"OK\"} {\"status\":\"OK\"}",
    ];
    for other in others {
        assert_eq!(
            Answer::parse(other),
            Answer::NotARendezvous,
            "{}",
            other.escape_ascii()
        );
    }
}

#[test]
fn deep_nesting_neither_crashes_nor_passes_for_a_rendezvous_record() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let (records, skipped) = listed(&format!("[{deep}]"));
    assert_eq!((records.len(), skipped), (0, 1));
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _answer = Answer::parse(&bytes);
    }

    #[test]
    fn no_odd_record_makes_the_parser_panic(record in r#"\{"(ip|port|name|expires_in)":("[a-z0-9.:]*"|-?[0-9.e]{1,9}|null|\[\])\}"#) {
        let line = format!(r#"{{"status":"OK","peers":[{record}]}}"#);
        let _answer = Answer::parse(line.as_bytes());
    }
}

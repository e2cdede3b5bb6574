//! Nothing before HELLO is tolerated: a web page can make a browser post lines to a local port.

use serde_json::Value;

use super::is_well;
use crate::interop::{alice, client::Client};

#[test]
fn whatever_is_no_hello_closes_the_link_without_an_answer() {
    let long = "x".repeat(130);
    let endless = "x".repeat(100_000);
    let too_long = format!(r#"{{"type":"HELLO","peer_id":"{long}@lobby"}}"#) + "\n";
    let cases: [&[u8]; 20] = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Type: text/plain\r\n\r\n{\"type\":\"HELLO\",\"peer_id\":\"web@page\"}\n{\"type\":\"SEND\",\"msg_id\":\"1\",\"payload\":\"x\"}\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
        b"\0\0\0\0\n",
        b"hello\n",
        b"{}\n",
        b"[]\n",
        b"null\n",
        b"{\"type\":\"HELLO\"}\n",
        b"{\"type\":\"HELLO\",\"peer_id\":7}\n",
        b"{\"type\":\"HELLO\",\"peer_id\":\"no at sign\"}\n",
        b"{\"type\":\"HELLO\",\"peer_id\":\"half \\ud83d@lobby\"}\n",
        b"{\"type\":\"hello\",\"peer_id\":\"bob@lobby\"}\n",
        b"{\"type\":\"HELLO_OK\",\"peer_id\":\"bob@lobby\"}\n",
        b"{\"type\":\"SEND\",\"msg_id\":\"1\",\"payload\":\"x\"}\n{\"type\":\"HELLO\",\"peer_id\":\"bob@lobby\"}\n",
        b"{\"type\":\"PING\",\"msg_id\":\"1\"}\n",
        b"{\"type\":\"BYE\"}\n",
        b"{\"type\":\"REGISTER\",\"name\":\"x\"}\n",
        too_long.as_bytes(),
        endless.as_bytes(),
    ];
    let mut node = alice().start();
    for case in cases {
        let stranger = Client::connect(&node.address());
        stranger.write(case);
        stranger.hears_the_end();
        let shown = String::from_utf8_lossy(&case[..case.len().min(60)]).into_owned();
        assert!(stranger.segments().is_empty(), "{shown} is answered");
    }
    assert_eq!(node.events("peer_connected"), Vec::<Value>::new());
    assert_eq!(node.texts(), Vec::<String>::new());
    let failed = &node.ask("/metrics")["data"]["handshakes_failed"];
    assert_eq!(failed, cases.len());
    is_well(&mut node, "bob");
}

//! A rendezvous that answers what the test wants, and keeps what it was asked.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    thread,
};

use serde_json::Value;

use super::client::value;
use crate::support::LIMIT;

/// A scripted rendezvous.
pub struct Rendezvous {
    /// Where it listens.
    pub address: String,
    requests: mpsc::Receiver<String>,
}

impl Rendezvous {
    /// Answers each request with what `answer` makes of it.
    pub fn start(answer: impl Fn(&Value) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (asked, requests) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(request) = serve(stream, &answer) else {
                    continue;
                };
                if asked.send(request).is_err() {
                    return;
                }
            }
        });
        Self { address, requests }
    }

    /// One that knows these records and takes every registration.
    pub fn with_records(records: Vec<Value>) -> Self {
        let ok = serde_json::json!({"status": "OK", "ttl": 7200, "ip": "127.0.0.1", "port": 4000, "peers": records});
        Self::start(move |_| ok.to_string())
    }

    /// Waits for a request of this type, and gives it to the letter.
    pub fn is_asked(&self, kind: &str) -> String {
        loop {
            let request = self.requests.recv_timeout(LIMIT);
            let request = request.unwrap_or_else(|_| panic!("nobody asks for {kind}"));
            if value(&request)["type"] == kind {
                return request;
            }
        }
    }
}

fn serve(mut stream: TcpStream, answer: &impl Fn(&Value) -> String) -> Option<String> {
    let mut line = String::new();
    BufReader::new(stream.try_clone().ok()?)
        .read_line(&mut line)
        .ok()?;
    let request = line.trim_end().to_owned();
    // Who asked may have gone.
    drop(stream.write_all(format!("{}\n", answer(&value(&request))).as_bytes()));
    Some(request)
}

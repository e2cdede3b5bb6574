//! `papo send`: one message; the exit code says what became of it.

mod course;

use std::{
    io::{self, Read},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::{Instant, timeout, timeout_at};

use self::course::{Course, Outcome, REFERENCE};
use super::{
    cli::input::INPUT_BYTES_MAX,
    exit::{Exit, complain, say},
    remote::Remote,
    signals::Signals,
};
use crate::{
    args::{Invocation, Sending, WaitFor},
    paths::Places,
    settings::{EffectiveMode, Settings},
    wire::printable::Printable,
};

/// What a message that finds no peer waits for beyond its time: the event of its failure is on its way.
const GRACE: Duration = Duration::from_millis(500);

/// How long the node may take to tell of its rendezvous.
const STATUS_WAIT: Duration = Duration::from_secs(2);

/// Sends one message and waits for what becomes of it.
pub async fn run(
    invocation: Invocation,
    sending: Sending,
    settings: Settings,
    places: Places,
) -> Exit {
    let text = match text_of(&sending.text) {
        Ok(text) => text,
        Err(words) => return complain(&words, Exit::Usage),
    };
    let Ok(mut signals) = Signals::new() else {
        return complain("signals cannot be handled", Exit::Failure);
    };
    let usual = settings.node.peer_wait + settings.connection.ack_timeout;
    let limit = sending.timeout.unwrap_or(usual);
    let uses_rendezvous = settings.rendezvous_mode() != EffectiveMode::Off;
    let deadline = Instant::now() + limit;
    let mut remote = tokio::select! {
        opened = Remote::open(&invocation, settings, places) => match opened {
            Ok(remote) => remote,
            Err(exit) => return exit,
        },
        code = signals.next() => return Exit::Killed(code),
    };
    let sent = async {
        let outcome = send(&mut remote, &sending, &text, deadline).await;
        match outcome.exit {
            Exit::PeerUnknown if uses_rendezvous => blame_rendezvous(&mut remote, outcome).await,
            _ => outcome,
        }
    };
    let exit = tokio::select! {
        outcome = sent => tell(&outcome, &sending, invocation.json),
        code = signals.next() => Exit::Killed(code),
    };
    tokio::select! {
        () = remote.close() => exit,
        code = signals.next() => Exit::Killed(code),
    }
}

async fn send(remote: &mut Remote, sending: &Sending, text: &str, deadline: Instant) -> Outcome {
    let mut course = Course::new(sending.wait.unwrap_or(WaitFor::Delivered));
    let left = deadline.saturating_duration_since(Instant::now());
    let command = command(&sending.to, text, left);
    if remote.say(&command).await.is_err() {
        return course.on_end();
    }
    loop {
        match timeout_at(deadline + GRACE, remote.next()).await {
            Err(_) => return course.on_deadline(),
            Ok(None) => return course.on_end(),
            Ok(Some(event)) => {
                if let Some(outcome) = course.on_event(&event) {
                    return outcome;
                }
            }
        }
    }
}

/// Without a rendezvous nobody can be known: that is what to look after first.
async fn blame_rendezvous(remote: &mut Remote, outcome: Outcome) -> Outcome {
    let status = timeout(STATUS_WAIT, remote.ask("status", "status")).await;
    let Ok(Some(status)) = status else {
        return outcome;
    };
    let data = &status["data"];
    if data["registered"] == true || data["connected"].as_u64() > Some(0) {
        return outcome;
    }
    let address = data["rendezvous"].as_str().unwrap_or("on this machine");
    Outcome {
        exit: Exit::RendezvousUnreachable,
        result: "rendezvous_unreachable".into(),
        words: format!("{}; the rendezvous {address} is not reached", outcome.words),
        ..outcome
    }
}

/// The command object of the message.
pub(super) fn command(to: &str, text: &str, wait: Duration) -> Value {
    let name = match to.starts_with('#') || to == "*" {
        true => "pub",
        false => "msg",
    };
    let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    json!({"command": name, "to": to, "text": text, "wait_ms": wait, "ref": REFERENCE})
}

fn text_of(text: &str) -> Result<String, String> {
    let text = match text {
        "-" => from_standard_input().map_err(|error| format!("standard input: {error}"))?,
        text => text.to_owned(),
    };
    match text.len() {
        0 => Err("there is no text to send".into()),
        length if length > INPUT_BYTES_MAX => Err(format!(
            "the text is longer than {INPUT_BYTES_MAX} bytes: send it in parts"
        )),
        _ => Ok(text),
    }
}

/// All of it, without a newline at its end.
fn from_standard_input() -> io::Result<String> {
    let mut bytes = Vec::new();
    let limit = INPUT_BYTES_MAX as u64 + 2;
    io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}

/// One line, or one object with `--json`; an error goes to stderr.
fn tell(outcome: &Outcome, sending: &Sending, json: bool) -> Exit {
    let words = Printable::text(&outcome.words).to_string();
    let told = match (json, outcome.exit) {
        (true, _) => {
            let mut object = json!({"result": outcome.result, "exit": outcome.exit.code(),
                "to": sending.to, "words": outcome.words});
            if let (Value::Object(object), Value::Object(data)) = (&mut object, &outcome.data) {
                object.extend(data.clone());
            }
            say(&object.to_string())
        }
        (false, Exit::Done) => say(&words),
        (false, exit) => return complain(&words, exit),
    };
    // Whoever reads the output may have gone; the code still says what became of the message.
    drop(told);
    outcome.exit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyone_and_namespaces_are_published_to() {
        for (to, name) in [
            ("*", "pub"),
            ("#CIC", "pub"),
            ("bob", "msg"),
            ("bob@CIC", "msg"),
        ] {
            let command = command(to, "hi", Duration::from_millis(1500));
            assert_eq!(
                (&command["command"], &command["to"]),
                (&name.into(), &to.into())
            );
            assert_eq!(command["wait_ms"], 1500);
        }
    }
}

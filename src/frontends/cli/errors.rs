//! Errors in the user's words: what happened, and what to do next.

use super::{command::CommandError, input::INPUT_BYTES_MAX};
use crate::{actors::router::SendError, node::NodeError, proto::peer_table::Status};

/// A text was not sent.
pub(super) fn send_error(error: NodeError) -> CommandError {
    let NodeError::Send(error) = error else {
        return internal(error);
    };
    let (code, hint) = match &error {
        SendError::Nobody => (
            "nobody",
            "/peers shows who is known, /reconnect looks again".into(),
        ),
        SendError::NotLinked { status, .. } => ("not_connected", not_linked_hint(*status).into()),
        SendError::Unknown(_) => (
            "unknown_peer",
            "/peers shows who is known, /reconnect looks again".into(),
        ),
        SendError::Ambiguous(peers) => {
            let example = peers.first().map(ToString::to_string).unwrap_or_default();
            (
                "ambiguous_peer",
                format!("write it in full, for example {example}"),
            )
        }
        SendError::TooLong(_) => (
            "too_long",
            "send it in parts; a message has at most about 32 kB".into(),
        ),
        SendError::Full(_) => (
            "queue_full",
            "the peer does not read fast enough: wait, then send it again".into(),
        ),
        SendError::Ourselves => ("ourselves", "/peers shows who else is there".into()),
        SendError::WaitingFull => ("queue_full", "wait until peers are connected".into()),
    };
    CommandError {
        code,
        message: error.to_string(),
        hint,
    }
}

fn not_linked_hint(status: Status) -> &'static str {
    match status {
        Status::Connecting => "it is being dialled: try again in a moment",
        _ => "/reconnect dials it again",
    }
}

/// An actor failed on a request.
pub(super) fn internal(error: NodeError) -> CommandError {
    CommandError {
        code: "internal",
        message: error.to_string(),
        hint: "try again; the log has the details".into(),
    }
}

/// A line of input is over its limit.
pub(super) fn too_long(by: usize) -> CommandError {
    CommandError {
        code: "too_long",
        message: format!("the line is {by} bytes too long"),
        hint: format!("a line has at most {INPUT_BYTES_MAX} bytes: send it in parts"),
    }
}

/// The `ref` of a command object is over its limit.
pub(super) fn long_reference(length: usize) -> CommandError {
    CommandError {
        code: "bad_command",
        message: format!("the ref is {length} bytes long"),
        hint: "a ref has at most 256 bytes".into(),
    }
}

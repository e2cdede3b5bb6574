//! What a front end says, and with which code it ends, when a node cannot start.

use super::exit::{Exit, complain};
use crate::node::StartError;

/// Says why, and gives the exit code.
pub(super) fn exit_of_start(error: &StartError) -> Exit {
    let exit = match error {
        StartError::Running { .. } => Exit::IdentityInUse,
        StartError::Identity(_) | StartError::HelloTooLong => Exit::Usage,
        StartError::TooMany(_) | StartError::Listen { .. } | StartError::NoPort => Exit::Failure,
    };
    complain(&error.to_string(), exit)
}

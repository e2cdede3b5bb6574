//! How the embedded rendezvous server is started: a trait, since the server lives on a higher floor.

use futures_util::future::LocalBoxFuture;
use thiserror::Error;

use crate::proto::hosting::Bound;

/// Why the server could not be started.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BindError {
    /// Somebody has the port.
    #[error("the port is in use")]
    InUse,
    /// The port cannot be had.
    #[error("{0}")]
    Other(String),
}

impl From<&BindError> for Bound {
    fn from(error: &BindError) -> Self {
        match error {
            BindError::InUse => Self::InUse,
            BindError::Other(reason) => Self::Other(reason.clone()),
        }
    }
}

/// Starts rendezvous servers in this process; the node implements it.
pub trait HostRendezvous {
    /// Binds 127.0.0.1 at `port` with SO_REUSEADDR, never SO_REUSEPORT (the bind is the election), loads the records
    /// file, and answers from then on. Dropping the future before it is done leaves nothing behind.
    fn bind(&self, port: u16) -> LocalBoxFuture<'static, Result<Box<dyn Hosted>, BindError>>;
}

/// A server that runs in this process.
pub trait Hosted {
    /// Closes the socket and ends the server, with its records in the file.
    fn stop(self: Box<Self>) -> LocalBoxFuture<'static, ()>;
}

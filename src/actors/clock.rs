//! The monotonic clock of the actors: real, or tokio's virtual one in tests with time paused.

use std::time::Instant;

/// Now, for intervals, deadlines and round-trip times.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

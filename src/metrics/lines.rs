//! How many lines of each type went one way.

use super::Counter;
use crate::wire::kind::{KINDS, LineCounts, LineKind};

/// A counter for each type of line.
#[derive(Debug, Default)]
pub struct LineCounters([Counter; KINDS]);

impl LineCounters {
    /// Adds what one chunk or batch had.
    pub fn add(&self, counts: LineCounts) {
        for (kind, count) in counts.iter() {
            self.0[kind as usize].add(count.into());
        }
    }

    /// Each type with its number now.
    pub fn list(&self) -> impl Iterator<Item = (LineKind, u64)> {
        LineKind::ALL
            .into_iter()
            .zip(self.0.iter().map(Counter::get))
    }
}

//! Memory and descriptors of a process, from `/proc`.

use std::fs;

/// What a process holds.
#[derive(Debug, Clone, Copy)]
pub struct Health {
    /// Resident memory in KiB.
    pub rss: u64,
    /// Open descriptors.
    pub descriptors: u64,
}

/// Looks at a process; none if it is gone.
pub fn of(pid: u32) -> Option<Health> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"))?;
    let rss = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64;
    Some(Health { rss, descriptors })
}

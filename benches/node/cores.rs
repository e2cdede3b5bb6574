//! Which core works for whom: the server on one, the load on another, so that neither takes the other's time.

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Core {
    /// The process that is measured.
    Server,
    /// The load generator.
    Load,
    /// Any: how a child should begin.
    Any,
}

/// Keeps the first thread of this process on one core.
pub fn pin_self(core: Core) {
    pin(0, core);
}

/// Keeps the first thread of a process on one core; its other threads are where the system puts them. Without a second
/// core, and elsewhere than on Linux, the system decides.
#[cfg(target_os = "linux")]
pub fn pin(process: u32, core: Core) {
    use std::sync::LazyLock;

    use nix::{
        sched::{CpuSet, sched_setaffinity},
        unistd::Pid,
    };
    // Asked before anything is pinned: afterwards it is one.
    static CORES: LazyLock<usize> =
        LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from));
    let wanted = match core {
        Core::Server => 0..1,
        Core::Load => 1..2,
        Core::Any => 0..*CORES,
    };
    let process = process.try_into().unwrap_or(0);
    let mut set = CpuSet::new();
    // The set of a container may lack a core; then nothing is pinned.
    if *CORES > 1 && wanted.into_iter().all(|index| set.set(index).is_ok()) {
        let _unless_refused = sched_setaffinity(Pid::from_raw(process), &set);
    }
}

/// The system decides.
#[cfg(not(target_os = "linux"))]
pub fn pin(_: u32, _: Core) {}

//! Which core works for whom: the server on one, the load on another, so that neither takes the other's time.

/// A part of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Core {
    /// The process that is measured.
    Server,
    /// The load generator.
    Load,
}

/// Keeps this process, and those it starts from now on, on one core. Without a second core, and elsewhere than on
/// Linux, the system decides.
#[cfg(target_os = "linux")]
pub fn pin_self(core: Core) {
    use std::sync::LazyLock;

    use nix::{
        sched::{CpuSet, sched_setaffinity},
        unistd::Pid,
    };
    // Asked before anything is pinned: afterwards it is one.
    static CORES: LazyLock<usize> =
        LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from));
    let index = match core {
        Core::Server => 0,
        Core::Load => 1,
    };
    let mut set = CpuSet::new();
    // The set of a container may lack a core; then nothing is pinned.
    if *CORES > 1 && set.set(index).is_ok() {
        let _unless_refused = sched_setaffinity(Pid::from_raw(0), &set);
    }
}

/// The system decides.
#[cfg(not(target_os = "linux"))]
pub fn pin_self(_: Core) {}

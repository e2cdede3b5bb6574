//! File descriptors: the soft limit is raised to what the link limits need, or the link limits shrink.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::config::Places;

/// What else is open: standard streams, logs, the listening sockets, requests, the embedded rendezvous.
const OTHERS: usize = 320;

/// Makes room for so many links; fewer, if the hard limit does not allow them.
pub fn make_room(wanted: Places) -> Places {
    let needed = wanted
        .inbound
        .saturating_add(wanted.outbound)
        .saturating_add(OTHERS);
    let needed_raw = u64::try_from(needed).unwrap_or(u64::MAX);
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return wanted;
    };
    let goal = needed_raw.min(hard);
    let now = match goal > soft && setrlimit(Resource::RLIMIT_NOFILE, goal, hard).is_ok() {
        true => goal,
        false => soft,
    };
    fitting(wanted, usize::try_from(now).unwrap_or(usize::MAX))
}

/// The places that so many descriptors allow; the shares of inbound and outbound stay.
fn fitting(wanted: Places, descriptors: usize) -> Places {
    let room = descriptors.saturating_sub(OTHERS).max(8);
    let all = wanted.inbound.saturating_add(wanted.outbound);
    if all <= room {
        return wanted;
    }
    let share = |part: usize| (part.saturating_mul(room) / all.max(1)).max(1);
    Places {
        inbound: share(wanted.inbound),
        outbound: share(wanted.outbound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Places = Places {
        inbound: 1024,
        outbound: 256,
    };

    #[test]
    fn enough_descriptors_leave_the_limits_as_they_are() {
        assert_eq!(fitting(WANTED, 1600), WANTED);
    }

    #[test]
    fn too_few_shrink_both_in_proportion_and_leave_something() {
        let few = fitting(WANTED, 960);
        assert_eq!((few.inbound, few.outbound), (512, 128));
        let none = fitting(WANTED, 10);
        assert!(none.inbound >= 1 && none.outbound >= 1 && none.inbound + none.outbound <= 8);
    }
}

//! Exit codes, and the few words a front end says before it has an output.

use std::io::{self, Write};

/// How the program ends (product text, *Exit codes*).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, also after one signal.
    Done,
    /// 1: a failure while running.
    Failure,
    /// 2: usage or settings.
    Usage,
    /// 3: the rendezvous cannot be reached.
    RendezvousUnreachable,
    /// 4: the peer is not known, or not there.
    PeerUnknown,
    /// 5: sent, not acknowledged in time.
    NotAcknowledged,
    /// 6: queued on disk, not delivered.
    Queued,
    /// 7: the identity is in use.
    IdentityInUse,
    /// 130 or 143: a second Ctrl-C or SIGTERM.
    Killed(u8),
}

impl Exit {
    /// The number for the shell.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failure => 1,
            Self::Usage => 2,
            Self::RendezvousUnreachable => 3,
            Self::PeerUnknown => 4,
            Self::NotAcknowledged => 5,
            Self::Queued => 6,
            Self::IdentityInUse => 7,
            Self::Killed(code) => code,
        }
    }
}

/// Says on stderr why the program ends.
#[expect(
    clippy::print_stderr,
    reason = "the place where a front end speaks before it has an output"
)]
pub fn complain(words: &str, exit: Exit) -> Exit {
    eprintln!("papo: {words}");
    exit
}

/// Writes to standard output, where a closed pipe is an error and no panic.
pub fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.trim_end())?;
    out.flush()
}

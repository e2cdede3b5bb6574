//! The real terminal: raw mode, size, bytes out, and giving it back whatever happens.

use std::{
    fs::File,
    io::{self, ErrorKind, IsTerminal, Write},
    os::fd::AsFd,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crossterm::terminal::{disable_raw_mode, enable_raw_mode, window_size};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use parking_lot::Mutex;

/// Bracketed paste and news of the focus on.
const TAKE: &[u8] = b"\x1b[?2004h\x1b[?1004h";
/// End of a frame that was cut short, paste brackets and news of the focus off, wrapping, cursor and colours as usual;
/// what is left of the block in the cursor's row goes away.
const GIVE_BACK: &[u8] = b"\x1b[?2026l\x1b[?2004l\x1b[?1004l\x1b[?7h\x1b[?25h\x1b[0m\r\x1b[J";
/// A screen of its own for a page, empty, without wrapping and cursor.
const ENTER_PAGE: &[u8] = b"\x1b[?1049h\x1b[?7l\x1b[?25l\x1b[2J";
/// Back to the screen and the cursor as they were.
const LEAVE_PAGE: &[u8] = b"\x1b[?2026l\x1b[?7h\x1b[?25h\x1b[?1049l";
/// How long giving back waits for a terminal that takes no bytes.
const GIVE_BACK_WAIT: Duration = Duration::from_millis(100);
/// How long to wait before trying again a terminal that was set not to block.
const WRITE_RETRY: Duration = Duration::from_millis(100);
/// How often to see whether the terminal is still there.
const HANG_UP_INTERVAL: Duration = Duration::from_secs(1);

/// Whether the terminal is ours: raw, with paste brackets.
static OURS: Mutex<bool> = Mutex::new(false);

/// Whether a page has the screen.
static ON_PAGE: AtomicBool = AtomicBool::new(false);

/// The terminal while it is ours; given back when dropped.
#[derive(Debug)]
pub struct Tty {
    out: File,
}

impl Tty {
    /// Takes the terminal. There is only one: taking it twice is an error.
    pub fn take() -> io::Result<Self> {
        if *OURS.lock() {
            return Err(io::Error::new(
                ErrorKind::AlreadyExists,
                "the terminal is in use",
            ));
        }
        let mut tty = Self {
            out: stdout_unlocked()?,
        };
        tty.take_again()?;
        Ok(tty)
    }

    /// Takes the terminal after it was given back, or once more after a shell has changed it.
    pub fn take_again(&mut self) -> io::Result<()> {
        let mut ours = OURS.lock();
        disable_raw_mode()?;
        enable_raw_mode()?;
        *ours = true;
        drop(ours);
        self.write(TAKE)
    }

    /// Gives a page a screen of its own, or the same one again.
    pub fn enter_page(&mut self) -> io::Result<()> {
        if !ON_PAGE.swap(true, Ordering::SeqCst) {
            return self.write(ENTER_PAGE);
        }
        self.write(&ENTER_PAGE[b"\x1b[?1049h".len()..])
    }

    /// Goes back to the screen that was there before.
    pub fn leave_page(&mut self) -> io::Result<()> {
        match ON_PAGE.swap(false, Ordering::SeqCst) {
            true => self.write(LEAVE_PAGE),
            false => Ok(()),
        }
    }

    /// Whether nobody has given the terminal back.
    pub fn is_ours(&self) -> bool {
        *OURS.lock()
    }

    /// Writes all, waiting as long as the terminal takes.
    pub fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.out.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    is_writable(&self.out, WRITE_RETRY);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Columns and rows; zeros where the terminal does not say.
    pub fn size(&self) -> (u16, u16) {
        window_size().map_or((0, 0), |size| (size.columns, size.rows))
    }

    /// Waits until nobody is at the other end any more. The reader of the keys does not tell.
    pub async fn hung_up(&self) {
        while !self.is_hung_up() {
            tokio::time::sleep(HANG_UP_INTERVAL).await;
        }
    }

    fn is_hung_up(&self) -> bool {
        let stdin = io::stdin();
        let mut ends = [PollFd::new(stdin.as_fd(), PollFlags::empty())];
        let gone = PollFlags::POLLHUP | PollFlags::POLLERR;
        poll(&mut ends, PollTimeout::ZERO).is_ok()
            && ends[0]
                .revents()
                .is_some_and(|found| found.intersects(gone))
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back as it was, if it is ours; otherwise nothing happens. For whoever ends
/// the process without [`TerminalWriter::close`](super::super::TerminalWriter::close): a second
/// signal, the hook of a panic that ends the process. Nothing is drawn afterwards.
pub fn restore() {
    let mut ours = OURS.lock();
    if !std::mem::take(&mut *ours) {
        return;
    }
    // Neither can be helped here: the terminal may be gone.
    let _ = disable_raw_mode();
    if let Ok(mut out) = stdout_unlocked()
        && is_writable(&out, GIVE_BACK_WAIT)
    {
        if ON_PAGE.swap(false, Ordering::SeqCst) {
            let _ = out.write_all(LEAVE_PAGE);
        }
        let _ = out.write_all(GIVE_BACK);
    }
}

/// Whether stdin and stdout are a terminal that can move its cursor; otherwise the pipe mode is
/// the right one.
pub fn supported() -> bool {
    let term = std::env::var("TERM").unwrap_or_default();
    io::stdin().is_terminal() && io::stdout().is_terminal() && moves_cursor(&term)
}

fn moves_cursor(term: &str) -> bool {
    !matches!(term, "" | "dumb")
}

/// Stdout without the lock and the buffer of `std::io::Stdout`, which a stuck write would hold.
fn stdout_unlocked() -> io::Result<File> {
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

fn is_writable(out: &File, wait: Duration) -> bool {
    let wait = PollTimeout::try_from(wait).unwrap_or(PollTimeout::ZERO);
    let mut ends = [PollFd::new(out.as_fd(), PollFlags::POLLOUT)];
    poll(&mut ends, wait).is_ok_and(|ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_without_a_movable_cursor_is_not_supported() {
        assert!(moves_cursor("xterm-256color"));
        assert!(!moves_cursor("dumb"));
        assert!(!moves_cursor(""));
    }
}

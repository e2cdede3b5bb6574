//! While a page has the whole screen: keys go to it, and what arrives waits in the queue.

use std::{
    io,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{self, Signal},
    unistd::Pid,
};
use tokio::time::sleep;

use super::{
    super::{
        keymap::Key,
        page::{self, frame},
        queue::Phase,
    },
    Driver,
    keys::{Keys, Typed},
};

/// Between two frames, unless a key asks for one.
const PAGE_INTERVAL: Duration = Duration::from_millis(100);
/// What a terminal without a size is taken for.
const SIZE_UNKNOWN: (u16, u16) = (80, 24);

impl Driver {
    /// Shows pages on a screen of their own until the user, or the end, leaves them. Why it was the end, the caller
    /// finds as it does without a page.
    pub(super) async fn show_page(&mut self, keys: &mut Keys) -> io::Result<()> {
        self.tty.enter_page()?;
        let turned = self.turn_pages(keys).await;
        self.end.queue.page.leave();
        if self.tty.is_ours() {
            self.tty.leave_page()?;
        }
        // The chat's screen is as it was, but its size may not be.
        self.session.resize(self.tty.size());
        turned
    }

    async fn turn_pages(&mut self, keys: &mut Keys) -> io::Result<()> {
        while self.end.queue.phase() == Phase::Open && self.tty.is_ours() {
            let Some(page) = self.end.queue.page.get() else {
                return Ok(());
            };
            let size = match self.tty.size() {
                (0, _) | (_, 0) => SIZE_UNKNOWN,
                size => size,
            };
            let rows = page.rows(size.0.into(), size.1.into(), self.end.queue.held());
            self.tty.write(&frame(&rows))?;
            let news = async {
                self.end.queue.changed().await;
                // A flood of chat draws no more often than this; a key comes in between.
                sleep(PAGE_INTERVAL).await;
            };
            tokio::select! {
                biased;
                typed = keys.next() => match typed {
                    Some(Typed::Key(key)) if page::leaves(key) => return Ok(()),
                    // The whole job stops; we ourselves are told like the others.
                    Some(Typed::Key(Key::Ctrl('z'))) => signal::kill(Pid::from_raw(0), Signal::SIGTSTP)?,
                    Some(Typed::Focus(focused)) => self.session.focus(Instant::now(), focused),
                    Some(Typed::Key(_) | Typed::Paste(_)) => self.session.present(Instant::now()),
                    Some(Typed::Resize) => {}
                    None => return Ok(()),
                },
                _ = self.stopping.recv() => {
                    self.tty.leave_page()?;
                    self.suspend().await?;
                    self.tty.enter_page()?;
                }
                _ = self.continued.recv() => if self.tty.is_ours() {
                    self.tty.take_again()?;
                    self.tty.enter_page()?;
                },
                () = self.tty.hung_up() => return Ok(()),
                () = self.inputs.closed() => return Ok(()),
                () = news => {}
            }
        }
        Ok(())
    }
}

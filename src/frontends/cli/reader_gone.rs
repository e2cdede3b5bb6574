//! Whether anybody reads standard output any more. A write would tell, but a quiet node may not write for hours, and
//! acknowledges meanwhile what nobody will ever see.

use std::{os::fd::AsFd, thread};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use tokio::sync::oneshot;

/// Ends when the other end of `sink`, a pipe or a socket, is closed; never for a file.
pub async fn reader_gone(sink: impl AsFd + Send + 'static) {
    let (tell, told) = oneshot::channel();
    thread::spawn(move || {
        if is_closed(&sink) && tell.send(()).is_err() {
            tracing::trace!("The node ends already");
        }
    });
    if told.await.is_err() {
        // It cannot be told: a write will have to do.
        std::future::pending::<()>().await;
    }
}

/// Waits until it is closed; false if the system does not tell.
fn is_closed(sink: &impl AsFd) -> bool {
    let mut watched = [PollFd::new(sink.as_fd(), PollFlags::empty())];
    loop {
        match poll(&mut watched, PollTimeout::NONE) {
            Err(Errno::EINTR) => {}
            Err(_) => return false,
            Ok(_) => {
                let told = watched[0].revents().unwrap_or(PollFlags::empty());
                return told.intersects(PollFlags::POLLERR | PollFlags::POLLHUP);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[actix_rt::test]
    async fn a_pipe_whose_reader_is_gone_is_noticed_without_a_write() {
        let (reader, writer) = std::io::pipe().unwrap();
        let gone = actix_rt::spawn(reader_gone(writer));
        drop(reader);
        let waited = tokio::time::timeout(Duration::from_secs(30), gone).await;
        assert!(waited.is_ok());
    }
}

//! What one read brought: an idle link holds no buffer, and a busy one gets the one it was read into.

use std::{
    cell::RefCell,
    io,
    ops::Deref,
    pin::Pin,
    task::{Poll, ready},
};

use tokio::io::{AsyncRead, ReadBuf};

/// How many bytes are read at once.
const BYTES_MAX: usize = 64 * 1024;

/// So few bytes are copied, so that many links with a little to say take little.
const COPIED_MAX: usize = 4 * 1024;

/// Buffers of a thread that nobody uses now. More than a few are in use only where links wait for room above.
const SPARES_MAX: usize = 4;

thread_local! {
    static SPARES: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// The bytes of one read; none at the end of the stream.
pub struct Chunk {
    buffer: Vec<u8>,
    length: usize,
}

impl Chunk {
    /// Reads what is there, waiting for it.
    pub async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        std::future::poll_fn(|context| {
            let mut chunk = Self::spare();
            let mut buffer = ReadBuf::new(&mut chunk.buffer);
            ready!(Pin::new(&mut *from).poll_read(context, &mut buffer))?;
            chunk.length = buffer.filled().len();
            Poll::Ready(Ok(match chunk.length <= COPIED_MAX {
                true => Self::from(chunk.to_vec()),
                false => chunk,
            }))
        })
        .await
    }

    fn spare() -> Self {
        let spare = SPARES.with_borrow_mut(Vec::pop);
        Self {
            buffer: spare.unwrap_or_else(|| vec![0; BYTES_MAX]),
            length: 0,
        }
    }
}

impl Deref for Chunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        if buffer.len() == BYTES_MAX {
            // A thread that is ending has no use for it.
            let _kept = SPARES.try_with(|spares| {
                let mut spares = spares.borrow_mut();
                if spares.len() < SPARES_MAX {
                    spares.push(buffer);
                }
            });
        }
    }
}

impl From<Vec<u8>> for Chunk {
    fn from(buffer: Vec<u8>) -> Self {
        let length = buffer.len();
        Self { buffer, length }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn buffers_are_used_again_and_show_only_what_was_read_into_them() {
        let mut stream = &[1; BYTES_MAX + COPIED_MAX + 1][..];
        let first = Chunk::read(&mut stream).await.unwrap();
        assert_eq!(*first, [1; BYTES_MAX]);
        let place = first.buffer.as_ptr();
        drop(first);
        let second = Chunk::read(&mut stream).await.unwrap();
        assert_eq!(*second, [1; COPIED_MAX + 1]);
        assert_eq!(second.buffer.as_ptr(), place);
        assert!(Chunk::read(&mut stream).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_little_takes_a_little() {
        let little = Chunk::read(&mut &b"a line\n"[..]).await.unwrap();
        assert_eq!((&*little, little.buffer.capacity()), (&b"a line\n"[..], 7));
    }
}

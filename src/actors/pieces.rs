//! What is written together, in as few pieces as is cheap. Knows neither links nor queues.

use bytes::Bytes;

/// Copying so many bytes costs less than a write of their own.
const SMALL_BYTES_MAX: usize = 8 * 1024;

/// Small pieces are written as one; large ones stay as they are, shared by all receivers of a publication.
#[derive(Default)]
pub struct Pieces {
    whole: Vec<Bytes>,
    small: Vec<Bytes>,
    small_size: usize,
    size: usize,
}

impl Pieces {
    /// How many bytes there are.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Adds whole lines.
    pub fn add(&mut self, piece: Bytes) {
        self.size += piece.len();
        if piece.len() > SMALL_BYTES_MAX {
            self.join();
            self.whole.push(piece);
        } else {
            self.small_size += piece.len();
            self.small.push(piece);
        }
    }

    /// What is to be written, in the order in which it came.
    pub fn finish(mut self) -> Vec<Bytes> {
        self.join();
        self.whole
    }

    fn join(&mut self) {
        let size = std::mem::take(&mut self.small_size);
        if self.small.len() < 2 {
            return self.whole.extend(self.small.pop());
        }
        let mut joined = Vec::with_capacity(size);
        for piece in self.small.drain(..) {
            joined.extend_from_slice(&piece);
        }
        self.whole.push(Bytes::from(joined));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pieces_become_one_and_large_ones_stay_the_bytes_they_are() {
        let large = Bytes::from(vec![b'L'; SMALL_BYTES_MAX + 1]);
        let mut pieces = Pieces::default();
        for piece in ["a", "b"].map(Bytes::from) {
            pieces.add(piece);
        }
        pieces.add(large.clone());
        pieces.add(Bytes::from("c"));
        assert_eq!(pieces.size(), large.len() + 3);
        let pieces = pieces.finish();
        assert_eq!(pieces, [&b"ab"[..], &large, b"c"]);
        assert_eq!(pieces[1].as_ptr(), large.as_ptr());
    }
}

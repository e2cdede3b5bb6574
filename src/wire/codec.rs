//! Framing: a byte stream to lines, however the stream is split, with a limit on each line.

use memchr::memchr;
use thiserror::Error;

/// The longest line of the peer protocol in bytes, its newline included.
pub const LINE_BYTES_MAX: usize = 32768;

/// A line grew over [`LINE_BYTES_MAX`]: the link has to be closed, its stream is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a line is longer than 32768 bytes")]
pub struct LineTooLong;

/// Cuts a stream into lines. Holds no buffer while no line is incomplete.
#[derive(Debug, Default)]
pub struct LineBuffer {
    carry: Vec<u8>,
}

impl LineBuffer {
    /// Calls `on_line` for each line that `chunk` completes, in order, without its line ending; empty lines are
    /// skipped. An incomplete end is kept for the next chunk.
    pub fn feed(
        &mut self,
        mut chunk: &[u8],
        mut on_line: impl FnMut(&[u8]),
    ) -> Result<(), LineTooLong> {
        while let Some(end) = memchr(b'\n', chunk) {
            let (line, rest) = (&chunk[..end], &chunk[end + 1..]);
            if self.carry.len() + line.len() + 1 > LINE_BYTES_MAX {
                return Err(LineTooLong);
            }
            self.complete(line, &mut on_line);
            chunk = rest;
        }
        if self.carry.len() + chunk.len() + 1 > LINE_BYTES_MAX {
            return Err(LineTooLong);
        }
        self.carry.extend_from_slice(chunk);
        Ok(())
    }

    fn complete(&mut self, line: &[u8], on_line: &mut impl FnMut(&[u8])) {
        if self.carry.is_empty() {
            emit(line, on_line);
        } else {
            let mut whole = std::mem::take(&mut self.carry);
            whole.extend_from_slice(line);
            emit(&whole, on_line);
        }
    }
}

fn emit(line: &[u8], on_line: &mut impl FnMut(&[u8])) {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if !line.is_empty() {
        on_line(line);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(chunks: &[&[u8]]) -> Result<Vec<Vec<u8>>, LineTooLong> {
        let mut buffer = LineBuffer::default();
        let mut lines = Vec::new();
        for chunk in chunks {
            buffer.feed(chunk, |line| lines.push(line.to_vec()))?;
        }
        Ok(lines)
    }

    #[test]
    fn lines_come_out_without_their_endings_and_empty_ones_not_at_all() {
        let got = lines(&[b"a\r\nb\n\n\r\nc", b"d\n", b"rest"]).unwrap();
        assert_eq!(got, [b"a".to_vec(), b"b".to_vec(), b"cd".to_vec()]);
    }

    #[test]
    fn the_limit_is_exact_and_counts_the_newline() {
        let mut longest = vec![b'x'; LINE_BYTES_MAX - 1];
        longest.push(b'\n');
        assert_eq!(lines(&[&longest]).unwrap().len(), 1);
        let (head, tail) = longest.split_at(1000);
        assert_eq!(lines(&[head, tail]).unwrap().len(), 1);
        longest.insert(0, b'x');
        assert_eq!(lines(&[&longest]), Err(LineTooLong));
        let (head, tail) = longest.split_at(1000);
        assert_eq!(lines(&[head, tail]), Err(LineTooLong));
    }

    #[test]
    fn an_endless_line_is_refused_before_its_newline_comes() {
        let endless = vec![b'x'; LINE_BYTES_MAX];
        assert_eq!(lines(&[&endless]), Err(LineTooLong));
        assert_eq!(lines(&[&endless[1..]]), Ok(vec![]));
    }

    proptest! {
        #[test]
        fn any_split_of_a_stream_gives_the_same_lines(
            stream in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..400),
            cuts in proptest::collection::vec(0usize..400, 0..20),
        ) {
            let whole = lines(&[&stream]).unwrap();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.push(0);
            cuts.push(stream.len());
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]).collect();
            prop_assert_eq!(lines(&chunks).unwrap(), whole);
        }
    }
}

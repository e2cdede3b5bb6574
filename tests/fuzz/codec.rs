//! Bytes to lines, however they are cut.

use papo::wire::codec::{LINE_BYTES_MAX, LineBuffer, LineTooLong};

use crate::harness::Target;

#[test]
fn any_bytes_in_any_pieces_give_the_lines_that_are_in_them() {
    let target = Target {
        name: "codec",
        words: &["\n", "\r\n", "\r", "{}", "x", "\u{e9}", "aaaaaaaaaaaaaaaa"],
        cases: 2_000,
        check,
    };
    target.run();
}

pub fn check(input: &[u8]) {
    let expected = lines(input);
    let mut rng = fastrand::Rng::with_seed(input.len() as u64);
    for most in [input.len().max(1), 1, 7, 5_000] {
        let mut buffer = LineBuffer::default();
        let mut found = Vec::new();
        let mut rest = input;
        let mut end = Ok(());
        while !rest.is_empty() && end.is_ok() {
            let (piece, behind) = rest.split_at(rng.usize(1..=most).min(rest.len()));
            end = buffer.feed(piece, |line| found.push(line.to_vec()));
            rest = behind;
        }
        assert_eq!((found, end.is_err()), expected, "in pieces of up to {most}");
        assert!(end.is_ok() || end == Err(LineTooLong));
    }
}

/// The lines, as a person would find them, and whether one is too long.
fn lines(input: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut lines = Vec::new();
    for line in input.split_inclusive(|byte| *byte == b'\n') {
        let complete = line.ends_with(b"\n");
        if line.len() + usize::from(!complete) > LINE_BYTES_MAX {
            return (lines, true);
        }
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if complete && !line.is_empty() {
            lines.push(line.to_vec());
        }
    }
    (lines, false)
}

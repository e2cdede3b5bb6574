//! How often an own message is written again after links that were lost. Plain clients show a repeated message twice, so
//! they get one repetition; peers that announce `stream` know repetitions.

/// Repetitions to a plain peer.
const RESENDS_PLAIN: u8 = 1;

/// Repetitions to a peer that announced `stream`.
const RESENDS_STREAM: u8 = 3;

/// How a link of a peer writes: decides on repetitions and ACKs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkKind {
    /// The peer announced `stream`.
    pub stream: bool,
    /// The peer announced `ack`.
    pub acks: bool,
}

impl LinkKind {
    /// Whether a message that was written on so many links that were lost may be written on such a link.
    pub fn takes_again(self, lost: u8, resend: bool) -> bool {
        let resends_max = match self.stream {
            true => RESENDS_STREAM,
            false => RESENDS_PLAIN,
        };
        lost == 0 || (resend && lost <= resends_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_peer_gets_one_repetition_a_stream_three_and_none_without_resend() {
        let takes = |stream, resend| {
            let kind = LinkKind { stream, acks: true };
            (0..9)
                .take_while(|lost| kind.takes_again(*lost, resend))
                .count()
        };
        assert_eq!((takes(false, true), takes(true, true)), (2, 4));
        assert_eq!((takes(false, false), takes(true, false)), (1, 1));
    }
}

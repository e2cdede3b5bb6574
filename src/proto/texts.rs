//! The texts that one chunk brought, in one buffer: a chunk of many messages costs as few allocations as one of one.

use crate::wire::destination::Destination;

/// Texts as they stand in SENDs and PUBs, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Texts {
    /// Message id and payload of each, one behind the other.
    buffer: String,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    audience: Option<Destination>,
    payload_at: usize,
    end: usize,
}

/// One of several texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    /// To whom it is addressed; none: to us alone, as a SEND always is.
    pub audience: Option<&'a Destination>,
    /// The sender's message id: any text, not always unique.
    pub msg_id: &'a str,
    /// The text, unaltered.
    pub payload: &'a str,
}

impl Texts {
    /// Adds one behind the others.
    pub fn push(&mut self, audience: Option<Destination>, msg_id: &str, payload: &str) {
        self.buffer.push_str(msg_id);
        let payload_at = self.buffer.len();
        self.buffer.push_str(payload);
        self.entries.push(Entry {
            audience,
            payload_at,
            end: self.buffer.len(),
        });
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The text at this place, counted from 0.
    pub fn get(&self, at: usize) -> Option<Text<'_>> {
        let entry = self.entries.get(at)?;
        let begin = at
            .checked_sub(1)
            .map_or(0, |before| self.entries[before].end);
        Some(Text {
            audience: entry.audience.as_ref(),
            msg_id: &self.buffer[begin..entry.payload_at],
            payload: &self.buffer[entry.payload_at..entry.end],
        })
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Text<'_>> {
        (0..self.len()).filter_map(|at| self.get(at))
    }

    /// All ids and payloads, in bytes.
    pub fn bytes(&self) -> usize {
        self.buffer.len()
    }
}

impl<'a> FromIterator<Text<'a>> for Texts {
    fn from_iter<I: IntoIterator<Item = Text<'a>>>(texts: I) -> Self {
        let mut all = Self::default();
        for text in texts {
            all.push(text.audience.cloned(), text.msg_id, text.payload);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_out_as_they_went_in_and_in_their_order() {
        let everyone = Destination::Everyone;
        let text = |audience, msg_id, payload| Text {
            audience,
            msg_id,
            payload,
        };
        let expected = [
            text(None, "1", "olá"),
            text(Some(&everyone), "", ""),
            text(None, "é", "x"),
        ];
        let texts: Texts = expected.into_iter().collect();
        assert_eq!(texts.iter().collect::<Vec<_>>(), expected);
        assert_eq!((texts.len(), texts.bytes()), (3, 8));
        assert_eq!(texts.get(3), None);
    }
}

//! Bytes to values and back: identities, messages, framing, limits. Knows no clock, socket or actor.

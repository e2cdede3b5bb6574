//! The rendezvous server: one actor for the socket over the pure directory. Knows nothing of peers.

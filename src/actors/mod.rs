//! Effects: sockets, timers and mailboxes. Thin handlers feed the machines of `proto` and apply their outputs.

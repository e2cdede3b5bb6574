//! Programs that use a running node: the control socket, the control port, and the commands that go through them.

mod hostile;
mod port;
mod socket;

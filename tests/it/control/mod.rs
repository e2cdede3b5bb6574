//! Programs that use a running node: the control socket, the control port, and the commands that go through them.

mod bot;
mod doctor;
mod hostile;
mod port;
mod send;
mod shells;
mod socket;

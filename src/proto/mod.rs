//! Decisions as pure machines: `handle(now, input) -> outputs`. No I/O, no actix, no clock, no randomness of their own.

pub mod backoff;
pub mod hosting;
pub mod registration;
pub mod restart;
pub mod sleep;

//! The store through its handle, on real files.

mod facts;
mod receiving;
mod testing;

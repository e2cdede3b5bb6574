//! The store through its handle, on real files.

mod facts;
mod failing;
mod opening;
mod queries;
mod receiving;
mod testing;
mod upkeep;

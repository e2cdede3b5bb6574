//! The `papo` binary: parse, load the settings, start, choose the exit code.

fn main() {}

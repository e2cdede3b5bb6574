#!/usr/bin/env bash
# Five nodes under load, one of them killed every ten seconds and started again; at the end the books are checked.
#
#     examples/soak.sh [SECONDS [BINARY]]     600 s unless told; without BINARY it builds target/release/papo
#
# SOAK_SEED repeats the kills of a run. Linux only: it reads /proc. docs/soak.md explains the report.
set -eu
seconds=${1:-600}
binary=${2:-}
binary=${binary:+$(cd "$(dirname "$binary")" && pwd)/$(basename "$binary")}
cd "$(dirname "$0")/.."
[ -n "$binary" ] || cargo build --release
exec cargo run --quiet --example soak -- "$seconds" "${binary:-${CARGO_TARGET_DIR:-target}/release/papo}"

#!/usr/bin/env bash
# Instructions per operation on a sparse mailbox of a million, counted by callgrind: the gate that no load on the
# machine can disturb. Fails when an operation needs more than its limit. Needs valgrind.
#
#   benches/callgrind.sh
set -euo pipefail
cd "$(dirname "$0")/.."

# The program runs each operation this often.
times=10000
# operation limit
limits="uid-to-seq 140
seq-to-uid 250
expunge 1200
open 80
expunge-and-announce 2800"

cargo build --quiet --release --locked -p imap-backendutil-benches --bin translation-instructions
program=${CARGO_TARGET_DIR:-target}/release/translation-instructions
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

status=0
printf '%-22s %12s %7s\n' operation instructions limit
while read -r operation limit; do
  valgrind --tool=callgrind --callgrind-out-file="$scratch/out" --toggle-collect='*counted*' \
    "$program" "$operation" 2>"$scratch/log" || { cat "$scratch/log" >&2; exit 1; }
  collected=$(sed -n 's/^summary: *//p; s/^totals: *//p' "$scratch/out" | head -1)
  each=$(((collected + times / 2) / times))
  verdict=
  if [ "$collected" -eq 0 ] || [ "$each" -gt "$limit" ]; then verdict=' ABOVE THE LIMIT'; status=1; fi
  printf '%-22s %12d %7d%s\n' "$operation" "$each" "$limit" "$verdict"
done <<<"$limits"
exit $status

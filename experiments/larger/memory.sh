#!/usr/bin/env bash
# Memory and time of generated tiled TIFFs of 4096, 12288 and 20480 pixels on a
# side, streamed, and of the smallest in memory as well, with networks that do
# next to nothing. A process each; the 4096s three times, in turns.
set -euo pipefail
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

measure() {
  python "$here/measure.py" "$work/$1.tif" "$2" "$work/out" --network=narrow
  rm -rf "$work/out"
}
for size in 4096 12288 20480; do
  python "$here/make_tiff.py" "$size" "$work/$size.tif"
done
{
  for _ in 1 2 3; do
    measure 4096 memory
    measure 4096 uint16
  done
  measure 12288 uint16
  measure 20480 uint16
} | tee "$here/results/memory.jsonl"
python "$here/table.py" "$here/results/memory.jsonl" \
  | tee "$here/results/memory.txt"

#!/usr/bin/env bash
# Kills each command 30 times, then runs it 10 times with a full disk, and writes
# results/NAME.txt. Ten to fifteen minutes on two free cores.
set -euo pipefail
here=$(dirname "$0")
mkdir -p "$here/results"

for subject in train streamed divided; do
  python "$here/kills.py" "$subject" --kills=30 \
    | tee "$here/results/$subject.txt"
done
for subject in train streamed; do
  python "$here/kills.py" "$subject" --kills=10 --full \
    | tee "$here/results/${subject}_full.txt"
done

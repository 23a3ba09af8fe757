#!/usr/bin/env bash
# How fast is each network alone, and the same one in PyTorch? One process per
# network, so that the memory of one does not affect the next, and one core:
# PyTorch's threads wait for each other, which other programs make very slow.
set -euo pipefail
here=$(dirname "$0")

for network in ${NETWORKS:-refiner fpn hrnet18 psp deeplab unet hrnet48}; do
  OMP_NUM_THREADS=1 taskset -c 0 python "$here/run.py" \
    --networks="$network" --batches="${BATCHES:-1,4,16}" \
    --repeats="${REPEATS:-3}" --max_seconds="${MAX_SECONDS:-60}"
  echo
done | tee "$here/results.txt"

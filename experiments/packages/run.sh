#!/usr/bin/env bash
# How long do methods take beside the packages that a person would use instead?
# On one core, with one thread each. IMAGE is any photograph of at least
# 2448 x 2448 pixels; LENGTHS=900 takes four times as long as 450.
#   pip install magnet-jax opencv-contrib-python-headless pydensecrf2 \
#     segmentation-refinement torch
set -euo pipefail
here=$(dirname "$0")
mkdir -p "$here/results"
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

one_core() {
  taskset -c "${CORE:-0}" python "$here/$1" "$IMAGE" "${@:2}"
}

one_core filters.py --repeats="${REPEATS:-5}" | tee "$here/results/filters.txt"
one_core exactness.py | tee "$here/results/exactness.txt"
one_core parts.py | tee "$here/results/parts.txt"
for length in ${LENGTHS:-450}; do
  one_core cascade_psp.py --length="$length" --crops=1
done | tee "$here/results/cascade_psp.txt"

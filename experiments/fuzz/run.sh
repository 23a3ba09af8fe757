#!/usr/bin/env bash
# Malformed inputs and flags, drawn by Hypothesis, thrown at every command: a
# table by group, and each case that did not end as promised. Needs
# magnet-jax[test,convert,geo]. CASES and SEED choose others, and words are added
# to those of fuzz.py, such as --groups=images,flags.
set -euo pipefail
here=$(dirname "$0")

mkdir -p runs/fuzz "$here/results"
# What is compiled is kept, and tiny: this is about refusals.
export JAX_COMPILATION_CACHE_DIR=$PWD/runs/fuzz/compiled
export JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=0
export JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES=-1
export XLA_FLAGS='--xla_backend_optimization_level=0'
python "$here/fuzz.py" --cases="${CASES:-3200}" --seed="${SEED:-0}" \
  --faults="$here/results/faults.txt" "$@" | tee "$here/results/table.txt"

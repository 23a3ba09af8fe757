#!/usr/bin/env bash
# How many bits does a weight need? The model of experiments/scenes, before its
# kernels are stored with 8 bits, with its kernels rounded.
set -euo pipefail
here=$(dirname "$0")

mkdir -p runs/rounding
cp runs/scenes/model.npz runs/rounding/float32.npz
for bits in 8 4; do
  python "$here/round_weights.py" runs/rounding/float32.npz "$bits" \
    "runs/rounding/bits$bits.npz"
done
for run in float32 bits8 bits4; do
  magnet-jax evaluate --checkpoint="runs/rounding/$run.npz" --config=scenes \
    '--config.data.scene_size=(1224, 1224)' --split=test --limit=8 \
    --out="runs/rounding/$run" --pictures=0
  mkdir -p "$here/results/$run"
  cp "runs/rounding/$run/"{records.jsonl,settings.json} "$here/results/$run/"
done
cd "$here/results"
python ../../checkpoints/compare.py scenes float32 bits8 bits4 | tee results.txt

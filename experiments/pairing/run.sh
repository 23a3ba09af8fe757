#!/usr/bin/env bash
# What should the refiner be trained on? Its own cascade, or, as the original,
# the coarsest stage paired with a random one. Same segmenter, same steps.
set -euo pipefail
here=$(dirname "$0")
config=$here/../carrotweed/full_size.py

magnet-jax train --config="$config" --workdir=runs/carrotweed-full
mkdir -p runs/carrotweed-coarsest
cp -r runs/carrotweed-full/segmenter runs/carrotweed-coarsest/
magnet-jax train --config="$config" --workdir=runs/carrotweed-coarsest \
  --stage=refiner --config.train.refiner.pairing=coarsest
for run in carrotweed-full carrotweed-coarsest; do
  magnet-jax evaluate --checkpoint="runs/$run" --split=val --methods=magnet \
    --out="runs/$run/pairing"
done
python experiments/checkpoints/compare.py carrotweed runs/carrotweed-coarsest/pairing \
  runs/carrotweed-full/pairing | tee "$here/results.txt"

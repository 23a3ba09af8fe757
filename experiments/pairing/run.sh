#!/usr/bin/env bash
# What should the refiner be trained on? Its own cascade, or, as the original,
# the coarsest stage paired with a random one. Same segmenter, same steps.
set -euo pipefail
here=$(dirname "$0")

magnet-jax train --config=carrotweed --workdir=runs/carrotweed
mkdir -p runs/carrotweed-coarsest
cp -r runs/carrotweed/segmenter runs/carrotweed-coarsest/
magnet-jax train --config=carrotweed --workdir=runs/carrotweed-coarsest \
  --stage=refiner --config.train.refiner.pairing=coarsest
for run in carrotweed carrotweed-coarsest; do
  magnet-jax evaluate --checkpoint="runs/$run" --split=val --methods=magnet \
    --out="runs/$run/pairing"
done
python experiments/compare.py carrotweed runs/carrotweed-coarsest/pairing \
  runs/carrotweed/pairing | tee "$here/results.txt"

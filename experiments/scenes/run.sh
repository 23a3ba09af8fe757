#!/usr/bin/env bash
# Trains the embedded model scenes and measures it on scenes that it has not seen.
set -euo pipefail
here=$(dirname "$0")

magnet-jax train --config=scenes --workdir=runs/scenes
# Correctors of its maps, on smaller scenes. In the model that the package
# carries, deep_guided had 400 steps on 32 large scenes, and iterative 38 steps in
# eight minutes of a busy machine.
for steps in deep_guided=400 iterative=400 segfix=500; do
  stage=${steps%=*}
  magnet-jax train --config=scenes --workdir=runs/scenes-correctors \
    --stage="$stage" "--config.train.$stage.segmenter=runs/scenes/model.npz" \
    "--config.train.$stage.steps=${steps#*=}" \
    --config.data.train_scenes=48 '--config.data.scene_size=(1224,1224)'
done
# The model that the package carries:
python "$here/with_correctors.py" magnet_jax/embedded/scenes.npz \
  runs/scenes/model.npz runs/scenes-correctors
# fast-guided is patch with the filter that MagNet has as its last stage.
magnet-jax evaluate --checkpoint=magnet_jax/embedded/scenes.npz \
  --methods=downsample,patch,patch-best,multiscale,fast-guided,magnet,magnet-fast \
  --config=scenes --split=test --out=runs/scenes/test \
  | tee "$here/results/test.txt"
cp runs/scenes/test/records.jsonl "$here/results/test.jsonl"

# With MagNet's refiner, for the pictures of docs/method.md:
magnet-jax train --config="$here/with_refiner.py" \
  --workdir=runs/scenes-refiner
python docs/make_pictures.py runs/scenes-refiner

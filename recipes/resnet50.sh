#!/usr/bin/env bash
# Trains weights/resnet50.safetensors, on two CPU cores.
#
#     recipes/resnet50.sh
#
# recipes/lite.sh must have run before: its data are in runs/data, its weights label the faces of AFLW2000-3D, which have
# no masks, teach the last run, and are one half of what ships. The encoder starts from nothing: at a low resolution
# first, where an epoch costs a quarter. From the second run on, the portraits that people labelled are seen twice as
# often as the rest.
set -euo pipefail

python recipes/pseudo_labels.py runs/data/aflw/train runs/data/pseudo_aflw

common=(--encoder resnet50 --data runs/data/celebamask/train --data runs/data/pseudo --data runs/data/pseudo_aflw
    --data runs/data/facesynthetics/train --data runs/data/fasseg/train --val runs/data/celebamask/val
    --backgrounds runs/data/backgrounds/train --workers 1)

facelm train --size 128 --batch 32 --epochs 24 --lr 1e-3 --out runs/resnet50_128 "${common[@]}"

facelm train --data runs/data/celebamask/train --size 256 --epochs 8 --lr 8e-4 \
    --init runs/resnet50_128/best.safetensors --out runs/resnet50_256 "${common[@]}"

facelm train --data runs/data/celebamask/train --size 256 --epochs 10 --lr 6e-4 --teacher lite \
    --init runs/resnet50_256/best.safetensors --out runs/resnet50 "${common[@]}"

python recipes/mean_of_two.py runs/resnet50/best.safetensors lite weights/resnet50.safetensors
facelm export weights/resnet50.safetensors

#!/usr/bin/env bash
# Trains weights/lite.safetensors, in about four hours on two CPU cores.
#
#     recipes/lite.sh DATA
#
# DATA holds the folders that recipes/split.py reads, celeba_unlabelled/ (portraits without masks) and
# encoders/mobilenet_v2_imagenet.pth. The second run goes on at a higher resolution; the third learns from all
# labels there are, and from those that the second gives to portraits that have none.
set -euo pipefail
data=$1
python recipes/split.py "$data" runs/data

common=(--encoder mobilenet_v2 --val runs/data/celebamask/val --backgrounds runs/data/backgrounds/train --workers 1)

facelm train --data runs/data/celebamask/train --init "$data/encoders/mobilenet_v2_imagenet.pth" \
    --size 256 --epochs 26 --lr 1e-3 --out runs/lite256 "${common[@]}"

facelm train --data runs/data/celebamask/train --init runs/lite256/best.safetensors \
    --size 320 --epochs 12 --lr 7e-4 --out runs/lite320 "${common[@]}"

python recipes/pseudo_labels.py "$data/celeba_unlabelled" runs/data/pseudo runs/lite320/best.safetensors

facelm train --data runs/data/celebamask/train --data runs/data/facesynthetics/train --data runs/data/fasseg/train \
    --data runs/data/pseudo --init runs/lite320/best.safetensors \
    --size 320 --epochs 11 --lr 7e-4 --out runs/lite "${common[@]}"

cp runs/lite/best.safetensors weights/lite.safetensors
facelm export weights/lite.safetensors

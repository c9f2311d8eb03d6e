#!/usr/bin/env bash
# Trains weights/lite.safetensors, in about two and a half hours on two CPU cores.
#
#     recipes/lite.sh DATA
#
# DATA holds celebamask/ (images/ and masks/), backgrounds/ (photos without people) and
# encoders/mobilenet_v2_imagenet.pth. The second run goes on at a higher resolution.
set -euo pipefail
data=$1

facelm train --data "$data/celebamask" --backgrounds "$data/backgrounds" \
    --encoder mobilenet_v2 --init "$data/encoders/mobilenet_v2_imagenet.pth" \
    --size 256 --epochs 26 --lr 1e-3 --workers 1 --out runs/lite256

facelm train --data "$data/celebamask" --backgrounds "$data/backgrounds" \
    --encoder mobilenet_v2 --init runs/lite256/best.safetensors \
    --size 320 --epochs 12 --lr 7e-4 --workers 1 --out runs/lite320

cp runs/lite320/best.safetensors weights/lite.safetensors

#!/usr/bin/env bash
# Trains the shipped weights, on two CPU cores.
#
#     recipes/weights.sh DATA
#
# DATA holds the folders that recipes/split.py reads, celeba_unlabelled/ (portraits without masks) and
# encoders/mobilenet_v2_imagenet.pth. A light network starts from ImageNet, at a low resolution first, and labels the
# portraits that have no labels. A ResNet50 starts from nothing, and learns from all of them; the mean of the two is
# better than either, and teaches the light one once more. Both go on at a higher resolution, and the
# mean of the two teaches the light one for the last time.
set -euo pipefail
data=$1

python recipes/split.py "$data" runs/data
python recipes/encoder_start.py "$data/encoders/mobilenet_v2_imagenet.pth" runs/imagenet.safetensors

common=(--val runs/data/celebamask/val --backgrounds runs/data/backgrounds/train --workers 1)
light=(--encoder tu-mobilenetv2_100 "${common[@]}")

facelm train --data runs/data/celebamask/train --init runs/imagenet.safetensors \
    --size 256 --epochs 26 --lr 1e-3 --out runs/light256 "${light[@]}"

facelm train --data runs/data/celebamask/train --init runs/light256/best.safetensors \
    --size 320 --epochs 12 --lr 7e-4 --out runs/light320 "${light[@]}"

python recipes/pseudo_labels.py "$data/celeba_unlabelled" runs/data/pseudo runs/light320/best.safetensors

all=(--data runs/data/celebamask/train --data runs/data/pseudo --data runs/data/facesynthetics/train
    --data runs/data/fasseg/train)

facelm train "${all[@]}" --init runs/light320/best.safetensors \
    --size 320 --epochs 11 --lr 7e-4 --out runs/light "${light[@]}"

python recipes/pseudo_labels.py runs/data/aflw/train runs/data/pseudo_aflw runs/light/best.safetensors
all+=(--data runs/data/pseudo_aflw)

facelm train "${all[@]}" --size 128 --batch 32 --epochs 24 --lr 1e-3 --out runs/resnet50_128 "${common[@]}"

# From here on the portraits that people labelled are seen twice as often as the rest.
twice=("${all[@]}" --data runs/data/celebamask/train)

facelm train "${twice[@]}" --init runs/resnet50_128/best.safetensors \
    --size 256 --epochs 8 --lr 8e-4 --out runs/resnet50_256 "${common[@]}"

facelm train "${twice[@]}" --init runs/resnet50_256/best.safetensors --teacher runs/light/best.safetensors \
    --size 256 --epochs 10 --lr 6e-4 --out runs/resnet50 "${common[@]}"

python recipes/mean_of_two.py runs/resnet50/best.safetensors runs/light/best.safetensors 320 runs/teacher.safetensors

facelm train "${all[@]}" --init runs/light/best.safetensors --teacher runs/teacher.safetensors \
    --size 320 --epochs 3 --lr 4e-4 --out runs/lite "${light[@]}"

facelm train "${twice[@]}" --init runs/lite/best.safetensors \
    --size 448 --batch 12 --epochs 2 --lr 3e-4 --out runs/light448 "${light[@]}"

python recipes/mean_of_two.py runs/resnet50/best.safetensors runs/light448/best.safetensors 320 runs/labeller.safetensors
python recipes/pseudo_labels.py "$data/celeba_unlabelled" runs/data/pseudo_again runs/labeller.safetensors

facelm train --data runs/data/celebamask/train --data runs/data/celebamask/train --data runs/data/pseudo_again \
    --data runs/data/pseudo_aflw --data runs/data/facesynthetics/train --data runs/data/fasseg/train \
    --data runs/data/fasseg/train --init runs/resnet50/best.safetensors \
    --size 384 --batch 12 --epochs 2 --lr 3e-4 --out runs/resnet50_384 "${common[@]}"

python recipes/mean_of_two.py runs/resnet50_384/best.safetensors runs/light448/best.safetensors 384 \
    runs/last_teacher.safetensors
python recipes/pseudo_labels.py "$data/celeba_unlabelled" runs/data/pseudo_last runs/last_teacher.safetensors
python recipes/pseudo_labels.py runs/data/aflw/train runs/data/pseudo_aflw_last runs/last_teacher.safetensors

facelm train --data runs/data/celebamask/train --data runs/data/celebamask/train --data runs/data/pseudo_last \
    --data runs/data/pseudo_aflw_last --data runs/data/facesynthetics/train --data runs/data/fasseg/train \
    --data runs/data/fasseg/train --init runs/light448/best.safetensors --teacher runs/last_teacher.safetensors \
    --size 384 --batch 12 --epochs 4 --lr 3e-4 --out runs/light384 "${light[@]}"

cp runs/light384/best.safetensors weights/lite.safetensors
python recipes/mean_of_two.py runs/resnet50_384/best.safetensors runs/light384/best.safetensors 384 \
    weights/resnet50.safetensors
facelm export lite --overwrite
facelm export resnet50 --overwrite
python recipes/int8.py lite runs/data/celebamask/train/images  # needs nncf and onnxruntime

python recipes/finder.py runs/data runs/finder
python recipes/landmark_net.py runs/data

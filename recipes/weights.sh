#!/usr/bin/env bash
# Trains the shipped networks, on two CPU cores.
#
#     recipes/weights.sh DATA
#
# DATA holds the folders that recipes/split.py reads, and encoders/mobilenet_v2_imagenet.pth. A light network starts from
# ImageNet, at a low resolution first; it labels faces in the wild, goes on with those, at higher resolutions, and
# with crops in which nobody is: the mean of the weights after the last runs is lite. Back at the low resolution it becomes
# tiny. A ResNet50 starts from nothing, and then learns from lite too. The weights that ship took more steps:
# docs/experiments.md has them.
set -euo pipefail
data=$1

python recipes/split.py "$data" runs/data
python recipes/encoder_start.py "$data/encoders/mobilenet_v2_imagenet.pth" runs/imagenet.safetensors

portraits=(--data runs/data/celebamask_more/train --data runs/data/celebamask/train)
others=(--data runs/data/facesynthetics/train --data runs/data/fasseg/train)
common=(--val runs/data/celebamask/val --val runs/data/celebamask_more/val --workers 1)
light=(--encoder tu-mobilenetv2_100 "${common[@]}")

facelm train "${portraits[@]}" "${others[@]}" --init runs/imagenet.safetensors \
    --size 256 --epochs 10 --lr 1e-3 --out runs/light256 "${light[@]}"

for set in landmarks_300w aflw; do
    python recipes/pseudo_labels.py "runs/data/$set/train" "runs/data/pseudo_$set" runs/light256/best.safetensors
    others+=(--data "runs/data/pseudo_$set")
done

facelm train "${portraits[@]}" "${others[@]}" --init runs/light256/best.safetensors \
    --size 256 --epochs 2 --lr 5e-4 --out runs/light256_wild "${light[@]}"
facelm train "${portraits[@]}" "${others[@]}" --init runs/light256_wild/best.safetensors \
    --size 320 --epochs 4 --lr 4e-4 --out runs/light320 "${light[@]}"
python recipes/no_faces.py runs/data runs/data/no_faces
best=runs/light320
for run in 1 2; do  # of two epochs: in the later one pictures are changed less
    facelm train "${portraits[@]}" "${others[@]}" --data runs/data/no_faces --init "$best/best.safetensors" \
        --size 384 --epochs 2 --lr 2e-4 --out "runs/light384_$run" "${light[@]}"
    best=runs/light384_$run
done
python recipes/mean_of_weights.py runs/data/celebamask_more/train runs/lite.safetensors \
    runs/light384_{1,2}/best.safetensors
facelm train "${portraits[@]}" "${others[@]}" --data runs/data/no_faces --init runs/lite.safetensors \
    --size 256 --epochs 2 --lr 2e-4 --out runs/tiny "${light[@]}"

facelm train "${portraits[@]}" "${others[@]}" --size 128 --batch 32 --epochs 12 --lr 1e-3 \
    --out runs/resnet50_128 "${common[@]}"
facelm train "${portraits[@]}" "${others[@]}" --init runs/resnet50_128/best.safetensors \
    --teacher runs/lite.safetensors --size 256 --epochs 6 --lr 8e-4 --out runs/resnet50_256 "${common[@]}"
facelm train "${portraits[@]}" "${others[@]}" --data runs/data/no_faces --init runs/resnet50_256/best.safetensors \
    --teacher runs/lite.safetensors --size 320 --epochs 2 --lr 2e-4 --out runs/resnet50 "${common[@]}"

cp runs/lite.safetensors weights/lite.safetensors
cp runs/tiny/best.safetensors weights/tiny.safetensors
cp runs/resnet50/best.safetensors weights/resnet50.safetensors
for model in lite tiny resnet50; do
    facelm export "$model" --overwrite
    python recipes/int8.py "$model" runs/data/celebamask/train/images  # needs nncf and onnxruntime
done

python recipes/finder.py runs/data runs/finder
python recipes/landmark_net.py runs/data

"""Turns torchvision's weights of MobileNetV2 into start weights for timm's, the encoder of lite.

    python recipes/encoder_start.py mobilenet_v2_imagenet.pth OUT

OUT is a safetensors file for `facelm train --init`.
"""

import sys
from pathlib import Path

import segmentation_models_pytorch as smp
import torch
from safetensors.torch import save_file

source = torch.load(sys.argv[1], map_location="cpu", weights_only=True)
encoder = smp.encoders.get_encoder("tu-mobilenetv2_100", weights=None).state_dict()
# Both name their layers from the first to the last; timm's network ends before the last convolution.
start = dict(zip(encoder, source.values(), strict=False))
assert all(start[name].shape == tensor.shape for name, tensor in encoder.items())
Path(sys.argv[2]).parent.mkdir(parents=True, exist_ok=True)
save_file(start, sys.argv[2])

"""Takes the last block off the decoder of a model: start weights of one whose logits have half of the resolution.

    python recipes/shorten.py MODEL SIDE OUT

MODEL is a model of facelm's, SIDE that of the pictures that the shorter one is for, in pixels. Its head is new: OUT, a
safetensors file, is for `facelm train --init`.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from facelm.engines import model

network, info = model.load_model(sys.argv[1], torch.device("cpu"))
short = replace(info, decoder_channels=info.decoder_channels[:-1], size=int(sys.argv[2]), scores={})
torch.manual_seed(0)
start = model.build(short)
weights = start.state_dict()
kept = {name: values for name, values in network.state_dict().items() if name in weights}
start.load_state_dict(weights | {name: values for name, values in kept.items() if "segmentation_head" not in name})
model.save_model(start, short, Path(sys.argv[3]))

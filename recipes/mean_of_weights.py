"""Averages the weights of two trained models of one shape, of which one started from the other (Wortsman et al., 2022).

    python recipes/mean_of_weights.py FIRST SECOND OUT

FIRST and SECOND are models of facelm's, OUT is the safetensors file to write.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from facelm import model

first, _ = model.load_model(sys.argv[1], torch.device("cpu"))
second, info = model.load_model(sys.argv[2], torch.device("cpu"))
other = second.state_dict()
mean = {
    name: (tensor + other[name]) / 2 if tensor.is_floating_point() else tensor
    for name, tensor in first.state_dict().items()
}
second.load_state_dict(mean)
model.save_model(second, replace(info, scores={}), Path(sys.argv[3]))

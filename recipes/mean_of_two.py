"""Joins two trained models to one whose logits are the mean of theirs.

    python recipes/mean_of_two.py FIRST SECOND OUT

FIRST and SECOND are models of facelm's, OUT is the safetensors file to write. Crops will have the larger of their two
sizes.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from facelm import model

first, info = model.load_model(sys.argv[1], torch.device("cpu"))
second, other = model.load_model(sys.argv[2], torch.device("cpu"))
joined = replace(
    info,
    size=max(info.size, other.size),
    data=tuple(dict.fromkeys(info.data + other.data)),
    scores={},
    second_encoder=other.encoder,
    second_decoder_channels=other.decoder_channels,
)
model.save_model(model.MeanOfTwo(first, second), joined, Path(sys.argv[3]))

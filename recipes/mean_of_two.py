"""Joins two trained models to one whose logits are the mean of theirs.

    python recipes/mean_of_two.py FIRST SECOND SIDE OUT

FIRST and SECOND are models of facelm's, of which the first will see the picture mirrored. SIDE is that of the crops
that both will see, in pixels, a multiple of 32. OUT is the safetensors file to write.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from facelm.engines import model

first, info = model.load_model(sys.argv[1], torch.device("cpu"))
second, other = model.load_model(sys.argv[2], torch.device("cpu"))
joined = replace(
    info,
    size=int(sys.argv[3]),
    data=tuple(dict.fromkeys(info.data + other.data)),
    scores={},
    second_encoder=other.encoder,
    second_decoder_channels=other.decoder_channels,
)
model.save_model(model.MeanOfTwo(first, second), joined, Path(sys.argv[4]))

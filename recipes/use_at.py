"""Has a trained model see crops of another side than those that it learned from.

    python recipes/use_at.py MODEL SIDE OUT

MODEL is a model of facelm's, SIDE that of the crops, in pixels, a multiple of 32. OUT is the safetensors file to write.
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch

from facelm import model

network, info = model.load_model(sys.argv[1], torch.device("cpu"))
model.save_model(network, replace(info, size=int(sys.argv[2])), Path(sys.argv[3]))

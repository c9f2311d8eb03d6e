"""Averages the weights of models that one training made of another, and tells earrings and necklaces less often.

    python recipes/mean_of_weights.py PORTRAITS OUT MODEL [MODEL ...]

Earrings and necklaces weigh more in the loss of the training, so they are told too often. What their logits are lowered
by is what gives most F1 on PORTRAITS, a folder with ``images/`` and ``masks/``, of which 400 are looked at. OUT is the
safetensors file to write, MODEL those that `facelm train` wrote.
"""

import random
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from facelm import classes
from facelm.engines import model
from facelm.parsing.parser import FaceParser
from facelm.pictures import images

PICTURES, STEP = 400, 4
RARE = classes.indices("ear_r", "neck_l")
LOWER = np.arange(0, 3.1, 0.25)


def average(networks: list[torch.nn.Module]) -> torch.nn.Module:
    """The first network, with the mean of all weights."""
    states = [network.state_dict() for network in networks]
    for name, values in states[0].items():
        if values.is_floating_point():
            values.copy_(torch.stack([state[name].float() for state in states]).mean(0))
    return networks[0]


def look(parser: FaceParser, portraits: Path) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Logits (N, 19), up to a constant for each pixel, and labels (N,) of some pixels of the faces in portraits."""
    logits, labels = [], []
    paths = sorted((portraits / "images").iterdir())
    for path in random.Random(0).sample(paths, min(PICTURES, len(paths))):
        rgb = images.read(path)
        mask = images.read_mask(portraits / "masks" / f"{path.stem}.png")
        mask = cv2.resize(mask, rgb.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        for face in parser.parse(rgb)[:1]:
            side = face.probabilities.shape[-1]
            known = cv2.warpAffine(mask, face.transform * side, (side,) * 2, flags=cv2.INTER_NEAREST, borderValue=255)
            some = known[::STEP, ::STEP] < len(classes.CLASSES)
            logits.append(np.log(face.probabilities[:, ::STEP, ::STEP][:, some].T + 1e-6))
            labels.append(known[::STEP, ::STEP][some])
    return np.concatenate(logits), np.concatenate(labels)


def choose(logits: NDArray[np.float32], labels: NDArray[np.uint8]) -> dict[int, float]:
    """What the logit of each rare class is to be lowered by."""
    lowered = {}
    for index in RARE:
        others = np.delete(logits, index, axis=1).max(1)
        told = [logits[:, index] - lower > others for lower in LOWER]
        f1 = [2 * (labels[each] == index).sum() / (each.sum() + (labels == index).sum()) for each in told]
        lowered[index] = float(LOWER[np.argmax(f1)])
    return lowered


if __name__ == "__main__":
    portraits, out, *paths = map(Path, sys.argv[1:])
    loaded = [model.load_model(path, torch.device("cpu")) for path in paths]
    network = average([each for each, _ in loaded])
    info = replace(loaded[0][1], data=tuple(dict.fromkeys(name for _, each in loaded for name in each.data)), scores={})
    model.save_model(network, info, out)
    lowered = choose(*look(FaceParser(out, "cpu"), portraits))
    print({classes.CLASSES[index].name: lower for index, lower in lowered.items()})
    with torch.no_grad():
        for index, lower in lowered.items():
            network.segmentation_head[0].bias[index] -= lower
    model.save_model(network, info, out)

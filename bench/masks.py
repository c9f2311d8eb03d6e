"""Scores of masks on the validation split of a data folder, the one that ``facelm train`` holds out.

    python bench/masks.py FOLDER [MODEL]

Three rows: the network on the portrait as it is; with the islands dropped; and the whole way of a picture, from
finding the face to pasting it back, where a portrait whose face is missed is all background.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import data
from facelm.islands import drop_islands
from facelm.masks import paste
from facelm.metrics import ConfusionMatrix
from facelm.parse import FaceParser

FRACTION, SEED = 0.1, 0  # as in training


def main(folder: Path, weights: str) -> None:
    """Measure and print."""
    parser = FaceParser(weights)
    size = parser.info.size
    _, held_out = data.split(data.find(folder), FRACTION, SEED)
    matrices = {name: ConfusionMatrix() for name in ("network", "without islands", "whole way")}
    missed = 0
    for example in held_out:
        rgb, truth = example.read()
        small = cv2.resize(rgb, (size, size), interpolation=cv2.INTER_AREA)
        probabilities = parser.predict(small[None])[0]
        faces = parser.parse(rgb)
        missed += not faces
        matrices["network"].add(truth, _labels(probabilities, truth.shape))
        matrices["without islands"].add(truth, _labels(drop_islands(probabilities), truth.shape))
        matrices["whole way"].add(truth, paste(faces, *truth.shape))
    for name, matrix in matrices.items():
        scores = matrix.scores()
        print(f"{name}: mean F1 {scores.mean_f1:.4f}, mIoU {scores.mean_iou:.4f}, accuracy {scores.pixel_accuracy:.4f}")
    print(f"{missed} of {len(held_out)} faces missed")


def _labels(probabilities: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Class indices at the size of the mask."""
    layers = [cv2.resize(layer, (shape[1], shape[0])) for layer in probabilities]
    return np.argmax(layers, 0).astype(np.uint8)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "lite")

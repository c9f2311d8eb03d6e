"""Which class each pixel has, computed by whole layers: OpenCV compares those many times faster than NumPy's argmax."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray


def label(probabilities: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The most probable class of each pixel; of equals the first.

    Args:
        probabilities: (C, H, W), C at most 256.

    Returns:
        (H, W) uint8.
    """
    best = probabilities[0].copy()
    labels = np.zeros(best.shape, np.uint8)
    for index, layer in enumerate(probabilities[1:], 1):
        higher = cv2.compare(layer, best, cv2.CMP_GT)
        cv2.max(best, layer, best)
        # Indices grow from layer to layer, so the latest winner has the largest.
        cv2.max(labels, higher & np.uint8(index), labels)
    return labels


def select(labels: NDArray[np.uint8], members: Sequence[int]) -> NDArray[np.uint8]:
    """Where the class is one of some: (H, W) uint8, 0 or 1."""
    table = np.zeros(256, np.uint8)
    table[list(members)] = 1
    return cv2.LUT(labels, table).astype(np.uint8, copy=False)


def total(probabilities: NDArray[np.float32], members: Sequence[int]) -> NDArray[np.float32]:
    """The probability that a pixel has one of some classes: (H, W) float32, from (C, H, W)."""
    summed = probabilities[members[0]].copy()
    for index in members[1:]:
        cv2.add(summed, probabilities[index], summed)
    return summed

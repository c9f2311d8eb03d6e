"""Post-processing of a parsed crop: islands that are far too small for what they claim to be give way."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.engines.labels import label

_AREAS = {
    "nose": 0.0205,
    "eye_g": 0.0525,
    "l_eye": 0.0023,
    "r_eye": 0.0022,
    "l_brow": 0.0041,
    "r_brow": 0.0041,
    "l_ear": 0.0081,
    "r_ear": 0.0064,
    "u_lip": 0.0040,
    "l_lip": 0.0067,
    "hat": 0.2139,
}
"""Median areas over CelebAMask-HQ, as shares of the crop, of the classes that are one thing of a certain size."""

_LEAST_SHARE = 0.1


def drop_islands(probabilities: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Take from each class its islands of less than a tenth of its usual area.

    Args:
        probabilities: (19, S, S) float32 of a canonical crop. In place, the next best class takes that of the islands,
            and they still add up to 1 in each pixel.

    Returns:
        The most probable class of each pixel then, (S, S).
    """
    labels = label(probabilities)
    for name, area in _AREAS.items():
        index = classes.INDEX[name]
        mask = (labels == index).view(np.uint8)
        x, y, width, height = cv2.boundingRect(mask)
        rows, columns = slice(y, y + height), slice(x, x + width)
        if not width:
            continue
        _, regions, stats, _ = cv2.connectedComponentsWithStats(mask[rows, columns], connectivity=8)
        small = stats[:, cv2.CC_STAT_AREA] < _LEAST_SHARE * area * labels.size
        small[0] = False
        if not small.any():
            continue
        island = small[regions]
        layers = probabilities[:, rows, columns]
        layers[index][island] = 0
        layers[:, island] /= np.maximum(layers[:, island].sum(0), 1e-6)
        labels[rows, columns][island] = layers[:, island].argmax(0)
    return labels

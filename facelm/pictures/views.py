"""Exposure: what is dark in a picture, made as light as most pictures are."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_DARK = 128
_LIGHT = 230
_SPOT = 8


def expose(rgb: NDArray[np.uint8], part: tuple[slice, slice] = np.s_[:, :]) -> NDArray[np.uint8]:
    """Make a dark picture as light as most pictures are.

    Args:
        rgb: (H, W, 3) uint8.
        part: Rows and columns that are to become light.

    Returns:
        The same picture, multiplied so that the lightest spot of 8 x 8 pixels in the part is light, where that is
        darker than half of what a pixel can be; otherwise the picture as it is.
    """
    height, width = (max(1, side // _SPOT) for side in rgb[part].shape[:2])
    lightest = int(cv2.resize(rgb[part], (width, height), interpolation=cv2.INTER_AREA).max())
    return rgb if lightest >= _DARK else cv2.convertScaleAbs(rgb, alpha=_LIGHT / max(lightest, 1)).astype(np.uint8)

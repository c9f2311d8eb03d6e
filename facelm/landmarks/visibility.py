"""Which landmarks can be seen, by the regions around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.landmarks.points import PARTS, POINTS
from facelm.parsing.face import Face

_COVERS = classes.indices("hair", "hat")
_BEYOND = classes.indices("background", "cloth")
_NEAR = np.full(POINTS, 0.016)  # how far a point may be from its part, sides of the crop
_NEAR[list(PARTS["nose_bridge"])] = 0.045  # noses begin lower in masks
_FOREHEAD = 0.3  # of the crop is above where a jaw can be
_AROUND = np.array([(0, 0), *((np.cos(turn), np.sin(turn)) for turn in np.arange(0, 2 * np.pi, np.pi / 4))])
_REGIONS = {
    "jaw": classes.FACE,
    "right_brow": ("r_brow", "l_brow"),
    "left_brow": ("r_brow", "l_brow"),
    "nose_bridge": ("nose", "eye_g"),
    "nose_base": ("nose",),
    "right_eye": ("r_eye", "l_eye"),
    "left_eye": ("r_eye", "l_eye"),
    "outer_lips": classes.LIPS,
    "inner_lips": classes.LIPS,
}
_OWN = np.zeros((POINTS, len(classes.CLASSES)), np.float32)
for _part, _names in _REGIONS.items():
    _OWN[np.ix_(PARTS[_part], classes.indices(*_names))] = 1


def find_shown(face: Face, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether each point lies in the picture, by its own part, and not on something that covers the face.

    Points of the jaw lie where the face ends: there only hair and hats are taken for covers.

    Args:
        face: The face.
        points: (68, 2) x, y in pixels of the crop.

    Returns:
        (68,) bool.
    """
    size = face.probabilities.shape[1]
    places = np.rint(points[:, None] + _AROUND * (_NEAR * size)[:, None, None]).astype(int).clip(0, size - 1)
    columns, rows = places.transpose(2, 0, 1)
    seen = face.probabilities[:, rows, columns]
    own = np.einsum("pc,cpk->pk", _OWN, seen).max(1) > 0.5
    free = seen[_COVERS + _BEYOND, :, 0].sum(0) < 0.5
    jaw = slice(PARTS["jaw"].start, PARTS["jaw"].stop)
    free[jaw] = (seen[_COVERS][:, jaw].sum(0) * (rows[jaw] > _FOREHEAD * size)).max(1) < 0.5
    outside = (points < -0.5).any(1) | (points > size - 0.5).any(1)
    shown: NDArray[np.bool_] = own & free & ~outside & face.inside[rows[:, 0], columns[:, 0]]
    return shown

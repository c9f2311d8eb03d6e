"""Faces that touch: a crop shows parts of the faces next to its own, which are not to count as its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.engines.labels import label, select
from facelm.parsing.face import Face, bound_face
from facelm.parsing.masks import paste_instances

_NEAR = 0.2
_FACE = classes.indices(*classes.FACE)


def part_boxes(faces: Sequence[Face], height: int, width: int) -> list[Face]:
    """Bound each face of a picture by what it owns, as `facelm.parsing.masks.paste_instances` decides.

    Args:
        faces: All faces of the picture.
        height: Of the picture, pixels.
        width: Of the picture, pixels.

    Returns:
        The same faces in the same order; those whose box reaches into that of another have a box of what they own
        from brows to chin.
    """
    touching = [at for at, face in enumerate(faces) if any(_meet(face, other) for other in faces if other is not face)]
    if not touching:
        return list(faces)
    owner = paste_instances([faces[at] for at in touching], height, width)
    parted = list(faces)
    for number, at in enumerate(touching, 1):
        parted[at] = _part(faces[at], (owner == number).view(np.uint8))
    return parted


def find_own(faces: Sequence[Face], height: int, width: int) -> list[NDArray[np.bool_] | None]:
    """Which pixels of the crop of each face no other face of the picture owns.

    Args:
        faces: All faces of the picture.
        height: Of the picture, pixels.
        width: Of the picture, pixels.

    Returns:
        For each face (S, S), as `facelm.parsing.masks.paste_instances` decides; None where no other is near.
    """
    near = [replace(face, box=_grow(face.box)) for face in faces]
    touching = [at for at, face in enumerate(near) if any(_meet(face, other) for other in near if other is not face)]
    own: list[NDArray[np.bool_] | None] = [None] * len(faces)
    if touching:
        owner = paste_instances([faces[at] for at in touching], height, width)
        for number, at in enumerate(touching, 1):
            size = faces[at].probabilities.shape[1]
            others = ((owner > 0) & (owner != number)).view(np.uint8)
            own[at] = cv2.warpAffine(others, faces[at].to_crop, (size, size), flags=cv2.INTER_NEAREST) == 0
    return own


def _grow(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """A box that reaches as far as the crop of its face may show something of another."""
    x0, y0, x1, y1 = box
    across, down = _NEAR * (x1 - x0), _NEAR * (y1 - y0)
    return x0 - across, y0 - down, x1 + across, y1 + down


def _meet(face: Face, other: Face) -> bool:
    (left, top, right, bottom), (x0, y0, x1, y1) = face.box, other.box
    return left <= x1 and x0 <= right and top <= y1 and y0 <= bottom


def _part(face: Face, own: NDArray[np.uint8]) -> Face:
    """A face with a box of what it owns, (H, W) ones of the picture; as it was where it owns nothing of a face."""
    labels = label(face.probabilities)
    size = len(labels)
    mine = face.inside & (cv2.warpAffine(own, face.to_crop, (size, size), flags=cv2.INTER_NEAREST) > 0)
    if not (select(labels, _FACE).astype(bool) & mine).any():
        return face
    return replace(face, box=bound_face(labels, mine, face.transform))

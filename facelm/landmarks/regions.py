"""Skin divided by landmarks into forehead, lids, cheeks, chin and so on, and beards told from other hair.

Each pixel of a crop belongs to one region, whatever is seen there; the mask then says which of them are skin or hair.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.landmarks.find import find_landmarks
from facelm.parsing.face import Face
from facelm.pictures import affine

_UNDER_EYE = 0.45  # how far below the lid it reaches, in lengths of the eye
_NOSE_SIDE = 0.22  # how far beside the line from eye to wing, in lengths of that line
_BEARD = 0.6  # how far below the chin it reaches, in lengths of the nose

_BROWS = {"r": range(17, 22), "l": range(22, 27)}
_UPPER_LIDS = {"r": (36, 37, 38, 39), "l": (42, 43, 44, 45)}
_LOWER_LIDS = {"r": (36, 41, 40, 39), "l": (45, 46, 47, 42)}  # both to the inner corner
_WINGS = {"r": 31, "l": 35}


def paste_regions(
    faces: Sequence[Face],
    mask: NDArray[np.uint8],
    owner: NDArray[np.uint16],
) -> NDArray[np.uint8]:
    """The mask of a picture with its skin divided, and beards told from other hair.

    Args:
        faces: All faces of the picture.
        mask: (H, W) of them, from `facelm.parsing.masks.paste`.
        owner: (H, W), whose each pixel is, from `facelm.parsing.masks.paste_instances`.

    Returns:
        A new mask, (H, W) uint8: `facelm.classes.REGIONS` in place of skin, and of hair where it is a beard.
    """
    divided = mask.copy()
    skin, hair = classes.indices("skin", "hair")
    for number, face in enumerate(faces, 1):
        x, y, width, height = cv2.boundingRect((owner == number).view(np.uint8))
        there = np.s_[y : y + height, x : x + width]
        if not width:
            continue
        matrix = face.to_crop.copy()
        matrix[:, 2] += matrix[:, :2] @ (x, y)
        points = affine.apply(face.to_crop, find_landmarks(face).points)
        size = len(face.inside)
        regions, beard = (
            cv2.warpAffine(
                layer, matrix, (width, height), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP, borderMode=border
            )
            for layer, border in (
                (divide(points, size), cv2.BORDER_REPLICATE),
                (find_beard(points, size), cv2.BORDER_CONSTANT),
            )
        )
        own, seen = owner[there] == number, mask[there]
        divided[there] = np.where(own & (seen == skin), regions, divided[there])
        divided[there] = np.where(own & (seen == hair) & (beard > 0), classes.REGION_INDEX["beard"], divided[there])
    return divided


def divide(points: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """The region of each pixel of a crop, for where it shows skin.

    Args:
        points: (68, 2) landmarks in pixels of the crop, where the face stands upright.
        size: Side of the crop.

    Returns:
        (size, size) uint8, of `facelm.classes.REGION_INDEX`.
    """
    index = classes.REGION_INDEX
    rows, columns = np.mgrid[:size, :size]
    middle = np.polyfit(points[[27, 33, 57, 8], 1], points[[27, 33, 57, 8], 0], 1)
    regions = np.where(columns < np.polyval(middle, rows), index["r_cheek"], index["l_cheek"]).astype(np.uint8)
    nose = float(np.linalg.norm(points[27] - points[33]))
    chin = [*range(5, 12), *range(55, 60)]
    below = points[[5, 11]] + (0, nose)
    _fill(regions, index["chin"], np.concatenate([points[chin[:7]], points[[54]], points[chin[7:]], points[[48]]]))
    _fill(regions, index["chin"], np.concatenate([points[5:12], below[::-1]]))
    _fill(regions, index["forehead"], points[[21, 22, 42, 27, 39]])
    for side, wing_at in _WINGS.items():
        lower, wing = points[list(_LOWER_LIDS[side])], points[wing_at]
        inner = lower[-1]
        eye = float(np.linalg.norm(lower[0] - inner))
        out = (lower[0] - inner) / max(eye, 1.0)
        wide = (inner + wing) / 2 + _NOSE_SIDE * float(np.linalg.norm(wing - inner)) * out
        below_eye = lower[::-1] + np.array([0, _UNDER_EYE * eye])
        _fill(regions, index[f"{side}_nose_side"], np.array([points[27], inner, wide, wing, points[33], points[30]]))
        _fill(regions, index[f"{side}_under_eye"], np.concatenate([lower, below_eye]))
        around = [*_BROWS[side], *reversed(_UPPER_LIDS[side])]
        _fill(regions, index[f"{side}_lid"], points[around])
    _fill(regions, index["philtrum"], points[[31, 32, 33, 34, 35, 53, 52, 51, 50, 49]])
    brows = points[17:27]
    ends = np.array([[-1.0, brows[0, 1]], [size, brows[-1, 1]]])
    corners = np.array([[size, -1.0], [-1, -1]])
    _fill(regions, index["forehead"], np.concatenate([ends[:1], brows, ends[1:], corners]))
    return regions


def find_beard(points: NDArray[np.float64], size: int) -> NDArray[np.uint8]:
    """Where hair is a beard: between nose and jaw, and somewhat below the chin; (size, size) uint8, 0 or 1."""
    beard = np.zeros((size, size), np.uint8)
    down = _BEARD * (points[33] - points[27])
    _fill(beard, 1, np.concatenate([points[[31, 32, 33, 34, 35]], points[13:2:-1]]))
    _fill(beard, 1, np.concatenate([points[4:13], points[12:3:-1] + down]))
    return beard


def _fill(layer: NDArray[np.uint8], value: int, corners: NDArray[np.float64]) -> None:
    cv2.fillPoly(layer, [np.rint(corners).astype(np.int32)], value)

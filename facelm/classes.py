"""The 19 classes of a face parsing mask, in the order of CelebAMask-HQ (Lee et al., CVPR 2020).

This is the only place that knows a class number. ``l_`` is the subject's left, so it lies on the right of
the picture when the subject looks at the camera.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class FaceClass:
    """One class of the mask.

    Attributes:
        index: Pixel value in a mask.
        name: Name in CelebAMask-HQ.
        colour: RGB colour in palettes and overlays, 0 to 255.
        mirror: Name of the class that this one becomes when the picture is flipped left to right.
        meaning: What it is, for a person.
    """

    index: int
    name: str
    colour: tuple[int, int, int]
    mirror: str
    meaning: str


CLASSES: tuple[FaceClass, ...] = (
    FaceClass(0, "background", (0, 0, 0), "background", "what belongs to nobody"),
    FaceClass(1, "skin", (232, 178, 142), "skin", "of the face: cheeks, forehead, chin"),
    FaceClass(2, "nose", (214, 92, 72), "nose", "nose"),
    FaceClass(3, "eye_g", (92, 98, 112), "eye_g", "glasses, frame and lens"),
    FaceClass(4, "l_eye", (38, 84, 214), "r_eye", "the subject's left eye"),
    FaceClass(5, "r_eye", (64, 186, 232), "l_eye", "the subject's right eye"),
    FaceClass(6, "l_brow", (122, 74, 24), "r_brow", "the subject's left eyebrow"),
    FaceClass(7, "r_brow", (204, 150, 40), "l_brow", "the subject's right eyebrow"),
    FaceClass(8, "l_ear", (146, 70, 190), "r_ear", "the subject's left ear"),
    FaceClass(9, "r_ear", (206, 140, 236), "l_ear", "the subject's right ear"),
    FaceClass(10, "mouth", (110, 0, 52), "mouth", "inside of the mouth, between the lips"),
    FaceClass(11, "u_lip", (236, 80, 150), "u_lip", "upper lip"),
    FaceClass(12, "l_lip", (186, 24, 104), "l_lip", "lower lip"),
    FaceClass(13, "hair", (46, 130, 62), "hair", "hair"),
    FaceClass(14, "hat", (176, 196, 52), "hat", "hat, cap, hood"),
    FaceClass(15, "ear_r", (250, 226, 66), "ear_r", "earring"),
    FaceClass(16, "neck_l", (240, 160, 0), "neck_l", "necklace"),
    FaceClass(17, "neck", (174, 116, 90), "neck", "neck"),
    FaceClass(18, "cloth", (72, 76, 156), "cloth", "clothes"),
)

REGIONS: tuple[FaceClass, ...] = (
    FaceClass(19, "forehead", (250, 214, 165), "forehead", "skin above the brows"),
    FaceClass(20, "l_lid", (120, 170, 250), "r_lid", "skin between the subject's left brow and eye"),
    FaceClass(21, "r_lid", (150, 220, 250), "l_lid", "skin between the subject's right brow and eye"),
    FaceClass(22, "l_under_eye", (170, 130, 220), "r_under_eye", "skin below the subject's left eye"),
    FaceClass(23, "r_under_eye", (205, 170, 240), "l_under_eye", "skin below the subject's right eye"),
    FaceClass(24, "l_nose_side", (226, 120, 90), "r_nose_side", "skin beside the nose, on the subject's left"),
    FaceClass(25, "r_nose_side", (240, 150, 120), "l_nose_side", "skin beside the nose, on the subject's right"),
    FaceClass(26, "l_cheek", (244, 150, 160), "r_cheek", "the subject's left cheek"),
    FaceClass(27, "r_cheek", (250, 182, 190), "l_cheek", "the subject's right cheek"),
    FaceClass(28, "philtrum", (190, 220, 110), "philtrum", "skin between nose and upper lip"),
    FaceClass(29, "chin", (120, 200, 180), "chin", "skin below the lower lip"),
    FaceClass(30, "beard", (96, 70, 40), "beard", "hair between nose and chin"),
)
"""What `facelm.landmarks.regions` divides skin and hair into; the other classes stay as they are."""

HAND = FaceClass(31, "hand", (240, 200, 60), "hand", "a hand, in masks of hands alone")
"""The one class of `facelm.hands.masks`."""

HEAD = ("skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear", "mouth", "u_lip", "l_lip",
        "hair", "hat", "ear_r")  # fmt: skip
"""The classes that make up a head, with what is worn on it."""

IGNORE = 255
"""Mask value of a pixel whose class is unknown: no loss, no metric."""

PARTIAL = 1024
"""Labels of training from here on say that a pixel has one of several classes; see `one_of`."""

INDEX: dict[str, int] = {c.name: c.index for c in CLASSES}
REGION_INDEX: dict[str, int] = {c.name: c.index for c in REGIONS}
NAMES: tuple[str, ...] = tuple(c.name for c in CLASSES)

FACE = ("skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "mouth", "u_lip", "l_lip")
"""The classes that make up a face: what lies within its outline, between hair, ears and neck."""

CORE = tuple(name for name in FACE if name != "eye_g")
"""The classes of a bare face, which nearly every picture shows."""

LIPS = ("mouth", "u_lip", "l_lip")
"""The classes within the outer edge of the lips."""

MIRRORED: tuple[int, ...] = tuple(INDEX[c.mirror] for c in CLASSES)
"""The class that each one becomes when the picture is flipped left to right."""

_MIRROR_TABLE = np.arange(256, dtype=np.uint8)
_MIRROR_TABLE[: len(CLASSES)] = MIRRORED


def indices(*names: str) -> list[int]:
    """Class indices of names, in the order given.

    Raises:
        KeyError: A name is not one of the 19 classes.
    """
    return [INDEX[name] for name in names]


def one_of(members: Iterable[int]) -> int:
    """The training label of a pixel that has one of several classes: ``PARTIAL`` plus a bit for each."""
    return PARTIAL + sum(1 << index for index in members)


def palette() -> NDArray[np.uint8]:
    """The palette of a mask of any kind: (256, 3) RGB, uint8. Unused entries are black, 255 is white."""
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(CLASSES) + len(REGIONS) + 1] = [c.colour for c in (*CLASSES, *REGIONS, HAND)]
    colours[IGNORE] = 255
    return colours


def mirror(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Swap the left and right classes of a mask, without moving a pixel.

    Args:
        mask: Class indices, any shape, uint8; 255 stays 255.

    Returns:
        A new array of the same shape.
    """
    swapped: NDArray[np.uint8] = _MIRROR_TABLE.take(mask)
    return swapped

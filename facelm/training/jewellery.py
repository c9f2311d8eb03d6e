"""Jewellery for training portraits that show none: necklaces and earrings of others, cut out along their masks.

They are a few pixels in a few pictures; worn by many people, in many places, they are learned from more than those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm import classes
from facelm.classes import INDEX
from facelm.engines.labels import select
from facelm.pictures import affine
from facelm.pictures.crops import align
from facelm.training.data import Example

_PARTS = {"r_eye": ("r_eye",), "l_eye": ("l_eye",), "nose": ("nose",), "lips": classes.LIPS}
_SHIFT, _GROWTH = 0.015, 0.06
_LEAST_KEPT, _LEAST_ON_PERSON, _LEAST_PIXELS = 0.6, 0.4, 30
_MOST_LIGHT = 1.8


@dataclass(frozen=True)
class _Kind:
    """A kind of jewellery: its class, in which share of the samples it is tried on, and what it may cover."""

    index: int
    chance: float
    over: tuple[int, ...]


_KINDS = (
    _Kind(INDEX["neck_l"], 0.3, tuple(classes.indices("neck", "cloth"))),
    _Kind(INDEX["ear_r"], 0.12, tuple(classes.indices("l_ear", "r_ear", "neck", "hair", "cloth", "background"))),
)


class Jeweller:
    """Puts jewellery on portraits.

    Args:
        examples: Training portraits. Jewellery comes from those whose masks know every pixel: what a network has
            labelled, as far as it was sure, is not a model to copy.
        shown: Of each, the values in its mask (`facelm.training.balance.find_shown`).
    """

    def __init__(self, examples: Sequence[Example], shown: Sequence[set[int]]) -> None:
        self._wearers = {
            kind.index: [
                example
                for example, values in zip(examples, shown, strict=True)
                if kind.index in values and classes.IGNORE not in values
            ]
            for kind in _KINDS
        }

    def adorn(
        self, rgb: NDArray[np.uint8], mask: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Put jewellery on a portrait, by chance, where it shows none and has room.

        Args:
            rgb: (H, W, 3).
            mask: (H, W) class indices.
            rng: What chance draws from.

        Returns:
            RGB and mask, the same arrays or new ones.

        Raises:
            facelm.ImageError: The picture of a wearer cannot be read.
        """
        for kind in _KINDS:
            wearers = self._wearers[kind.index]
            if rng.random() < kind.chance and wearers and not (mask == kind.index).any():
                rgb, mask = _lend(*wearers[int(rng.integers(len(wearers)))].read(), rgb, mask, kind, rng)
        return rgb, mask


def _lend(
    wearer: NDArray[np.uint8],
    worn: NDArray[np.uint8],
    rgb: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    kind: _Kind,
    rng: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The portrait with the jewellery of another, where their faces can be laid on each other and it has room."""
    if rng.random() < 0.5:
        wearer, worn = np.ascontiguousarray(wearer[:, ::-1]), classes.mirror(worn[:, ::-1])
    theirs, ours = _frame(worn), _frame(mask)
    if theirs is None or ours is None:
        return rgb, mask
    jitter = np.column_stack([np.eye(2) * np.exp(rng.normal(0, _GROWTH)), rng.normal(0, _SHIFT, 2)])
    onto = affine.compose(affine.invert(ours), affine.compose(jitter, theirs))
    size = (mask.shape[1], mask.shape[0])
    alpha = cv2.warpAffine((worn == kind.index).astype(np.float32), onto, size, flags=cv2.INTER_LINEAR)
    room = select(mask, kind.over).astype(bool)
    whole, kept, on_person = (float(alpha[where].sum()) for where in (slice(None), room, room & (mask != 0)))
    if kept < max(_LEAST_PIXELS, _LEAST_KEPT * whole) or on_person < _LEAST_ON_PERSON * whole:
        return rgb, mask
    alpha[~room] = 0
    lit = cv2.warpAffine(wearer, onto, size, flags=cv2.INTER_LINEAR) * _light(wearer, worn, rgb, mask)
    adorned = rgb + alpha[..., None] * (lit - rgb)
    return np.clip(adorned, 0, 255).astype(np.uint8), np.where(alpha > 0.5, kind.index, mask).astype(np.uint8)


def _frame(mask: NDArray[np.uint8]) -> NDArray[np.float64] | None:
    """The transform to the canonical crop, from eyes, nose and lips; None unless all are there."""
    centres = {}
    for name, members in _PARTS.items():
        sums = cv2.moments(select(mask, classes.indices(*members)), binaryImage=True)
        if not sums["m00"]:
            return None
        centres[name] = (sums["m10"] / sums["m00"], sums["m01"] / sums["m00"])
    return align(centres)


def _light(
    wearer: NDArray[np.uint8], worn: NDArray[np.uint8], rgb: NDArray[np.uint8], mask: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """What the wearer's colours are multiplied with to stand in the light of the portrait, by their noses."""
    theirs, ours = (p[m == INDEX["nose"]].mean(0) for p, m in ((wearer, worn), (rgb, mask)))
    light: NDArray[np.float64] = np.clip((ours + 1) / (theirs + 1), 1 / _MOST_LIGHT, _MOST_LIGHT)
    return light

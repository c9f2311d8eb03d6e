"""The reader of a hand: its 21 points, how sure each is, whether it is a hand at all, and which.

A small network sees a square around the hand, turned so that the fingers point up; ``facelm.training.hand_net`` has its
layers, ``recipes/hand_net.py`` trains it.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from facelm.engines.openvino import Network, read, read_metadata, take_pixels
from facelm.hands.points import PALM
from facelm.pictures import affine
from facelm.pictures.crops import cut_crop

SIDE = 128
"""Side of the crops that the network sees, pixels."""

CERTAINTY_KEY = "facelm.certainty"
"""Of the two numbers that make a point's confidence of its expected error, in the metadata of the network's file."""

ROOM = 1.35
"""Side of a crop, in longer sides of the hand."""

_LOADING = threading.Lock()


@dataclass(frozen=True, eq=False)
class ReadHand:
    """What the network says of a hand.

    Attributes:
        points: (21, 2) float64 x, y in the picture, pixels.
        depth: (21,) float64 z, pixels of the picture, from the wrist; smaller is nearer.
        confidence: (21,) the probability that a point lies within a tenth of the hand's box of its true place.
        score: The probability that it is a hand.
        right: The probability that it is a right hand, as it is seen.
    """

    points: NDArray[np.float64]
    depth: NDArray[np.float64]
    confidence: NDArray[np.float64]
    score: float
    right: float


def align_palm(palm: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.float64]:
    """The transform from picture pixels to fractions of a hand's crop, of what the finder says of the hand.

    Args:
        palm: (5, 2), the points of `PALM`.
        box: (4,) x0, y0, x1, y1 of the whole hand.
    """
    return _upright((box[:2] + box[2:]) / 2, ROOM * float((box[2:] - box[:2]).max()), _turn(palm))


def align_hand(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The transform from picture pixels to fractions of a hand's crop, of all points (21, 2) of the hand."""
    turn = _turn(points[list(PALM)])
    turned = points @ turn.T
    low, high = turned.min(0), turned.max(0)
    return _upright((low + high) / 2 @ turn, ROOM * float((high - low).max()), turn)


def _turn(palm: NDArray[np.float64]) -> NDArray[np.float64]:
    """The rotation (2, 2) after which the fingers' roots are above the wrist."""
    x, y = palm[1:].mean(0) - palm[0]
    length = max(float(np.hypot(x, y)), 1e-6)
    return np.array([[-y, x], [-x, -y]]) / length


def _upright(centre: NDArray[np.float64], side: float, turn: NDArray[np.float64]) -> NDArray[np.float64]:
    matrix = turn / max(side, 1e-3)
    return np.column_stack([matrix, 0.5 - matrix @ centre])


def read_hands(rgb: NDArray[np.uint8], transforms: list[NDArray[np.float64]]) -> list[ReadHand]:
    """Read the hands of a picture.

    Args:
        rgb: (H, W, 3) uint8.
        transforms: Of each hand, (2, 3) from picture pixels to fractions of its crop, by `align_palm` or `align_hand`.
    """
    if not transforms:
        return []
    network, (slope, constant) = _load()
    points, log_error, hand = network(np.stack([cut_crop(rgb, transform, SIDE) for transform in transforms]))
    found = []
    for transform, places, errors, (there, right) in zip(transforms, points, log_error, hand, strict=True):
        back = affine.invert(transform)
        side = float(np.sqrt(abs(np.linalg.det(back[:, :2]))))
        found.append(
            ReadHand(
                affine.apply(back, places[:, :2].astype(float)),
                places[:, 2].astype(float) * side,
                expit(slope * errors.astype(float) + constant),
                float(expit(there)),
                float(expit(right)),
            )
        )
    return found


def prepare() -> None:
    """Begin to load the network, in a thread of its own, while something else is loaded."""
    threading.Thread(target=_load).start()


def _load() -> tuple[Network, tuple[float, float]]:
    """The shipped network and what goes with it; threads that ask while it is loaded wait for one another."""
    with _LOADING:
        return _load_once()


@cache
def _load_once() -> tuple[Network, tuple[float, float]]:
    model = read(Path(__file__).with_name("hand_net.onnx"))
    slope, constant = json.loads(read_metadata(model, CERTAINTY_KEY))
    # In single precision: the places of points are finer than bfloat16 can tell.
    return Network(take_pixels(model).build(), exact=True, threads=2, keep=True), (slope, constant)

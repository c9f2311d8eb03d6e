"""The hands of a picture: found by the finder, read twice, the second time as they were read to lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from facelm.finding.finder import Finder, logit
from facelm.hands.points import WRIST
from facelm.hands.reader import ReadHand, align_hand, align_palm, prepare, read_hands
from facelm.pictures.choice import reading_order
from facelm.pictures.inputs import as_picture

if TYPE_CHECKING:
    from PIL.Image import Image

MIN_SCORE = 0.5
"""Probability from which on a place is told as a hand."""

_WORTH_READING = 0.1  # probability of a hand from which on a place is read, and read again
# A logistic regression on the logarithms of odds, fitted to validation pictures by recipes/hand_score.py.
_WEIGHTS, _CONSTANT = np.array([0.95, 0.73, 1.26]), -7.44
_SMALLEST = 18.0  # longer side of a hand that is told, pixels; the smallest that is found in validation has 19
_SAME_HAND = 0.4  # mean distance of two hands' points that makes them one, in sides of the hand
_HIDDEN = 0.5  # confidence below which a point is told as not visible


@dataclass(frozen=True, eq=False)
class Hand:
    """One hand of a picture.

    Attributes:
        box: x0, y0, x1, y1 around its points, pixels.
        score: How sure it is that this is a hand, 0 to 1.
        right: The probability that it is the subject's right hand, if the picture is not mirrored.
        points: (21, 2) float64 x, y in the picture, pixels, in the order of `facelm.hands.points`.
        depth: (21,) float64 z, pixels, from the wrist; smaller is nearer.
        confidence: (21,) the probability that a point lies within a tenth of the hand's size of its true place.
        visible: (21,) bool: False for a point that is hidden or outside of the picture.
    """

    box: tuple[float, float, float, float]
    score: float
    right: float
    points: NDArray[np.float64]
    depth: NDArray[np.float64]
    confidence: NDArray[np.float64]
    visible: NDArray[np.bool_]

    @property
    def side(self) -> str:
        """``left`` or ``right``, the subject's own."""
        return "right" if self.right > 0.5 else "left"


class HandFinder:
    """Finds the hands of a picture and reads each; several threads may use one.

    Args:
        threads: How many will call it at once.
    """

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._finder = Finder(threads, "hands")
        prepare()

    def __reduce__(self) -> tuple[type[HandFinder], tuple[int]]:
        """A finder that is sent to another process is opened there anew."""
        return HandFinder, (self._threads,)

    def find(self, rgb: NDArray[np.uint8] | Image, min_score: float = MIN_SCORE) -> list[Hand]:
        """Find all hands.

        Args:
            rgb: (H, W, 3) uint8, as ``facelm.read`` gives it, or a picture of PIL.
            min_score: Probability from which on a place is told as a hand.

        Returns:
            Hands in reading order, row by row from the top, each from the left; an empty list when there is none.

        Raises:
            ValueError: The picture has another shape or type.
        """
        rgb = as_picture(rgb)
        seen = self._finder.search(rgb)
        seen = seen[seen.scores > _WORTH_READING]
        places = zip(seen.points, seen.boxes, strict=True)
        first = read_hands(rgb, [align_palm(palm, box) for palm, box in places])
        rated = zip(seen.scores.tolist(), first, strict=True)
        likely = [(found, hand) for found, hand in rated if _rate(found, hand) > _WORTH_READING]
        second = read_hands(rgb, [align_hand(hand.points) for _, hand in likely])
        scored = [(_rate(found, hand), hand) for (found, _), hand in zip(likely, second, strict=True)]
        hands: list[Hand] = []
        for score, hand in sorted(scored, key=lambda each: -each[0]):
            large = score >= min_score and np.ptp(hand.points, axis=0).max() >= _SMALLEST
            if large and not any(is_same(hand.points, other.points) for other in hands):
                hands.append(describe_hand(hand, score, rgb.shape))
        return [hands[at] for at in reading_order([hand.box for hand in hands])]


def _rate(found: float, hand: ReadHand) -> float:
    """The probability of a hand, of the finder's, the reader's, and how sure the reader is of the points."""
    seen = logit(np.array([found, hand.score, hand.confidence.mean()]))
    return float(expit(seen @ _WEIGHTS + _CONSTANT))


def is_same(points: NDArray[np.float64], others: NDArray[np.float64]) -> bool:
    """Whether two hands with these points (21, 2) are one."""
    size = min(np.ptp(points, axis=0).max(), np.ptp(others, axis=0).max())
    return bool(np.linalg.norm(points - others, axis=1).mean() < _SAME_HAND * size)


def describe_hand(hand: ReadHand, score: float, shape: tuple[int, ...]) -> Hand:
    """A hand as it is told.

    Args:
        hand: As it was read.
        score: How sure it is that it is one.
        shape: Of the picture, (H, W, ...).
    """
    inside = ((hand.points > -0.5) & (hand.points < np.array(shape[1::-1]) - 0.5)).all(1)
    (x0, y0), (x1, y1) = hand.points.min(0).tolist(), hand.points.max(0).tolist()
    depth = hand.depth - hand.depth[WRIST]
    visible = inside & (hand.confidence > _HIDDEN)
    return Hand((x0, y0, x1, y1), score, hand.right, hand.points, depth, hand.confidence, visible)

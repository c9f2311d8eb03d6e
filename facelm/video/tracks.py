"""What is known of the faces of a clip, and which face of a frame is which of the frames before.

Faces are assigned (Hungarian assignment, scipy) first to tracks that are followed, then to those that are lost, which
take only a face of their colours; of both first the faces that are surely seen, then, as ByteTrack (Zhang et al., ECCV
2022) does it, those that are hardly seen, of which no track begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from facelm.finding.finder import Detection
from facelm.parsing.face import Face
from facelm.pictures import affine
from facelm.pictures.crops import align_points, cut_crop

WAIT = 1.0
"""Seconds for which a face that is lost is waited for."""

LOOK_EVERY = 0.3
"""Seconds from one look at the whole frame, or at what is around a face, to the next."""

_REACH, _FLIGHT = 0.8, 2.0  # sides of a face, that it may be off its way, and more for each second
_GROWTH = 1.7  # of a face, from when it was seen last
_LEAST_WORTH = 0.35  # of a pair, of 1 for its place and half of how like its colours are
_COLOURS_COUNT = 0.5
_KNOWN = 0.6  # of colours; a lost face is none whose colours are less like its own
_SHIFTED = 0.03  # of the crop's side; a face that has moved more has other surroundings
_LOOK = 16  # side of the small picture by which faces are told apart, pixels
_BINS, _RANGES = [8, 12, 12], [0, 256, 100, 172, 100, 172]  # of a histogram in CIELAB, as OpenCV has it in 8 bits
_FRESH = 0.2  # share of a new look in what is remembered
_CORNERS = np.array([[0.25, 0.3], [0.75, 0.3], [0.75, 0.85], [0.25, 0.85]])
"""Of the face in its canonical crop."""


@dataclass(frozen=True, eq=False)
class Look:
    """What a face looks like.

    Attributes:
        shades: A small upright picture of it, as a vector of length 1: it tells at once what covers the face.
        colours: Square roots of the shares of colours of the head, hair with it, likewise: they stay when it turns.
    """

    shades: NDArray[np.float32]
    colours: NDArray[np.float32]

    def mix(self, other: Look, share: float) -> Look:
        """What it looks like after some of another look was taken over."""
        return Look(_mix(self.shades, other.shades, share), _mix(self.colours, other.colours, share))


@dataclass(eq=False)
class Track:
    """What is known of a face from the frames before.

    Attributes:
        points: (5, 2) of a finder, in the frame in which it was seen last, pixels.
        score: Of the finder, when it saw the face last.
        seen: When that was, seconds.
        look: What it looks like, see `take_look`.
        number: From 1; 0 until it is sure that this is a face.
        looks: Of the finder in a row that saw it.
        misses: The same that did not.
        motion: (2,) pixels a second.
        lost: Whether it was not seen in the frame before.
        context: What was seen around it, see `facelm.Face`.
    """

    points: NDArray[np.float64]
    score: float
    seen: float
    look: Look
    number: int = 0
    looks: int = 1
    misses: int = 0
    motion: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    lost: bool = False
    context: NDArray[np.float32] | None = None
    _context_time: float = -np.inf
    _context_points: NDArray[np.float64] | None = None

    def expect(self, time: float) -> NDArray[np.float64]:
        """Its five points at a time, if it moves on as it did."""
        return self.points + self.motion * (time - self.seen)

    def bound(self, time: float) -> NDArray[np.float64]:
        """x0, y0, x1, y1 of where it may be: one that is lost moves on behind something, or rests behind a hand."""
        there, here = bound_points(self.expect(time)), bound_points(self.points if self.lost else self.expect(time))
        return np.concatenate([np.minimum(there, here)[:2], np.maximum(there, here)[2:]])

    def move(self, points: NDArray[np.float64], time: float) -> None:
        """Take over where the face is now, and how it came there, unless that is long ago."""
        step = time - self.seen
        moved = (points - self.points).mean(0) / step if 0 < step < LOOK_EVERY else np.zeros(2)
        self.motion = 0.5 * (self.motion + moved)
        self.points, self.seen = points, time

    def remember(self, look: Look) -> None:
        """Take over some of what it looks like now."""
        self.look = self.look.mix(look, _FRESH)

    def needs_context(self, time: float, points: NDArray[np.float64]) -> bool:
        """Whether what is around the face is to be seen anew: it is coarse and changes slowly."""
        if self._context_points is None or time - self._context_time >= LOOK_EVERY - 1e-6:
            return True
        return how_far(self._context_points, points) > _SHIFTED

    def keep_context(self, face: Face, time: float, points: NDArray[np.float64]) -> None:
        """Note what was seen around the face."""
        self.context, self._context_time, self._context_points = face.context, time, points


def bound_points(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """x0, y0, x1, y1 of the face that has these five points (5, 2)."""
    corners = affine.apply(affine.invert(align_points(points)), _CORNERS)
    return np.concatenate([corners.min(0), corners.max(0)])


def how_far(before: NDArray[np.float64], points: NDArray[np.float64]) -> float:
    """How far the farthest corner of a face has moved, in sides of its crop."""
    there = affine.apply(align_points(before), affine.apply(affine.invert(align_points(points)), _CORNERS))
    return float(np.linalg.norm(there - _CORNERS, axis=1).max())


def take_look(rgb: NDArray[np.uint8], points: NDArray[np.float64]) -> Look:
    """What a face with these five points (5, 2) looks like."""
    small = cut_crop(rgb, align_points(points), _LOOK)
    face = small[3:14, 3:13].astype(np.float32)
    lab = cv2.cvtColor(np.ascontiguousarray(small[1:14, 3:13]), cv2.COLOR_RGB2LAB)
    colours = np.sqrt(cv2.calcHist([lab], [0, 1, 2], None, _BINS, _RANGES)).ravel()
    return Look(_unit(cv2.GaussianBlur(face, (3, 3), 0) - face.mean()), _unit(colours))


def _unit(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """A vector of length 1."""
    return values.ravel() / np.float32(max(float(np.linalg.norm(values)), 1e-6))


def _mix(values: NDArray[np.float32], other: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    return _unit((1 - share) * values + np.float32(share) * other)


def overlap(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of boxes (N, 4) and (M, 4): (N, M)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = (high - low).clip(0).prod(2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(1) for boxes in (first, second)]
    return shared / (areas[0][:, None] + areas[1][None] - shared)


def assign(
    tracks: Sequence[Track], found: Sequence[tuple[Detection, Look]], time: float, sure: float
) -> list[tuple[int, int]]:
    """Pair tracks with faces that were found: those in reach of which place and colours fit best, lost ones last.

    Args:
        tracks: Where each is expected, and what it looks like.
        found: With the look of each.
        time: Of the frame, seconds.
        sure: Score from which on a face is assigned before those with less.

    Returns:
        Indices into both.
    """
    if not tracks or not found:
        return []
    worth = np.array([[_fit(track, each, look, time) for each, look in found] for track in tracks])
    lost = np.array([track.lost for track in tracks])
    certain = np.array([each.score >= sure for each, _ in found])
    pairs: list[tuple[int, int]] = []
    for rows, columns in product((~lost, lost), (certain, ~certain)):
        left = np.where(np.outer(rows, columns), worth, 0)
        for row, column in _pair(left):
            if left[row, column] > 0:
                pairs.append((int(row), int(column)))
                worth[row], worth[:, column] = 0, 0
    return pairs


def _pair(worth: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Rows and columns of a matrix, none of them twice, whose sum is greatest."""
    if min(worth.shape) < 2:
        return [divmod(int(worth.argmax()), worth.shape[1])] if worth.size else []
    from scipy.optimize import linear_sum_assignment  # takes as long to load as all else; one face needs none

    return list(zip(*linear_sum_assignment(-worth), strict=True))


def _fit(track: Track, found: Detection, look: Look, time: float) -> float:
    """How well a face that was found fits to a track; 0 where it is out of reach, or unlike."""
    here, there = bound_points(track.points), bound_points(found.points)
    side = _side(here)
    grown = _side(there) / side
    way = track.motion * (time - track.seen)
    off = (there[:2] + there[2:] - here[:2] - here[2:]) / 2
    gone = float(off @ way) / max(float(way @ way), 1e-6)
    away = float(np.linalg.norm(off - way * (min(max(gone, 0.0), 1.0) if track.lost else 1.0))) / side
    reach = _REACH + _FLIGHT * (time - track.seen)
    alike = float(look.colours @ track.look.colours)
    known = alike > _KNOWN or not track.lost
    if away > reach or not 1 / _GROWTH < grown < _GROWTH or not known:
        return 0.0
    worth = np.exp(-((away / 0.6) ** 2)) * min(grown, 1 / grown) + _COLOURS_COUNT * alike
    return worth if worth > _LEAST_WORTH else 0.0


def _side(box: NDArray[np.float64]) -> float:
    """Geometric mean of width and height of a box x0, y0, x1, y1, pixels."""
    return float(np.sqrt((box[2:] - box[:2]).prod()))
